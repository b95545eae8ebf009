import API
import Store

extension Problem {
    /// What a buffer pool refuses, by the error number of the original.
    init(_ error: MPoolError) {
        switch error {
        case .noSuchMPool(let name):
            self.init(
                .noSuchMPool,
                "there is no open buffer pool \(name); PUT /v1/mpools/\(name) opens it")
        case .noSuchFile(let name): self.init(.noSuchFile, "there is no file \(name)")
        case .noSuchPage(let file, let pgno):
            self.init(.noSuchPage, "\(file) has no page \(pgno)")
        case .busy(let name):
            self.init(.busy, "the buffer pool \(name) is locked by another process")
        case .pinOverflow(let pgno): self.init(.pinOverflow, "page \(pgno) has 65535 pins")
        case .cacheFull(let detail): self.init(.cacheFull, detail)
        case .readOnlyFile(let file): self.init(.readOnlyFile, "\(file) is open for reading only")
        case .fileFull(let file, let limit):
            self.init(.noSpace, "\(file) may have no pages beyond \(limit)")
        case .notPinned:
            self.init(
                .noSuchPin, "the page was put back or replaced, or its file was closed")
        case .noSuchPin(let id, let isExpired):
            self.init(
                isExpired ? .pinExpired : .noSuchPin,
                isExpired
                    ? "the pin \(id) was not renewed in time; what it would change is not changed"
                    : "there is no pin \(id)")
        case .pagePinned(let pgno):
            self.init(.pagePinned, "somebody else has a write pin of page \(pgno)")
        case .tooManyPins(let limit):
            self.init(.rateLimited, "a pool has at most \(limit) pins")
            add("limit", .integer(limit))
        case .conditionFailed(let etag):
            self.init(.preconditionFailed, "the page is another one: its entity tag is \(etag)")
            add("etag", .string(etag))
        case .closed: self.init(.noSuchMPool, "the buffer pool or the file was closed")
        case .inUse(let name): self.init(.mpoolInUse, "the buffer pool \(name) is open")
        case .noLogging:
            self.init(.noLogging, "a sync up to an LSN needs a pool with logging or a journal")
        case .lsnBeyondLog(let lsn):
            self.init(
                .lsnBeyondLog, "the log has no record at \(lsn.file),\(lsn.offset) yet")
        case .filterFailed(let file, let pgno, _):
            self.init(.filterFailed, "a filter of \(file) refused page \(pgno)")
        case .runRecovery(let detail): self.init(.runRecovery, detail)
        }
        engine = EngineWords.mpool.name
        errno = errnoName(StoreError.mpool(error).errnoOfMPool)
        reason = errno
    }
}
