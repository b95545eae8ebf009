import API
import Store

extension TokenGrant {
    /// Takes everything that a token's maker may say out of an object.
    init(_ object: inout JSONObject) throws(Problem) {
        self.init(scopes: try Self.scopes(try object.elements("scope")))
        if let texts = try object.elements("resources") {
            guard (1...100).contains(texts.count) else {
                throw Problem(
                    .badParameter, "resources are 1 to 100 patterns", option: "resources")
            }
            patterns = []
            for text in texts { patterns.append(try Self.pattern(text.string ?? "")) }
        }
        if let node = object.take("expires_at"), !node.isNull {
            guard let time = node.string.flatMap(Timestamp.milliseconds) else {
                throw Problem(
                    .badParameter, "expires_at is a time as RFC 3339 has it, or null",
                    option: "expires_at")
            }
            expiresAt = time
        }
        if let node = object.take("rate"), !node.isNull { rate = try Self.rate(node) }
        if let node = object.take("quotas"), !node.isNull {
            var quotas = try JSONObject(node)
            resourceQuota = try quotas.integer("resources", in: 0...1_000_000)
            byteQuota = try quotas.integer("bytes", in: 0...Int.max)
            try quotas.finish()
        }
        if let node = object.take("note"), !node.isNull {
            guard let text = node.string, text.unicodeScalars.count <= 200 else {
                throw Problem(.badParameter, "note has at most 200 characters", option: "note")
            }
            note = text
        }
    }

    private static func scopes(_ nodes: [JSONNode]?) throws(Problem) -> [Scope] {
        guard let nodes, !nodes.isEmpty else {
            throw Problem(.badParameter, "scope is needed: a list of scopes", option: "scope")
        }
        var scopes: [Scope] = []
        for node in nodes {
            guard let scope = node.string.flatMap(Scope.init) else {
                throw Problem(
                    .badParameter, "scopes are read, append, write and admin", option: "scope")
            }
            if !scopes.contains(scope) { scopes.append(scope) }
        }
        return Scope.allCases.filter(scopes.contains)
    }

    static func pattern(_ text: String) throws(Problem) -> ResourcePattern {
        guard let pattern = ResourcePattern(text) else {
            throw Problem(
                .badParameter,
                "a pattern is *, or a kind and a name with stars, such as logs/app-*",
                option: "resources")
        }
        return pattern
    }

    private static func rate(_ node: JSONNode) throws(Problem) -> TokenRate {
        var object = try JSONObject(node)
        guard let rate = try object.integer("requests_per_second", in: 1...1_000_000) else {
            throw Problem(
                .badParameter, "a rate has requests_per_second", option: "requests_per_second")
        }
        let burst = try object.integer("burst", in: 1...1_000_000)
        try object.finish()
        return TokenRate(requestsPerSecond: rate, burst: burst ?? rate)
    }
}

extension TokenGrant {
    fileprivate var quotas: JSONValue {
        let members = [("resources", resourceQuota), ("bytes", byteQuota)].compactMap {
            name, most in
            most.map { JSONValue.Member(name: name, value: .integer($0)) }
        }
        return members.isEmpty ? .null : .object(members)
    }
}

extension AccessToken {
    /// As it is shown, with more members behind.
    func json(with more: [JSONValue.Member] = []) -> JSONValue {
        let time = { (milliseconds: Int) in
            JSONValue.string(WallClock.text(ofMilliseconds: milliseconds))
        }
        let members: [JSONValue.Member] = [
            .init(name: "id", value: .string(id)),
            .init(name: "created_at", value: time(createdAt)),
            .init(
                name: "scope", value: .array(grant.scopes.map { .string($0.rawValue) })),
            .init(
                name: "resources", value: .array(grant.patterns.map { .string($0.text) })),
            .init(name: "expires_at", value: grant.expiresAt.map(time) ?? .null),
            .init(
                name: "rate",
                value: grant.rate.map { rate in
                    [
                        "requests_per_second": .integer(rate.requestsPerSecond),
                        "burst": .integer(rate.burst),
                    ]
                } ?? .null),
            .init(
                name: "quotas",
                value: grant.quotas),
            .init(name: "note", value: grant.note.map(JSONValue.string) ?? .null),
        ]
        return .object(members + more)
    }
}
