/// An answer whose body is in memory; streamed ones have a head of this kind and no body.
package struct Response: Sendable {
    /// A header of an answer.
    package struct Header: Sendable {
        package let name: StaticString
        package let value: String

        package init(_ name: StaticString, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    package var status: Int
    /// What the body is; nil if there is none.
    package var type: MediaType?
    /// All headers but those that every answer has.
    package var headers: [Header]
    package var body: [UInt8]
    /// The problem that it tells of, for logs and metrics.
    package var problem: ProblemCode?

    package init(
        status: Int = 200, headers: [Header] = [], type: MediaType? = nil, body: [UInt8] = []
    ) {
        self.status = status
        self.headers = headers
        self.type = type
        self.body = body
    }

    /// An answer of JSON, ended by a line end.
    package init(status: Int = 200, headers: [Header] = [], json: JSONValue) {
        self.init(status: status, headers: headers, type: .json, body: json.line)
    }
}
