import API
import Store

extension Problem {
    /// The one place where an engine's answer becomes a problem.
    init(_ error: StoreError) {
        switch error {
        case .noSuchPool(let name):
            self.init(.noSuchPool, "there is no pool \(name); PUT /v1/pools/\(name) makes it")
            reason = "ENOENT"
        case .poolClosed(let name):
            self.init(
                .noSuchPool, "the pool \(name) is closed; POST /v1/pools/\(name)/open opens it")
            add("state", "closed")
        case .poolOpen(let name):
            self.init(
                .poolOpen, "the pool \(name) is open; close it first, or ask for live=true")
        case .alreadyExists(let name): self.init(.alreadyExists, "\(name) is there already")
        case .badArgument(let option, let detail): self.init(.badParameter, detail, option: option)
        case .argumentMismatch(let option, let expected, let actual):
            self.init(.argMismatch, "\(option) is \(expected), not \(actual)", option: option)
            add("expected", .string(expected))
            add("actual", .string(actual))
        case .poolFull(let needed, let position, let capacity):
            self.init(
                .poolFull,
                "\(needed) bytes do not fit: the pool holds \(position) of \(capacity) bytes")
            reason = "ENOSPC"
            add("position", .integer(position))
            add("capacity", .integer(capacity))
            add("free", .integer(capacity - position))
        case .recordTooLarge(let size, let limit):
            self = .tooLarge("\(size) bytes are more than the whole pool holds", limit: limit)
        case .readOnlyMode:
            self.init(.readOnlyMode, "libpmemlog opens this pool for reading only")
            reason = "EROFS"
        case .positionMismatch(let position, _):
            self.init(.preconditionFailed, "the pool is \(position) bytes long")
            add("position", .integer(position))
        case .positionGone(let oldest):
            self.init(.positionGone, "the pool was rewound; it starts again at \(oldest)")
            add("oldest", .integer(oldest))
        case .notAPool(let detail):
            self.init(.notAPool, detail)
            reason = "EINVAL"
        case .locked(let detail):
            self.init(.locked, detail)
            reason = "EAGAIN"
        case .versionMismatch(let detail): self.init(.versionMismatch, detail)
        case .notImplemented(let detail):
            self.init(.notImplemented, detail)
            reason = "ENOTSUP"
        case .syncFailed(let fault):
            self.init(
                .syncFailed,
                "\(fault.call) of \(fault.file) failed; the pool takes nothing more until it is "
                    + "closed and opened", applied: .unknown)
            reason = errnoName(fault.errno)
            errno = reason
        case .failed(let detail):
            self.init(.syncFailed, "the pool has failed: \(detail)")
        case .cutShort(let detail): self.init(.ioError, detail)
        case .noSpace(let detail): self.init(.noSpace, detail)
        case .fileAccess(let fault):
            self.init(
                .fileAccess,
                "\(fault.call) of \(fault.file) is not permitted; the service must own the file and "
                    + "have its permissions (chmod 600)")
            reason = errnoName(fault.errno)
            errno = reason
        case .io(let fault):
            self.init(.ioError, "\(fault.call) of \(fault.file) failed")
            reason = errnoName(fault.errno)
            errno = reason
        case .overloaded(let detail): self.init(.overloaded, detail)
        case .fileTooLarge(let detail): self.init(.noSpace, detail)
        case .log(let error):
            self.init(error)
            return
        case .afterEffect(let error):
            self.init(error)
            applied = .yes
        }
        engine = "pmemlog"
    }
}

/// Runs `body` and turns an engine's error into the problem that it is for the client.
func mapping<Result>(
    _ body: () throws(StoreError) -> Result
) throws(Problem) -> Result {
    do throws(StoreError) {
        return try body()
    } catch {
        throw Problem(error)
    }
}
