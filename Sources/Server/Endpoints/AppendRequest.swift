import API
import Store

/// What a request says of its append besides the records: the same for every kind of log.
struct AppendRequest: Sendable {
    /// What the answer shall promise, if the client says.
    let durability: Durability?
    let expectation: Expectation
    let key: IdempotencyKey?
    private let wantsMinimal: Bool
    /// Whether it need not be done when it is answered, where that can be.
    private let mayBeLater: Bool

    /// - Parameter position: what `at` asks of the tail.
    init(_ call: Call, at position: Int?) throws(Problem) {
        let preference = Preference(call.headers.joined(.prefer))
        wantsMinimal = preference.wantsMinimal
        if !wantsMinimal { _ = try call.negotiate([.json]) }
        durability = try call.choice("durability")
        expectation = try Expectation(call, at: position)
        key = try IdempotencyKey(call)
        mayBeLater = preference.isAsync && durability == nil && key == nil
    }

    /// The durability of an append to a resource that promises `promised`.
    ///
    /// - Throws: `bad_parameter` where nobody would remember the key.
    func durability(promised: Durability) throws(Problem) -> Durability {
        let durability = mayBeLater ? .accepted : durability ?? promised
        guard key == nil || durability > .accepted else {
            throw Problem(
                .badParameter, "an append that is only accepted has no Idempotency-Key",
                option: "durability")
        }
        return durability
    }

    /// The answer to records that lie where `appended` says.
    ///
    /// - Parameters:
    ///   - position: what `Log-Position` says.
    ///   - body: makes the body, if the client wants one.
    func answer(
        _ appended: Appended, _ tag: EntityTag, position: String, body: () -> [UInt8]
    ) -> Answer {
        var response = Response(
            status: wantsMinimal ? 204 : 200,
            headers: [.init("ETag", tag.text), .init("Log-Position", position)])
        if appended.replay != nil {
            response.headers.append(.init("Idempotency-Replayed", "true"))
        }
        if wantsMinimal {
            response.headers.append(.init("Preference-Applied", "return=minimal"))
        } else {
            response.body = body()
            response.type = .json
        }
        return .now(response)
    }

    /// The answer to records that were queued.
    func accepted(_ append: Append) -> Answer {
        .now(
            Response(
                status: 202,
                headers: mayBeLater ? [.init("Preference-Applied", "respond-async")] : [],
                json: ["accepted": .integer(append.lengths.count)]))
    }
}

extension Expectation {
    /// What `at` and `If-Match` ask of the tail, both if both are given; and the writer's token.
    init(_ call: Call, at position: Int?) throws(Problem) {
        self.init(position: position, states: Self.states(call))
        token = try Self.token(call)
    }

    /// As above, where positions are numbers.
    init(_ call: Call) throws(Problem) { try self.init(call, at: try call.integer("at")) }

    /// The writer's `Fencing-Token`.
    private static func token(_ call: Call) throws(Problem) -> Int? {
        guard let text = call.headers[.fencingToken] else { return nil }
        guard let token = Int(text), token >= 0, text.utf8.first != UInt8(ascii: "+") else {
            throw Problem(
                .badParameter, "Fencing-Token is an integer, 0 or more", option: "Fencing-Token")
        }
        return token
    }

    /// What `If-Match` asks of the tail.
    private static func states(_ call: Call) -> [State]? {
        guard let header = call.headers.joined(.ifMatch),
            case .tags(let tags) = EntityTagCondition(header)
        else { return nil }
        return tags.map {
            State(identity: $0.identity, generation: $0.generation, position: $0.position)
        }
    }
}

extension IdempotencyKey {
    /// The key of a request, if it has one; what is sent under it is method, path, parameters, type and
    /// body.
    ///
    /// - Parameter resource: what it is called on, where keys of several are kept together.
    init?(_ call: Call, on resource: String? = nil) throws(Problem) {
        guard let header = call.headers[.idempotencyKey] else { return nil }
        let isQuoted = header.count >= 2 && header.hasPrefix("\"") && header.hasSuffix("\"")
        let text = isQuoted ? header.dropFirst().dropLast() : header[...]
        guard 1...255 ~= text.utf8.count, text.utf8.allSatisfy({ 0x21...0x7E ~= $0 }) else {
            throw Problem(
                .badParameter, "Idempotency-Key is 1 to 255 visible ASCII characters",
                option: "Idempotency-Key")
        }
        var content = SHA256()
        let target = call.route.target
        content.add(call.route.method.rawValue)
        for segment in target.segments { content.add(segment) }
        // How long a client waits makes no other append.
        let parameters = target.query.filter { $0.name != "wait_ms" }
        for parameter in parameters.map({ "\($0.name)=\($0.value)" }).sorted() {
            content.add(parameter)
        }
        content.add(call.headers[.contentType] ?? "")
        call.body.withUnsafeBytes { content.add($0) }
        var name = SHA256()
        if let resource {
            // Who calls a log is a part of what is asked.
            content.add(call.headers[.logHandle] ?? "")
            name.add(resource)
        }
        name.add(call.token?.id ?? "")
        name.add(String(text))
        guard let content = content.finish(), let name = name.finish() else {
            throw Problem(.overloaded, "there is no memory to compare requests")
        }
        self.init(name: KeyDigest(name), content: KeyDigest(content))
    }
}
