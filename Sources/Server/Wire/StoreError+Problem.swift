import API
import Store

/// An engine as problems speak of it.
struct EngineWords: Sendable {
    /// The engine's own name.
    let name: String
    /// What one of its things is called.
    let noun: String
    /// What a position counts.
    let isCountedInBytes: Bool

    static let pmemlog = EngineWords(name: "pmemlog", noun: "pool", isCountedInBytes: true)
    static let mpool = EngineWords(name: "mpool", noun: "buffer pool", isCountedInBytes: true)
    static let diskLog = EngineWords(name: "disk_log", noun: "log", isCountedInBytes: false)
    static let wiredTiger = EngineWords(
        name: "wiredtiger", noun: "journal", isCountedInBytes: false)
}

extension Problem {
    /// The one place where an engine's answer becomes a problem.
    init(_ error: StoreError, of engine: EngineWords = .pmemlog) {
        switch error {
        case .noSuchPool, .poolClosed, .poolOpen, .poolFull, .recordTooLarge, .readOnlyMode,
            .notAPool, .versionMismatch:
            self.init(ofPool: error)
        case .syncFailed, .failed, .cutShort, .noSpace, .fileAccess, .io, .notRegular,
            .fileTooLarge:
            self.init(ofFile: error, engine)
        case .alreadyExists(let name): self.init(.alreadyExists, "\(name) is there already")
        case .badArgument(let option, let detail):
            self.init(.badParameter, detail, option: option)
            if engine.name == EngineWords.diskLog.name {
                // The original has one refusal of the repair: to truncate what is only read.
                reason = "{badarg,\(option == "repair" ? "repair_read_only" : option)}"
            }
        case .argumentMismatch(let option, let expected, let actual):
            self.init(.argMismatch, "\(option) is \(expected), not \(actual)", option: option)
            add("expected", .string(expected))
            add("actual", .string(actual))
            if engine.name == EngineWords.diskLog.name {
                reason = "{arg_mismatch,\(option),\(expected),\(actual)}"
            }
        case .positionMismatch(let position, _):
            self.init(
                .preconditionFailed,
                engine.isCountedInBytes
                    ? "the \(engine.noun) is \(position) bytes long"
                    : "the \(engine.noun) ends at position \(position)")
            add("position", .integer(position))
        case .fenced(let current):
            self.init(
                .fenced,
                "the \(engine.noun) takes appends with a Fencing-Token of \(current) or more only")
            add("current", .integer(current))
        case .keyReused:
            self.init(
                .idempotencyKeyReused, "something else was sent with this Idempotency-Key before")
        case .positionGone(let oldest):
            self.init(
                .positionGone,
                engine.isCountedInBytes
                    ? "the \(engine.noun) was rewound; it starts again at \(oldest)"
                    : "what was there is gone; the \(engine.noun) starts at \(oldest)")
            add("oldest", .integer(oldest))
        case .locked(let detail):
            self.init(.locked, detail)
            reason = "EAGAIN"
        case .notImplemented(let detail):
            self.init(.notImplemented, detail)
            reason = "ENOTSUP"
        case .overloaded(let detail): self.init(.overloaded, detail)
        case .badArchive(let detail): self.init(.notALogFile, detail)
        case .log(let error):
            self.init(error)
            return
        case .journal(let error):
            self.init(error)
            return
        case .mpool(let error):
            self.init(error)
            return
        case .afterEffect(let error):
            self.init(error, of: engine)
            applied = .yes
        }
        self.engine = engine.name
        if engine.name == EngineWords.mpool.name, errno == nil {
            errno = errnoName(error.errnoOfMPool)
        }
    }

    private init(ofPool error: StoreError) {
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
        case .notAPool(let detail):
            self.init(.notAPool, detail)
            reason = "EINVAL"
        case .versionMismatch(let detail): self.init(.versionMismatch, detail)
        default: self.init(.internalError, "\(error)")
        }
    }

    private init(ofFile error: StoreError, _ engine: EngineWords) {
        switch error {
        case .syncFailed(let fault):
            self.init(
                .syncFailed,
                engine.name == EngineWords.mpool.name
                    ? "\(fault.call) of \(fault.file) failed; its pages are still marked dirty"
                    : "\(fault.call) of \(fault.file) failed; the \(engine.noun) takes nothing more "
                        + "until it is closed and opened", applied: .unknown)
            name(fault, engine)
        case .failed(let detail):
            self.init(.syncFailed, "the \(engine.noun) has failed: \(detail)")
        case .cutShort(let detail): self.init(.ioError, detail)
        case .noSpace(let detail):
            self.init(.noSpace, detail)
        case .fileAccess(let fault):
            self.init(
                .fileAccess,
                "\(fault.call) of \(fault.file) is not permitted; the service must own the file and "
                    + "have its permissions (chmod 600)")
            name(fault, engine)
        case .io(let fault):
            self.init(.ioError, "\(fault.call) of \(fault.file) failed")
            name(fault, engine)
        case .notRegular(let file): self.init(.ioError, "\(file) is not a regular file")
        case .fileTooLarge(let detail): self.init(.noSpace, detail)
        default: self.init(.internalError, "\(error)")
        }
    }

    private mutating func name(_ fault: StoreError.Fault, _ engine: EngineWords) {
        errno = errnoName(fault.errno)
        reason = errno
        if engine.name == EngineWords.diskLog.name {
            reason = "{file_error,\"\(fault.file)\",\(errnoName(fault.errno).lowercased())}"
        }
    }
}

/// Runs `body` and turns an engine's error into the problem that it is for the client.
func mapping<Result: ~Copyable>(
    of engine: EngineWords = .pmemlog, _ body: () throws(StoreError) -> Result
) throws(Problem) -> Result {
    do throws(StoreError) {
        return try body()
    } catch {
        throw Problem(error, of: engine)
    }
}

/// Runs `body`, which opens or makes something; with `If-None-Match: *` what is there already is an
/// unmet condition, and no conflict.
func making<Result>(
    _ kind: String, _ call: Call, of engine: EngineWords = .pmemlog,
    _ body: (_ mustBeNew: Bool) throws(StoreError) -> Result
) throws(Problem) -> Result {
    let mustBeNew = call.mustBeNew
    do throws(StoreError) {
        return try body(mustBeNew)
    } catch {
        guard mustBeNew, case .alreadyExists = error else { throw Problem(error, of: engine) }
        throw Problem(.preconditionFailed, "the \(kind) \(call.name) is there already")
    }
}
