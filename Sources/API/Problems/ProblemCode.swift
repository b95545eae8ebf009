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
    case unauthenticated
    case forbidden
    case readOnlyFile = "read_only_file"
    case notFound = "not_found"
    case noSuchPool = "no_such_pool"
    case noSuchLog = "no_such_log"
    case noSuchJournal = "no_such_journal"
    case noSuchMPool = "no_such_mpool"
    case noSuchPage = "no_such_page"
    case noSuchPin = "no_such_pin"
    case noSuchFile = "no_such_file"
    case noSuchHandle = "no_such_handle"
    case noSuchCursor = "no_such_cursor"
    case noSuchToken = "no_such_token"
    case wtNotFound = "wt_notfound"
    case methodNotAllowed = "method_not_allowed"
    case notAcceptable = "not_acceptable"
    case alreadyExists = "already_exists"
    case argMismatch = "arg_mismatch"
    case notAPool = "not_a_pool"
    case poolOpen = "pool_open"
    case formatExternal = "format_external"
    case notInternalWrap = "not_internal_wrap"
    case haltLog = "halt_log"
    case rotateLog = "rotate_log"
    case invalidHeader = "invalid_header"
    case sizeMismatch = "size_mismatch"
    case nameAlreadyOpen = "name_already_open"
    case openReadWrite = "open_read_write"
    case openReadOnly = "open_read_only"
    case needRepair = "need_repair"
    case notALogFile = "not_a_log_file"
    case sameFileName = "same_file_name"
    case newSizeTooSmall = "new_size_too_small"
    case notBlocked = "not_blocked"
    case notBlockedByPid = "not_blocked_by_pid"
    case notOwner = "not_owner"
    case cursorUnpositioned = "cursor_unpositioned"
    case noCompressor = "no_compressor"
    case noLogging = "no_logging"
    case foreignDatabase = "foreign_database"
    case readOnlyMode = "read_only_mode"
    case mpoolInUse = "mpool_in_use"
    case lsnBeyondLog = "lsn_beyond_log"
    case pinExpired = "pin_expired"
    case versionMismatch = "version_mismatch"
    case positionGone = "position_gone"
    case cursorExpired = "cursor_expired"
    case preconditionFailed = "precondition_failed"
    case fenced
    case idempotencyInProgress = "idempotency_in_progress"
    case idempotencyKeyReused = "idempotency_key_reused"
    case tooLarge = "too_large"
    case uriTooLong = "uri_too_long"
    case unsupportedMediaType = "unsupported_media_type"
    case rangeNotSatisfiable = "range_not_satisfiable"
    case endOfLog = "end_of_log"
    case expectationFailed = "expectation_failed"
    case locked
    case blockedLog = "blocked_log"
    case pagePinned = "page_pinned"
    case pinOverflow = "pin_overflow"
    case rateLimited = "rate_limited"
    case headersTooLarge = "headers_too_large"
    case internalError = "internal"
    case syncFailed = "sync_failed"
    case fileAccess = "file_access"
    case ioError = "io_error"
    case corruptLogFile = "corrupt_log_file"
    case filterFailed = "filter_failed"
    case notImplemented = "not_implemented"
    case overloaded
    case draining
    case busy
    case cacheFull = "cache_full"
    case runRecovery = "run_recovery"
    case logStopped = "log_stopped"
    case waitTimeout = "wait_timeout"
    case poolFull = "pool_full"
    case logFull = "log_full"
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
        case .unauthenticated: Row(401, "A token is needed, and one that holds")
        case .forbidden: Row(403, "This is not allowed")
        case .readOnlyFile: Row(403, "The file is open for reading only")
        case .notFound: Row(404, "There is nothing at this path")
        case .noSuchPool: Row(404, "There is no such pool, or it is closed")
        case .noSuchLog: Row(404, "There is no such log, or it is not open")
        case .noSuchJournal: Row(404, "There is no such journal, or it is closed")
        case .noSuchMPool: Row(404, "There is no such buffer pool, or it is not open")
        case .noSuchPage: Row(404, "The page does not exist")
        case .noSuchPin: Row(404, "There is no such pin")
        case .noSuchFile: Row(404, "The file does not exist")
        case .noSuchHandle: Row(404, "There is no such handle, or it has ended")
        case .noSuchCursor: Row(404, "There is no such cursor")
        case .noSuchToken: Row(404, "There is no such token")
        case .wtNotFound: Row(404, "No record begins there")
        case .methodNotAllowed: Row(405, "The path does not take this method")
        case .notAcceptable: Row(406, "No acceptable form of the answer exists")
        case .alreadyExists: Row(409, "It exists already")
        case .argMismatch: Row(409, "It exists with another value of an option")
        case .notAPool: Row(409, "The file is not a pool, or a damaged one")
        case .poolOpen: Row(409, "The pool is open")
        case .formatExternal: Row(409, "The log has external format, which has no items")
        case .notInternalWrap: Row(409, "The log is not a wrap log of internal format")
        case .haltLog: Row(409, "The log is a halt log, which has one file")
        case .rotateLog: Row(409, "The log is a rotate log")
        case .invalidHeader: Row(409, "The head of a file cannot be made")
        case .sizeMismatch: Row(409, "The log has another size")
        case .nameAlreadyOpen: Row(409, "The log is open with another file")
        case .openReadWrite: Row(409, "The log is open for reading and writing")
        case .openReadOnly: Row(409, "The log is open for reading only")
        case .needRepair: Row(409, "The log was not closed and must be repaired")
        case .notALogFile: Row(409, "The file is not a log file")
        case .sameFileName: Row(409, "The log has that file already")
        case .newSizeTooSmall: Row(409, "The log is larger than the new size")
        case .notBlocked: Row(409, "The log is not blocked")
        case .notBlockedByPid: Row(409, "Somebody else has blocked the log")
        case .notOwner: Row(409, "The handle is not an owner of the log")
        case .cursorUnpositioned: Row(409, "The cursor stands on no row")
        case .noCompressor: Row(409, "A record cannot be unpacked")
        case .noLogging: Row(409, "There is no log")
        case .foreignDatabase: Row(409, "The directory belongs to a database")
        case .readOnlyMode: Row(409, "It can only be read")
        case .mpoolInUse: Row(409, "Somebody has the buffer pool open")
        case .lsnBeyondLog: Row(409, "The LSN of a page lies beyond the end of the log")
        case .pinExpired: Row(410, "The pin has ended, and its changes with it")
        case .versionMismatch: Row(409, "That version is not offered")
        case .idempotencyInProgress: Row(409, "The first request with the key has not finished")
        case .positionGone: Row(410, "The data at this position is gone")
        case .cursorExpired: Row(410, "The cursor was not used in time")
        case .preconditionFailed: Row(412, "A condition of the request does not hold")
        case .fenced: Row(412, "Another writer has taken over")
        case .tooLarge: Row(413, "The request is larger than a limit allows")
        case .uriTooLong: Row(414, "The request line is too long")
        case .unsupportedMediaType: Row(415, "The body has a type that is not taken here")
        case .rangeNotSatisfiable: Row(416, "The range lies behind the end")
        case .endOfLog: Row(416, "There is no such file in the log")
        case .expectationFailed: Row(417, "The expectation cannot be met")
        case .locked: Row(423, "Somebody else has it open", retryable: true)
        case .blockedLog: Row(423, "The log is blocked", retryable: true)
        case .pagePinned: Row(423, "Somebody else has the page pinned", retryable: true)
        case .pinOverflow: Row(429, "The page has as many pins as it can have", retryable: true)
        case .rateLimited: Row(429, "There are too many of these", retryable: true)
        case .idempotencyKeyReused: Row(422, "The key was used for another request")
        case .headersTooLarge: Row(431, "The headers are too large")
        case .internalError: Row(500, "A defect of the service")
        case .syncFailed: Row(500, "Data could not be put on stable storage")
        case .fileAccess: Row(500, "The service may not use the file")
        case .ioError: Row(500, "The file cannot be read or written")
        case .corruptLogFile: Row(500, "The file of the log is damaged")
        case .filterFailed: Row(500, "A filter of the file refused a page")
        case .notImplemented: Row(501, "This is not offered")
        case .overloaded: Row(503, "The service has too much to do", retryable: true)
        case .draining: Row(503, "The service is about to stop", retryable: true)
        case .busy: Row(503, "The buffer pool is locked by somebody else", retryable: true)
        case .cacheFull: Row(503, "All pages in the buffer pool are pinned", retryable: true)
        case .runRecovery: Row(503, "The buffer pool was damaged", retryable: true)
        case .logStopped: Row(503, "The operation failed and has ended the log", retryable: true)
        case .waitTimeout: Row(504, "The wait that was asked for ran out", retryable: true)
        case .poolFull: Row(507, "The pool has no room for this")
        case .logFull: Row(507, "The log is full")
        case .noSpace: Row(507, "The disk has no room for this", retryable: true)
        }
    }

    package var status: Int { row.status }
    package var title: String { row.title }
    /// The same request may succeed later.
    package var isRetryable: Bool { row.retryable }
    /// What a client may wait before it tries again, in seconds; it goes into `Retry-After`.
    package var retryAfterSeconds: Int? {
        [
            .locked, .blockedLog, .pagePinned, .pinOverflow, .rateLimited, .overloaded, .draining,
            .busy, .cacheFull, .runRecovery, .logStopped,
        ].contains(self) ? 1 : nil
    }
}
