import API
import Store

// Single writers: the highest token wins.

extension Service {
    func fencePool(_ call: Call) throws(Problem) -> Answer {
        let request = try FenceRequest(call)
        return try onPool(call) { _, pool in
            .later { complete in
                pool.raiseFence(to: request.token, isRequired: request.isRequired) { result in
                    complete(
                        result.mapError { Problem($0) }.map { _ in Self.answer(pool.fence) })
                }
            }
        }
    }

    func fenceLog(_ call: Call) throws(Problem) -> Answer {
        let request = try FenceRequest(call)
        return try onLog(call) { _, log in
            .later { complete in
                log.raiseFence(to: request.token, isRequired: request.isRequired) { result in
                    complete(
                        result.mapError { Problem($0, of: .diskLog) }.map { _ in
                            Self.answer(log.fence)
                        })
                }
            }
        }
    }

    func fenceJournal(_ call: Call) throws(Problem) -> Answer {
        let request = try FenceRequest(call)
        return try onJournal(call) { _, journal in
            .later { complete in
                do throws(StoreError) {
                    try journal.raiseFence(
                        to: request.token, isRequired: request.isRequired
                    ) { result in
                        complete(
                            result.mapError { Problem($0, of: .wiredTiger) }.map { _ in
                                Self.answer(journal.fence)
                            })
                    }
                } catch {
                    complete(.failure(Problem(error, of: .wiredTiger)))
                }
            }
        }
    }

    private static func answer(_ fence: Fence?) -> Answer {
        .now(Response(json: .object(fence?.members ?? [])))
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
        guard token != nil || isRequired != nil else {
            throw Problem(.badParameter, "token or require_fence is needed", option: "token")
        }
        if let token, token < 0 {
            throw Problem(.badParameter, "token is 0 or more", option: "token")
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
