// Pages without pins: a get and a put in one.

extension OpenMPool {
    /// Changes a page, or makes it.
    ///
    /// - Parameters:
    ///   - create: make the page if it does not exist.
    ///   - mustBeNew: change nothing if it exists.
    /// - Returns: whether it was made, and its entity tag afterwards.
    /// - Throws: `.readOnlyFile`, `.pagePinned` if a client has a write pin of it,
    ///   `.conditionFailed`, `.noSuchPage`, `.badArgument`, and what the pool refuses.
    package func change(
        _ file: PageFile, _ pgno: UInt32, _ change: PageChange, create: Bool,
        mustBeNew: Bool = false, discard: Bool = false, _ condition: PageCondition
    ) throws(StoreError) -> (isNew: Bool, etag: String) {
        guard !file.isReadOnly else { throw .mpool(.readOnlyFile(file: file.name)) }
        try change.checkSize(file.pageSize)
        return try leases.alone(with: .init(file: file.key, pgno: pgno)) { () throws(StoreError) in
            if leases.isWritePinned(file.key, pgno) { throw .mpool(.pagePinned(pgno: pgno)) }
            while true {
                let isNew = try !file.exists(pgno)
                if isNew, !create { throw .mpool(.noSuchPage(file: file.name, pgno: pgno)) }
                var pin = try file.get(create ? .create(pgno) : .existing(pgno))
                if mustBeNew, !isNew {
                    let tag = try pin.withBytes { file.tag(of: UnsafeRawBufferPointer($0)) }
                    throw .mpool(.conditionFailed(etag: tag))
                }
                let etag = try apply(change, &pin, discard: discard, condition)
                if let etag { return (isNew, etag) }
                // Another process has replaced the page: nothing was decided about that one.
            }
        }
    }

    /// Makes a page behind the last one; it is dirty, so that it stays.
    ///
    /// - Returns: its number and entity tag.
    package func append(
        _ file: PageFile, _ bytes: [UInt8]?, discard: Bool = false
    ) throws(StoreError) -> (pgno: UInt32, etag: String) {
        guard !file.isReadOnly else {
            throw .badArgument(
                option: "flags", detail: "no page can be added to a file that is read only")
        }
        if let bytes { try PageChange.whole(bytes).checkSize(file.pageSize) }
        let change = PageChange.whole(bytes ?? [UInt8](repeating: 0, count: file.pageSize))
        while true {
            var pin = try file.get(.new)
            let pgno = pin.pgno
            leases.begin(.init(file: file.key, pgno: pgno))
            defer { leases.finish(.init(file: file.key, pgno: pgno)) }
            // Who has got the page by its number meanwhile may keep it.
            if leases.isWritePinned(file.key, pgno) { continue }
            let etag = try apply(change, &pin, discard: discard, PageCondition())
            if let etag { return (pgno, etag) }
        }
    }

    /// The page's entity tag afterwards; nil if the pin is of what the page was before.
    private func apply(
        _ change: PageChange, _ pin: inout PagePin, discard: Bool, _ condition: PageCondition
    ) throws(StoreError) -> String? {
        let file = pin.file
        let bytes = try pin.withBytes { (page) throws(StoreError) in
            try condition.check(UnsafeRawBufferPointer(page), of: file)
            return try change.applied(to: page)
        }
        guard try pin.replaceIfCurrent(with: bytes) else { return nil }
        // It is dirty already.
        try pin.put(discard ? .discard : [])
        return try bytes.withBytes { (bytes) throws(StoreError) in file.tag(of: bytes) }
    }

    /// Writes everything that has changed; memp_sync.
    ///
    /// Incomplete while another one rests.
    package func sync(_ lsn: LSN?) throws(StoreError) -> (result: SyncResult, lsn: LSN?) {
        try paced(otherwise: (.incomplete, nil)) { () throws(StoreError) in try syncNow(lsn) }
    }

    func syncNow(_ lsn: LSN?) throws(StoreError) -> (result: SyncResult, lsn: LSN?) {
        try pool.sync(lsn) { leases.isWritePinned($0, $1) }
    }

    /// Writes the changed pages of a file; memp_fsync.
    ///
    /// Incomplete while another one rests.
    package func sync(_ file: PageFile) throws(StoreError) -> SyncResult {
        try paced(otherwise: .incomplete) { () throws(StoreError) in try file.sync() }
    }

    /// Runs a sync, unless one is under way that rests now and then.
    ///
    /// It keeps a thread for as long; a second one would keep another, and write in its pauses.
    private func paced<Result>(
        otherwise result: Result, _ sync: () throws(StoreError) -> Result
    ) throws(StoreError) -> Result {
        guard pool.pacing.withLock({ $0.writes > 0 }) else { return try sync() }
        let isFirst = isPacing.withLock { isPacing in
            defer { isPacing = true }
            return !isPacing
        }
        guard isFirst else { return result }
        defer { isPacing.withLock { $0 = false } }
        return try sync()
    }
}

extension PageFile {
    /// The strong entity tag of a page with these bytes.
    package func tag(of page: UnsafeRawBufferPointer) -> String {
        PageTag.text(of: page, lsnOffset: options.lsnOffset)
    }

    /// A copy of a page that is cached and can be had without waiting; counted as a hit.
    package func cachedCopy(_ pgno: UInt32) -> [UInt8]? {
        guard !isClosed, !isMapped else { return nil }
        let key = PageKey(file: key, pgno: pgno)
        // A put that has work with the page takes a lock, which another process may hold for long.
        let found = pool.region.find(key).index
        guard found != Region.none,
            pool.region.header(found).flags.isDisjoint(with: .needsCare)
        else { return nil }
        let index = pool.pinCached(key)
        guard index != Region.none else { return nil }
        defer { pool.putUnchanged(index, stampOffset) }
        return Array(pool.region.page(pool.region.header(index)))
    }

    /// A copy of a page, and its number.
    package func copy(
        _ request: WantedPage, discard: Bool = false
    ) throws(StoreError) -> (pgno: UInt32, bytes: [UInt8]) {
        var pin = try get(request)
        let bytes = try pin.withBytes { Array($0) }
        try pin.put(discard ? .discard : [])
        return (pin.pgno, bytes)
    }
}

extension PageChange {
    /// Refuses what can't fit before any page is looked at.
    func checkSize(_ pageSize: Int) throws(StoreError) {
        switch self {
        case .whole(let bytes):
            guard bytes.count == pageSize else {
                throw .badArgument(
                    option: "page",
                    detail: "a page of this file has \(pageSize) bytes, not \(bytes.count)")
            }
        case .patches(let patches):
            for patch in patches
            where patch.at < 0 || patch.at > pageSize - patch.bytes.count {
                throw .badArgument(
                    option: "at", detail: "the bytes reach beyond the page of \(pageSize)")
            }
        }
    }
}
