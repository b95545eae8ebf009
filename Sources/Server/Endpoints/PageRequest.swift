import API
import Store

/// Which page of a list a client wants.
struct PageRequest: Sendable {
    let prefix: String
    let state: String?
    let limit: Int
    /// The last name of the page before.
    let after: String?

    /// - Parameter states: those by which the list can be narrowed.
    init(_ call: Call, states: [String]) throws(Problem) {
        prefix = try call.text("prefix") ?? ""
        limit = try call.integer("limit", in: 1...1000) ?? 100
        after = try call.text("page_token").map(ListToken.init(text:))?.name
        state = try call.text("state")
        if let state, !states.contains(state) {
            throw Problem(
                .badParameter, "state is one of \(states.joined(separator: ", "))", option: "state")
        }
    }

    /// The names on the page, of those that the client may know of, and whether others follow.
    ///
    /// - Parameter find: names after the last page's, at most `limit` of them.
    func names(
        _ call: Call, _ kind: String,
        _ find: (_ limit: Int) throws(Problem) -> (names: [String], isComplete: Bool)
    ) throws(Problem) -> (names: [String], isComplete: Bool) {
        guard let token = call.token, !token.grant.coversEverything else { return try find(limit) }
        let covered = try find(.max).names.filter { token.covers(kind, $0) }
        return (Array(covered.prefix(limit)), covered.count <= limit)
    }

    /// The page as an answer.
    ///
    /// - Parameters:
    ///   - path: the list's own.
    ///   - member: what the elements are called.
    ///   - last: the last name of the page if there is another one.
    func answer(
        _ call: Call, _ path: String, _ member: String, _ elements: [JSONValue], last: String?
    ) throws(Problem) -> Answer {
        var headers: [Response.Header] = []
        var next = JSONValue.null
        if let last {
            let token = ListToken(name: last).text
            next = .string(token)
            // Names and states need no escapes.
            let filters =
                (prefix.isEmpty ? "" : "prefix=\(prefix)&") + (state.map { "state=\($0)&" } ?? "")
            headers.append(
                .init(
                    "Link",
                    "<\(path)?\(filters)limit=\(limit)&page_token=\(token)>; rel=\"next\""))
        }
        return try Service.json(
            call, headers: headers,
            .object([
                .init(name: member, value: .array(elements)),
                .init(name: "next_page_token", value: next),
            ]))
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
