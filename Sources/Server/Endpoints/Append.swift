import API
import Store

// Appending: one way for every kind of log.

extension Service {
    func appendToPool(_ call: Call) throws(Problem) -> Answer {
        let request = try AppendRequest(call, at: try call.integer("at"))
        let records = try decodeRecords(call)
        guard !records.bytes.isEmpty, !records.lengths.contains(0) else {
            throw Problem(.badRecord, "a record is empty: a pool takes none")
        }
        // A pool keeps what it promises, whatever less is asked for.
        let append = Append(records, request, durability: .synced)
        return try onPool(call) { _, pool in
            .later { complete in
                do throws(StoreError) {
                    try pool.append(append) { result in
                        let made = Answer.made {
                            result.mapError { Problem($0, in: pool) }.map {
                                Self.answer($0, append, request, identity: pool.identity)
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

    /// The records of a request's body, within the limits of a batch.
    func decodeRecords(
        _ call: Call, form: any RecordForm = BytesForm()
    ) throws(Problem) -> RecordBatch {
        let type = call.headers[.contentType].flatMap(MediaType.init(contentType:)) ?? .octetStream
        var limits = RecordBatch.Limits()
        limits.records = settings.batchRecords
        limits.recordBytes = settings.recordBytes
        return try RecordBatch(call.body, type: type, form: form, limits: limits)
    }

    static func answer(
        _ appended: Appended, _ append: Append, _ request: AppendRequest, identity: String
    ) -> Answer {
        let tag = EntityTag(
            identity: identity, generation: appended.generation, position: appended.next)
        return request.answer(appended, tag, position: String(appended.next)) {
            body(appended, append)
        }
    }

    private static func body(_ appended: Appended, _ append: Append) -> [UInt8] {
        var writer = JSONWriter(capacity: 160)
        writer.beginObject()
        writer.member("first", appended.first)
        writer.member("next", appended.next)
        writer.member("count", append.lengths.count)
        writer.member("bytes", append.bytes.count)
        writer.member("durability", appended.durability.rawValue)
        writer.member("duplicate", .bool(appended.replay != nil))
        writer.endObject()
        writer.literal("\n")
        return writer.bytes
    }
}

extension Append {
    convenience init(
        _ records: RecordBatch, _ request: AppendRequest, isAtomic: Bool = true,
        durability: Durability
    ) {
        self.init(
            bytes: records.bytes, lengths: records.lengths, isAtomic: isAtomic,
            expectation: request.expectation, durability: durability, key: request.key)
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
