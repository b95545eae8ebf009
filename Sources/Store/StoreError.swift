import Glibc

/// Everything that an engine can answer instead of doing what it was asked.
///
/// `reason` prints it as its origin does; what it means over HTTP is decided elsewhere, in one place.
package indirect enum StoreError: Error, Equatable, Sendable {
    case noSuchPool(name: String)
    case poolClosed(name: String)
    case poolOpen(name: String)
    case alreadyExists(name: String)
    case badArgument(option: String, detail: String)
    case argumentMismatch(option: String, expected: String, actual: String)
    /// An append that does not fit: sizes in bytes.
    case poolFull(needed: Int, position: Int, capacity: Int)
    case recordTooLarge(size: Int, limit: Int)
    case readOnlyMode
    /// The tail is not where the caller wants it; `generation` rises with each rewind.
    case positionMismatch(position: Int, generation: Int)
    /// A writer with a higher token has taken over.
    case fenced(current: Int)
    /// The client has called something else by that name before.
    case keyReused
    /// The bytes asked for were rewound; the oldest position that exists is `oldest`.
    case positionGone(oldest: Int)
    case notAPool(detail: String)
    case locked(detail: String)
    case versionMismatch(detail: String)
    case notImplemented(detail: String)
    /// A flush failed: what the call wrote may be there or not, and the log takes no more.
    case syncFailed(Fault)
    /// An earlier flush failed, or the file was damaged underneath; nothing was done.
    case failed(detail: String)
    /// A file has become shorter than what is known to be in it.
    case cutShort(detail: String)
    case noSpace(detail: String)
    case fileAccess(Fault)
    case io(Fault)
    /// A folder, a FIFO or the like is where a file should be.
    case notRegular(file: String)
    case overloaded(detail: String)
    /// A file system or a limit does not allow a file of that size.
    case fileTooLarge(detail: String)
    /// An upload that is no archive of a log's files.
    case badArchive(detail: String)
    /// A reason that disk_log has of its own.
    case log(LogError)
    /// A reason that WiredTiger's log has of its own.
    case journal(JournalError)
    /// A reason that a buffer pool has of its own.
    case mpool(MPoolError)
    /// What was asked for was done; then something else failed.
    case afterEffect(StoreError)

    /// A system call that failed.
    package struct Fault: Equatable, Sendable {
        /// The call's name, such as `fsync`.
        package let call: String
        /// The error number that the call left.
        package let errno: Int32
        /// The file, relative to the data directory where it lies below it.
        package let file: String

        package init(call: String, errno: Int32, file: String) {
            self.call = call
            self.errno = errno
            self.file = file
        }
    }
}

extension StoreError {
    /// What happened to a file, in a few words.
    var summary: String {
        switch self {
        case .syncFailed(let fault), .io(let fault), .fileAccess(let fault):
            "\(fault.call) of \(fault.file) failed with \(errnoName(fault.errno))"
        case .failed(let detail), .cutShort(let detail), .noSpace(let detail),
            .locked(let detail), .notAPool(let detail), .versionMismatch(let detail),
            .notImplemented(let detail), .overloaded(let detail), .fileTooLarge(let detail),
            .badArchive(let detail), .badArgument(_, let detail):
            detail
        case .argumentMismatch(let option, let expected, let actual):
            "\(option) is \(expected), not \(actual)"
        case .notRegular(let file): "\(file) is not a regular file"
        case .log(let error): error.summary
        case .journal(let error): error.summary
        case .afterEffect(let error): error.summary
        default: "it has failed"
        }
    }
}

extension StoreError {
    /// Whether the same may go well later without anybody having done anything about it.
    var mayPass: Bool {
        switch self {
        case .locked, .noSpace, .overloaded, .journal(.busy): true
        default: false
        }
    }

    /// Whether what was to be used belongs to somebody else.
    var isForeign: Bool {
        if case .journal(.foreignDatabase) = self { true } else { false }
    }

    /// Whether nobody knows any more what is in the files.
    var isFatal: Bool {
        switch self {
        case .syncFailed, .failed: true
        case .log(.partial(count: _, first: _, next: _, let error)): error.isFatal
        default: false
        }
    }

    /// What those are told whose append was on its way when that happened.
    func asUnknown(of file: String) -> StoreError {
        switch self {
        case .failed: .syncFailed(.init(call: "pwrite", errno: EIO, file: file))
        case .log(.partial(count: _, first: _, next: _, let error)): error.asUnknown(of: file)
        default: asFailedSync(of: file)
        }
    }

    /// The error of a flush, whatever has kept it from the disk: what was written may be there or not.
    func asFailedSync(of file: String) -> StoreError {
        switch self {
        case .syncFailed, .failed: self
        case .io(let fault), .fileAccess(let fault): .syncFailed(fault)
        case .noSpace: .syncFailed(.init(call: "sync", errno: ENOSPC, file: file))
        case .overloaded: .syncFailed(.init(call: "sync", errno: EMFILE, file: file))
        default: .syncFailed(.init(call: "sync", errno: EIO, file: file))
        }
    }
}
