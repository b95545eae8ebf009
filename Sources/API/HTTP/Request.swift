/// A request, read completely.
package struct Request: Sendable {
    package let method: Method
    package let target: Target
    package let headers: Headers
    package var body: [UInt8]

    package init(method: Method, target: Target, headers: Headers, body: [UInt8]) {
        self.method = method
        self.target = target
        self.headers = headers
        self.body = body
    }
}
