/// The closed list of what can go wrong, one row each.
///
/// Slugs are never changed nor used again.
package enum ProblemCode: String, CaseIterable, Sendable {
    case badRequest = "bad_request"
    case badJSON = "bad_json"
    case badParameter = "bad_parameter"
    case unknownParameter = "unknown_parameter"
    case unknownProperty = "unknown_property"
    case badName = "bad_name"
    case badRecord = "bad_record"
    case badToken = "bad_token"
    case forbidden
    case notFound = "not_found"
    case noSuchPool = "no_such_pool"
    case methodNotAllowed = "method_not_allowed"
    case notAcceptable = "not_acceptable"
    case alreadyExists = "already_exists"
    case argMismatch = "arg_mismatch"
    case notAPool = "not_a_pool"
    case poolOpen = "pool_open"
    case readOnlyMode = "read_only_mode"
    case versionMismatch = "version_mismatch"
    case positionGone = "position_gone"
    case preconditionFailed = "precondition_failed"
    case tooLarge = "too_large"
    case uriTooLong = "uri_too_long"
    case unsupportedMediaType = "unsupported_media_type"
    case rangeNotSatisfiable = "range_not_satisfiable"
    case expectationFailed = "expectation_failed"
    case locked
    case headersTooLarge = "headers_too_large"
    case internalError = "internal"
    case syncFailed = "sync_failed"
    case fileAccess = "file_access"
    case ioError = "io_error"
    case notImplemented = "not_implemented"
    case overloaded
    case draining
    case poolFull = "pool_full"
    case noSpace = "no_space"

    private struct Row {
        let status: Int
        let title: String
        let retryable: Bool

        init(_ status: Int, _ title: String, retryable: Bool = false) {
            self.status = status
            self.title = title
            self.retryable = retryable
        }
    }

    private var row: Row {
        switch self {
        case .badRequest: Row(400, "The request breaks the rules of HTTP")
        case .badJSON: Row(400, "The JSON cannot be read")
        case .badParameter: Row(400, "A parameter or property has a value that it cannot have")
        case .unknownParameter: Row(400, "There is no such query parameter")
        case .unknownProperty: Row(400, "There is no such property")
        case .badName: Row(400, "The name is not allowed")
        case .badRecord: Row(400, "A record cannot be stored")
        case .badToken: Row(400, "The token is not one that was given here")
        case .forbidden: Row(403, "This is not allowed")
        case .notFound: Row(404, "There is nothing at this path")
        case .noSuchPool: Row(404, "There is no such pool, or it is closed")
        case .methodNotAllowed: Row(405, "The path does not take this method")
        case .notAcceptable: Row(406, "No acceptable form of the answer exists")
        case .alreadyExists: Row(409, "It exists already")
        case .argMismatch: Row(409, "It exists with another value of an option")
        case .notAPool: Row(409, "The file is not a pool, or a damaged one")
        case .poolOpen: Row(409, "The pool is open")
        case .readOnlyMode: Row(409, "The pool can only be read")
        case .versionMismatch: Row(409, "That version is not offered")
        case .positionGone: Row(410, "The data at this position is gone")
        case .preconditionFailed: Row(412, "A condition of the request does not hold")
        case .tooLarge: Row(413, "The request is larger than a limit allows")
        case .uriTooLong: Row(414, "The request line is too long")
        case .unsupportedMediaType: Row(415, "The body has a type that is not taken here")
        case .rangeNotSatisfiable: Row(416, "The range lies behind the end")
        case .expectationFailed: Row(417, "The expectation cannot be met")
        case .locked: Row(423, "Somebody else has it open", retryable: true)
        case .headersTooLarge: Row(431, "The headers are too large")
        case .internalError: Row(500, "A defect of the service")
        case .syncFailed: Row(500, "Data could not be put on stable storage")
        case .fileAccess: Row(500, "The service may not use the file")
        case .ioError: Row(500, "The file cannot be read or written")
        case .notImplemented: Row(501, "This is not offered")
        case .overloaded: Row(503, "The service has too much to do", retryable: true)
        case .draining: Row(503, "The service is about to stop", retryable: true)
        case .poolFull: Row(507, "The pool has no room for this")
        case .noSpace: Row(507, "The disk has no room for this", retryable: true)
        }
    }

    package var status: Int { row.status }
    package var title: String { row.title }
    /// The same request may succeed later.
    package var isRetryable: Bool { row.retryable }
    /// What a client may wait before it tries again, in seconds; it goes into `Retry-After`.
    package var retryAfterSeconds: Int? {
        [.locked, .overloaded, .draining].contains(self) ? 1 : nil
    }
}
