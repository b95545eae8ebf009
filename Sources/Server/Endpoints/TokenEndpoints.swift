import API
import Store

// The endpoints of tokens.

extension Service {
    func handle(_ operation: TokenOperation, _ call: Call) throws(Problem) -> Answer {
        switch operation {
        case .list:
            return try Self.json(call, ["tokens": .array(tokens.all.map { $0.json() })])
        case .get:
            guard let token = tokens.find(call.name) else { throw .noSuchToken(call.name) }
            return try Self.json(call, token.json())
        case .create: return try createToken(call)
        case .delete:
            return onFileThread { [self] () throws(Problem) in
                try tokens.remove(call.name)
                log.info("token \(call.name) was taken back")
                return .now(Response(status: 204))
            }
        }
    }

    private func createToken(_ call: Call) throws(Problem) -> Answer {
        _ = try call.negotiate([.json])
        var object = try JSONObject(try JSONDocument(call.body, depth: 8).root)
        let grant = try TokenGrant(&object)
        try object.finish()
        try tokens.requireAdmin(grant)
        return onFileThread { [self] () throws(Problem) in
            let (token, text) = try tokens.make(grant)
            log.info("token \(token.id) was made")
            return .now(
                Response(
                    status: 201,
                    headers: [
                        .init("Location", "/v1/tokens/\(token.id)"),
                        .init("Cache-Control", "no-store"),
                    ],
                    json: token.json(with: [.init(name: "token", value: .string(text))])))
        }
    }
}
