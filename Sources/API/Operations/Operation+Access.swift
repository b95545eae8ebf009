// The table of what each operation asks of a token: nothing compiles until a new one has a row.

extension Operation {
    var access: Access {
        switch self {
        case .service(let operation): operation.access
        case .token: .adminOfAll
        case .pool(let operation): operation.access
        case .log(let operation): operation.access
        case .journal(let operation): operation.access
        case .mpool(let operation): operation.access
        }
    }
}

extension ServiceOperation {
    fileprivate var access: Access {
        switch self {
        case .health, .ready, .openAPIJSON, .openAPIYAML, .docs, .problem: .open
        case .root, .metrics, .limits, .pmemlogVersion: .read
        }
    }
}

extension PoolOperation {
    fileprivate var access: Access {
        switch self {
        case .list, .get, .nbyte, .tell, .walk, .data, .check, .follow, .export: .read
        case .append: .append
        case .fence: .append(or: .write, "for require_fence")
        case .create, .open, .close, .rewind, .import: .write
        case .delete: .admin
        }
    }
}

extension LogOperation {
    fileprivate var access: Access {
        switch self {
        case .list, .get, .chunk, .chunkStep, .chunkInfo, .walk, .follow, .data, .check,
            .export, .listHandles, .findHandle, .deleteHandle:
            .read
        case .notifications: .read(or: .write, "without Log-Handle, since that opens an owner")
        case .createHandle: .read(or: .write, "for an owner")
        case .append: .append
        case .fence: .append(or: .write, "for require_fence")
        case .create, .info, .update, .open, .close, .lclose, .sync, .truncate, .reopen,
            .incWrapFile, .nextFile, .block, .unblock, .updateHandle, .import:
            .write
        case .delete: .admin
        }
    }
}

extension JournalOperation {
    fileprivate var access: Access {
        switch self {
        case .list, .get, .record, .walk, .follow, .stat, .openCursor, .listCursors, .getCursor,
            .compareCursors, .next, .search, .reset, .closeCursor, .export:
            .read
        case .append, .transact: .append
        case .fence: .append(or: .write, "for require_fence")
        case .create, .update, .open, .close, .flush, .checkpoint, .archive, .import: .write
        case .delete: .admin
        }
    }
}

extension MPoolOperation {
    fileprivate var access: Access {
        switch self {
        case .list, .get, .listFiles, .getFile, .getPage, .lastPage, .listPins, .renewPin,
            .listTypes, .getType, .stat:
            .read
        case .fget: .read(or: .append, "to make a page, or for mode write")
        case .fput, .fset: .read(or: .append, "to change the page")
        case .endPin: .read(or: .admin, "with force, which is for others' pins")
        case .batch: .read(or: .append, "or write for the operations that need that")
        case .newPage: .append
        case .open, .update, .close, .openFile, .closeFile, .fsync, .putPage, .patchPage,
            .register, .trickle, .sync, .clearStat:
            .write
        case .delete: .admin
        }
    }
}
