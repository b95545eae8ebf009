import API
import Store

// The list of pools, by page.

extension Service {
    func listPools(_ call: Call) throws(Problem) -> Answer {
        let page = try PageRequest(call, states: ["open", "closed", "failed", "damaged"])
        return onFileThread { [self] () throws(Problem) in
            let (names, isComplete) = try page.names(call, "pools") { limit throws(Problem) in
                try mapping { () throws(StoreError) in
                    try store.pools.names(prefix: page.prefix, after: page.after, limit: limit)
                }
            }
            let pools = names.map(summary).filter {
                page.state == nil || $0["state"] == page.state.map(JSONValue.string)
            }
            return try page.answer(
                call, "/v1/pools", "pools", pools, last: isComplete ? nil : names.last)
        }
    }

    /// A pool as the list shows it: from its file alone if it is not open.
    private func summary(_ name: String) -> JSONValue {
        if let pool = store.pools.loaded(name) {
            return ["name": .string(name), "state": .string(pool.view.state.word)]
        }
        do throws(StoreError) {
            try store.pools.examine(name)
            return ["name": .string(name), "state": "closed"]
        } catch {
            return [
                "name": .string(name), "state": "damaged", "detail": .string(Problem(error).detail),
            ]
        }
    }
}
