import Synchronization

/// A handle of a file in a pool: what memp_fopen gives.
///
/// Several may be open on one file; they share its pages and its figures.
package final class PageFile: Sendable {
    package let pool: MPool
    package let options: PageFileOptions
    package let pageSize: Int
    /// The file's place in the table of files.
    let slot: Int
    /// What the keys of its pages have in common.
    let key: UInt64
    /// The file could be read past the pool when this handle was opened.
    let isMapped: Bool
    /// Where a mapped file is read.
    let mapping: PageBacking?
    /// What its priority adds to the stamps of its pages.
    let stampOffset: UInt64
    /// Each put is one with the flag to discard.
    let discards: Bool
    private let closed = Atomic(false)
    /// The page that a reader in order misses next.
    private let expected = Atomic(UInt64.max)

    init(
        pool: MPool, options: PageFileOptions, slot: Int, key: UInt64, mapping: PageBacking?
    ) {
        self.pool = pool
        self.options = options
        self.slot = slot
        self.key = key
        self.mapping = mapping
        isMapped = mapping != nil
        pageSize = options.pageSize
        stampOffset = pool.isLRU ? options.priority.stampOffset : 0
        discards = options.priority == .veryLow
    }

    deinit { _ = try? close() }

    var entry: PageFileEntry { pool.region.file(slot) }
    var isReadOnly: Bool { options.readOnly }
    /// How many pages of the file have been put into the page table; with the lock.
    var arrivals: UInt64 { entry.fields.pointee.arrivals }

    @inline(__always)
    var isClosed: Bool { closed.load(ordering: .relaxed) }

    /// Whether this call is the one that closes it.
    func becomeClosed() -> Bool { !closed.exchange(true, ordering: .acquiringAndReleasing) }

    /// Whether a page that is missed is the one behind those that were; if not, the next may be.
    func isNext(_ pgno: UInt32) -> Bool {
        if expected.load(ordering: .relaxed) == UInt64(pgno) { return true }
        expect(UInt64(pgno) + 1)
        return false
    }

    func expect(_ pgno: UInt64) { expected.store(pgno, ordering: .relaxed) }

    /// What errors call the file.
    var name: String { options.name ?? "a private file" }

    // MARK: Pages

    /// Gets a page, runs `body` with it and puts it back; memp_fget and memp_fput.
    ///
    /// `body` may change the page only if it is put back as dirty.
    @inline(__always)
    package func withPage<Result>(
        _ pgno: UInt32, _ body: (UnsafeMutableRawBufferPointer) throws(StoreError) -> Result
    ) throws(StoreError) -> Result {
        var index =
            isClosed || isMapped ? Region.none : pool.pinCached(PageKey(file: key, pgno: pgno))
        if index == Region.none {
            if isMapped { return try withPage(.existing(pgno), body) }
            index = try pool.acquire(self, .existing(pgno)).index
        }
        defer { pool.putUnchanged(index, stampOffset) }
        return try body(pool.region.page(pool.region.header(index)))
    }

    /// As `withPage` with a number, for any request and with flags for the put.
    package func withPage<Result>(
        _ request: WantedPage, putting flags: PageFlags = [],
        _ body: (UnsafeMutableRawBufferPointer) throws(StoreError) -> Result
    ) throws(StoreError) -> Result {
        var pin = try get(request)
        let result = try pin.withBytes(body)
        try pin.put(flags)
        return result
    }

    /// Gets a page; it stays where it is until the pin is put back.
    ///
    /// memp_fget.
    package func get(_ request: WantedPage) throws(StoreError) -> PagePin {
        if let mapped = try getMapped(request) { return mapped }
        if case .existing(let pgno) = request, !isClosed {
            let index = pool.pinCached(PageKey(file: key, pgno: pgno))
            if index != Region.none { return PagePin(file: self, index: index, pgno: pgno) }
        }
        let (index, pgno) = try pool.acquire(self, request)
        return PagePin(file: self, index: index, pgno: pgno)
    }

    /// The figures of the file so far; the hits of pages that are cached are not among them.
    package var counts: PageFileCounts { entry.counts }

    /// Whether a page exists; nothing is loaded or counted.
    package func exists(_ pgno: UInt32) throws(StoreError) -> Bool {
        try pool.locked { () throws(StoreError) in
            if isClosed { throw .mpool(.closed) }
            if pool.region.find(PageKey(file: key, pgno: pgno)).index != Region.none { return true }
            return try pool.isInFile(pgno, slot)
        }
    }
}

extension PageFile {
    /// A page of a file that is read past the pool; nil where the pool has to give it.
    ///
    /// The original maps such files. A mapping would end the process once somebody cuts the file
    /// short, so that a pin gets a copy here.
    private func getMapped(_ request: WantedPage) throws(StoreError) -> PagePin? {
        guard let mapping, !isClosed, entry.fields.pointee.isMappable, request != .new else {
            return nil
        }
        let last = entry.fields.pointee.mappedLast
        let pgno: UInt32
        switch request {
        case .existing(let number): pgno = number
        case .create(let number): pgno = number
        case .last: pgno = last
        case .new: return nil
        }
        guard pgno <= last else {
            if case .create = request { return nil }
            throw .mpool(.noSuchPage(file: name, pgno: pgno))
        }
        let copy = PageCopy(count: pageSize)
        guard try mapping.read(pgno, into: copy.bytes) == pageSize else {
            throw .mpool(.noSuchPage(file: name, pgno: pgno))
        }
        entry.mapped.add(1)
        return PagePin(file: self, copy: copy, pgno: pgno)
    }
}

/// Memory for one page outside of a pool.
final class PageCopy: @unchecked Sendable {
    // Sendable because it has one user at a time: the pin, or the write, that it was made for.
    let bytes: UnsafeMutableRawBufferPointer

    init(count: Int) { bytes = .allocate(byteCount: count, alignment: min(count, 4096)) }

    deinit { bytes.deallocate() }
}
