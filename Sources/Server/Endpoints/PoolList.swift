import API
import Store

// The list of pools, by page.

extension Service {
    func listPools(_ call: Call) throws(Problem) -> Answer {
        let prefix = try call.text("prefix") ?? ""
        let limit = try call.integer("limit", in: 1...1000) ?? 100
        let after = try call.text("page_token").map(ListToken.init(text:))
        let state = try call.text("state")
        if let state, !["open", "closed", "failed", "damaged"].contains(state) {
            throw Problem(
                .badParameter, "state is one of open, closed, failed, damaged", option: "state")
        }
        return onFileThread { [self] () throws(Problem) in
            let page = try mapping { () throws(StoreError) in
                try store.pools.names(prefix: prefix, after: after?.name, limit: limit)
            }
            let pools = page.names.map(summary).filter {
                state == nil || $0["state"] == state.map(JSONValue.string)
            }
            var headers: [Response.Header] = []
            var next = JSONValue.null
            if !page.isComplete, let last = page.names.last {
                let token = ListToken(name: last).text
                next = .string(token)
                // Names and states need no escapes.
                let filters =
                    (prefix.isEmpty ? "" : "prefix=\(prefix)&")
                    + (state.map { "state=\($0)&" } ?? "")
                headers.append(
                    .init(
                        "Link",
                        "</v1/pools?\(filters)limit=\(limit)&page_token=\(token)>; rel=\"next\""
                    ))
            }
            return try Self.json(
                call, headers: headers, ["pools": .array(pools), "next_page_token": next])
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

/// Where a list goes on: the name it ended with, as hexadecimal digits.
private struct ListToken {
    let name: String

    init(name: String) { self.name = name }

    var text: String {
        "n1." + name.utf8.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    }

    init(text: String) throws(Problem) {
        let digits = Array(text.dropFirst(3))
        let bytes = stride(from: 0, to: digits.count - 1, by: 2).compactMap {
            UInt8(String(digits[$0...$0 + 1]), radix: 16)
        }
        let name = String(decoding: bytes, as: UTF8.self)
        guard text.hasPrefix("n1."), ResourceName.isValid(name), ListToken(name: name).text == text
        else { throw Problem(.badToken, "the page token was not given here", option: "page_token") }
        self.name = name
    }
}
