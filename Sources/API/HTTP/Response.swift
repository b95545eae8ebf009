/// An answer whose body is in memory; streamed ones have a head of this kind and no body.
package struct Response: Sendable {
    package var status: Int
    package var headers: [(name: String, value: String)]
    package var body: [UInt8]
    /// The problem that it tells of, for logs and metrics.
    package var problem: ProblemCode?

    package init(
        status: Int = 200, headers: [(name: String, value: String)] = [], body: [UInt8] = []
    ) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// An answer of JSON, ended by a line end.
    package init(
        status: Int = 200, headers: [(name: String, value: String)] = [], json: JSONValue
    ) {
        self.init(status: status, headers: headers, body: json.line)
        setContentType(.json)
    }

    package mutating func setContentType(_ type: MediaType) {
        headers.append(("Content-Type", type.contentType))
    }
}
