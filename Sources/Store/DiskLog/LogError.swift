/// The reasons that disk_log has of its own; file errors are cases of `StoreError`.
package indirect enum LogError: Equatable, Sendable {
    /// There is no open log of that name; `isKnown` if there is a closed one.
    case noSuchLog(name: String, isKnown: Bool)
    case full(Full)
    /// The first records of a batch are in the log; then something failed.
    case partial(count: Int, first: Int, next: Int, because: StoreError)
    case readOnlyMode(name: String)
    case blocked(name: String)
    case formatExternal(name: String)
    case notInternalWrap(name: String)
    case haltLog(name: String)
    case rotateLog(name: String)
    case invalidHeader(detail: String)
    case sizeMismatch(current: LogSize, given: LogSize)
    case nameAlreadyOpen(name: String, file: String)
    case openReadWrite(name: String)
    case openReadOnly(name: String)
    case needRepair(file: String)
    /// What was sent to be imported is damaged, or was not closed.
    case importNeedsRepair(file: String, badBytes: Int)
    case notALogFile(file: String)
    /// Damage at a byte offset of a file.
    case corruptLogFile(file: String, offset: Int)
    case sameFileName(name: String)
    case newSizeTooSmall(name: String, current: Int)
    case notBlocked(name: String)
    case notBlockedByCaller(name: String)
    case notOwner(handle: String)
    case endOfLog(name: String)
    case badContinuation(detail: String)
    case noSuchFile(file: String)
    /// A truncate or reopen failed: the log is closed.
    case stopped(name: String, because: StoreError)
    case noSuchHandle(handle: String)
    case tooManyHandles(name: String, limit: Int)
    /// The wait for a blocked log ran out; nothing was done.
    case waitTimedOut(name: String)
    /// The file is open for writing under another name.
    case fileInUse(file: String, by: String)

    /// What happened, in a few words.
    var summary: String {
        switch self {
        case .needRepair(let file): "\(file) was not closed"
        case .notALogFile(let file): "\(file) does not begin as a log file does"
        case .corruptLogFile(let file, let offset): "there is no item at byte \(offset) of \(file)"
        case .noSuchFile(let file): "there is no file \(file)"
        case .fileInUse(let file, let other):
            "\(file) is being written under the name \(other)"
        case .sizeMismatch: "its files have another size than it was opened with"
        case .invalidHeader(let detail): "its head is no head: \(detail)"
        case .stopped(_, let cause), .partial(_, _, _, let cause): cause.summary
        default: "it has failed"
        }
    }

    /// A halt log without room for all of a batch; sizes in bytes.
    package struct Full: Equatable, Sendable {
        package let name: String
        package let held: Int
        package let limit: Int
        /// How many records of the batch were written, and where: positions in items or bytes.
        package var count = 0
        package var first = 0
        package var next = 0
    }
}
