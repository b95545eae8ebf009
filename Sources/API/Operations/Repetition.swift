/// What becomes of a call that comes again under the same `Idempotency-Key`.
package enum Repetition: Sendable {
    /// It takes no key.
    case untold
    /// The engine remembers it together with its records.
    case byEngine
    /// It is answered as before while the process lives, with which its effect ends or which it can be
    /// done again after.
    case inMemory
    /// It is answered as before, also after a crash; one that a crash has cut short is done again, which
    /// changes nothing more.
    case onDisk
    /// As `onDisk`, but one that a crash has cut short is done again only if its resource shows that it
    /// was not done.
    case onDiskOnce
}

// The table of what becomes of calls that come again: nothing compiles until a new one has a row.

extension Operation {
    var repetition: Repetition {
        switch self {
        case .service: .untold
        case .token(let operation): operation == .create ? .onDiskOnce : .untold
        case .pool(let operation): operation.repetition
        case .log(let operation): operation.repetition
        case .journal(let operation): operation.repetition
        case .mpool(let operation): operation.repetition
        }
    }
}

extension PoolOperation {
    fileprivate var repetition: Repetition {
        switch self {
        case .append: .byEngine
        case .open: .inMemory
        case .close, .fence: .onDisk
        case .rewind: .onDiskOnce
        case .list, .create, .get, .delete, .nbyte, .tell, .walk, .data, .check, .follow, .export,
            .import:
            .untold
        }
    }
}

extension LogOperation {
    fileprivate var repetition: Repetition {
        switch self {
        case .append: .byEngine
        case .info, .open, .lclose, .sync, .block, .unblock, .createHandle: .inMemory
        case .close, .fence: .onDisk
        case .truncate, .reopen, .incWrapFile, .nextFile: .onDiskOnce
        case .list, .create, .get, .update, .delete, .chunk, .chunkStep, .chunkInfo, .walk,
            .follow, .data, .check, .notifications, .export, .import, .listHandles, .updateHandle,
            .deleteHandle, .findHandle:
            .untold
        }
    }
}

extension JournalOperation {
    fileprivate var repetition: Repetition {
        switch self {
        case .append, .transact: .byEngine
        case .open, .flush, .openCursor, .next, .search, .reset: .inMemory
        case .close, .fence, .archive: .onDisk
        case .checkpoint: .onDiskOnce
        case .list, .create, .get, .update, .delete, .record, .walk, .follow, .stat, .export,
            .import, .listCursors, .getCursor, .compareCursors, .closeCursor:
            .untold
        }
    }
}

extension MPoolOperation {
    fileprivate var repetition: Repetition {
        switch self {
        case .close, .fget, .fput, .fset, .fsync, .renewPin, .trickle, .sync, .clearStat: .inMemory
        case .newPage, .batch: .onDiskOnce
        case .list, .open, .get, .update, .delete, .openFile, .listFiles, .getFile, .closeFile,
            .getPage, .putPage, .patchPage, .lastPage, .listPins, .endPin, .register, .listTypes,
            .getType, .stat:
            .untold
        }
    }
}
