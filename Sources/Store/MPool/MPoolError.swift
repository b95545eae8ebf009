import Glibc

/// The reasons that a buffer pool has of its own; other failures are cases of `StoreError`.
package enum MPoolError: Equatable, Sendable {
    /// There is no pool at that place, and it was not to be made.
    case noSuchMPool(name: String)
    /// There is no such file, and it was not to be made.
    case noSuchFile(name: String)
    /// The page is neither cached nor wholly inside the file.
    case noSuchPage(file: String, pgno: UInt32)
    /// The region stayed locked or unfinished, or has no place for one more process.
    case busy(name: String)
    /// The page has as many pins as it can have.
    case pinOverflow(pgno: UInt32)
    /// No room can be made: everything is pinned, or the page is larger than the cache.
    case cacheFull(detail: String)
    /// A change through a handle that was opened read only.
    case readOnlyFile(file: String)
    /// The page lies beyond the limit of the file's pages.
    case fileFull(file: String, limit: UInt32)
    /// The page was not handed out, or has been put back, or its file was closed.
    case notPinned
    /// No pin has that name; it may have had one and expired.
    case noSuchPin(id: String, isExpired: Bool)
    /// Another has a write pin of the page.
    case pagePinned(pgno: UInt32)
    /// The pool has as many pins as clients may have.
    case tooManyPins(limit: Int)
    /// The page is not as the request wants it.
    case conditionFailed(etag: String)
    /// The pool or the handle was closed.
    case closed
    /// Somebody has the pool open.
    case inUse(name: String)
    /// A sync up to an LSN in a pool that has no log.
    case noLogging
    /// The LSN on a page lies beyond the end of the log.
    case lsnBeyondLog(LSN)
    /// A pgin or pgout filter refused a page.
    case filterFailed(file: String, pgno: UInt32, errno: Int32)
    /// The region was damaged by a process that died, or by something else.
    case runRecovery(detail: String)
}

extension StoreError {
    /// The error number that the call of the original would return.
    package var errnoOfMPool: Int32 {
        switch self {
        case .mpool(let reason): reason.errno
        case .badArgument, .argumentMismatch: EINVAL
        case .noSpace: ENOSPC
        case .fileTooLarge: EFBIG
        case .overloaded: ENOMEM
        case .syncFailed(let fault), .fileAccess(let fault), .io(let fault): fault.errno
        case .alreadyExists: EEXIST
        case .afterEffect(let error): error.errnoOfMPool
        default: EIO
        }
    }
}

extension MPoolError {
    fileprivate var errno: Int32 {
        switch self {
        case .noSuchMPool, .noSuchFile: ENOENT
        case .noSuchPage, .notPinned, .noSuchPin, .conditionFailed, .closed, .noLogging,
            .lsnBeyondLog:
            EINVAL
        case .busy, .pinOverflow, .pagePinned, .tooManyPins: EAGAIN
        case .cacheFull: ENOMEM
        case .readOnlyFile: EACCES
        case .fileFull: ENOSPC
        case .inUse: EBUSY
        case .filterFailed(_, _, let errno): errno
        case .runRecovery: EIO
        }
    }
}
