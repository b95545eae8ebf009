import API
import Store

// Appending: one way for every kind of log.

extension Service {
    func appendToPool(_ call: Call) throws(Problem) -> Answer {
        try refuseUnsupported(call)
        let append = try decodeAppend(call, durability: try durability(call) ?? .synced)
        guard !append.bytes.isEmpty else {
            throw Problem(.badRecord, "nothing was sent: a pool takes no empty record")
        }
        let minimal = Preference(call.headers.joined(.prefer)).wantsMinimal
        if !minimal { _ = try call.negotiate([.json]) }
        return try onPool(call) { _, pool in
            .later { complete in
                do throws(StoreError) {
                    try pool.append(append) { result in
                        let made = Answer.made {
                            result.mapError { Problem($0, in: pool) }.map {
                                Self.answer(
                                    $0, append, identity: pool.identity, minimal: minimal)
                            }
                        }
                        complete(.success(made))
                    }
                } catch {
                    complete(.failure(Problem(error)))
                }
            }
        }
    }

    /// What a client might rely on must not be passed over in silence.
    func refuseUnsupported(_ call: Call) throws(Problem) {
        if call.headers[.idempotencyKey] != nil {
            throw Problem(.notImplemented, "Idempotency-Key is not offered by this version")
        }
    }

    /// What the answer shall promise, if the call says.
    func durability(_ call: Call) throws(Problem) -> Durability? {
        guard let wanted = try call.text("durability") else { return nil }
        guard let level = Durability(rawValue: wanted) else {
            let offered = Durability.allCases.map(\.rawValue).joined(separator: ", ")
            throw Problem(.badParameter, "durability is one of \(offered)", option: "durability")
        }
        return level
    }

    func decodeAppend(
        _ call: Call, form: any RecordForm = BytesForm(), isAtomic: Bool = true,
        durability: Durability
    ) throws(Problem) -> Append {
        let type = call.headers[.contentType].flatMap(MediaType.init(contentType:)) ?? .octetStream
        var limits = RecordBatch.Limits()
        limits.records = settings.batchRecords
        limits.recordBytes = settings.recordBytes
        let batch = try RecordBatch(call.body, type: type, form: form, limits: limits)
        return Append(
            bytes: batch.bytes, lengths: batch.lengths, isAtomic: isAtomic,
            expectation: try Expectation(call), durability: durability)
    }

    static func answer(
        _ appended: Appended, _ append: Append, identity: String, minimal: Bool
    ) -> Answer {
        let tag = EntityTag(
            identity: identity, generation: appended.generation, position: appended.next)
        var response = Response(
            status: minimal ? 204 : 200,
            headers: [.init("ETag", tag.text), .init("Log-Position", String(appended.next))])
        if minimal {
            response.headers.append(.init("Preference-Applied", "return=minimal"))
        } else {
            response.body = body(appended, append)
            response.type = .json
        }
        return .now(response)
    }

    private static func body(_ appended: Appended, _ append: Append) -> [UInt8] {
        var writer = JSONWriter(capacity: 160)
        writer.beginObject()
        writer.member("first", appended.first)
        writer.member("next", appended.next)
        writer.member("count", append.lengths.count)
        writer.member("bytes", append.bytes.count)
        writer.member("durability", appended.durability.rawValue)
        writer.member("duplicate", false)
        writer.endObject()
        writer.literal("\n")
        return writer.bytes
    }
}

extension Expectation {
    /// What `at` and `If-Match` ask of the tail: both, if both are given.
    init(_ call: Call) throws(Problem) {
        self.init(position: try call.integer("at"), states: Self.states(call))
        token = try Self.token(call)
    }

    /// The writer's `Fencing-Token`.
    static func token(_ call: Call) throws(Problem) -> Int? {
        guard let text = call.headers[.fencingToken] else { return nil }
        guard let token = Int(text), token >= 0, text.utf8.first != UInt8(ascii: "+") else {
            throw Problem(
                .badParameter, "Fencing-Token is an integer, 0 or more", option: "Fencing-Token")
        }
        return token
    }

    /// What `If-Match` asks of the tail.
    static func states(_ call: Call) -> [State]? {
        guard let header = call.headers.joined(.ifMatch),
            case .tags(let tags) = EntityTagCondition(header)
        else { return nil }
        return tags.map {
            State(identity: $0.identity, generation: $0.generation, position: $0.position)
        }
    }
}

extension Problem {
    /// As `init(_:)`, with the entity tag where the state is not what was expected.
    init(_ error: StoreError, in pool: PmemLog) { self.init(error, identity: pool.identity) }

    /// As `init(_:)`, for the log of that identity.
    init(_ error: StoreError, of engine: EngineWords = .pmemlog, identity: String) {
        self.init(error, of: engine)
        guard case .positionMismatch(let position, let generation) = error else { return }
        let tag = EntityTag(
            identity: identity, generation: generation, position: position)
        add("etag", .string(tag.text))
        headers = [.init("ETag", tag.text), .init("Log-Position", String(position))]
    }
}
