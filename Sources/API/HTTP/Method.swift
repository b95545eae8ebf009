/// The methods of HTTP that the service knows.
package enum Method: String, CaseIterable, Sendable {
    case get = "GET"
    case head = "HEAD"
    case post = "POST"
    case put = "PUT"
    case patch = "PATCH"
    case delete = "DELETE"
    case options = "OPTIONS"

    /// True for methods that never change anything.
    package var isSafe: Bool { self == .get || self == .head || self == .options }
}
