import API
import Store

// Single writers: the highest token wins.

extension Service {
    func fencePool(_ call: Call) throws(Problem) -> Answer {
        let request = try FenceRequest(call)
        return try onPool(call) { _, pool in request.raise(pool, .pmemlog) }
    }

    func fenceLog(_ call: Call) throws(Problem) -> Answer {
        let request = try FenceRequest(call)
        return try onLog(call) { _, log in request.raise(log, .diskLog) }
    }

    func fenceJournal(_ call: Call) throws(Problem) -> Answer {
        let request = try FenceRequest(call)
        return try onJournal(call) { _, journal in request.raise(journal, .wiredTiger) }
    }
}

/// The body of a request to raise a fence.
private struct FenceRequest {
    let token: Int?
    let isRequired: Bool?

    init(_ call: Call) throws(Problem) {
        _ = try call.negotiate([.json])
        var object = try JSONObject(try JSONDocument(call.body, depth: 64).root)
        token = try object.integer("token")
        isRequired = try object.bool("require_fence")
        try object.finish()
        // Who only appends must not take away what holds its kind back.
        if isRequired != nil { try call.require(.write) }
        guard token != nil || isRequired != nil else {
            throw Problem(.badParameter, "token or require_fence is needed", option: "token")
        }
        if let token, token < 0 {
            throw Problem(.badParameter, "token is 0 or more", option: "token")
        }
    }

    func raise(_ log: some FencedLog, _ words: EngineWords) -> Answer {
        .later { complete in
            do throws(StoreError) {
                try log.raiseFence(to: token, isRequired: isRequired) { result in
                    complete(
                        result.mapError { Problem($0, of: words) }.map { _ in
                            .now(Response(json: .object(log.fence?.members ?? [])))
                        })
                }
            } catch {
                complete(.failure(Problem(error, of: words)))
            }
        }
    }
}

extension Fence {
    /// What items tell of it.
    var members: [JSONValue.Member] {
        [
            .init(name: "fence", value: .integer(current)),
            .init(name: "require_fence", value: .bool(isRequired)),
        ]
    }
}
