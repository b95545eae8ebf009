/// A page that was got and not put back: it stays in the pool, and where it is.
///
/// A pin that is let go of is put back without flags.
package struct PagePin: ~Copyable, Sendable {
    package let file: PageFile
    package let pgno: UInt32
    private var index: UInt32
    /// What the put adds to the page's stamp.
    private var offset: UInt64
    /// A page that was read past the pool.
    private let copy: PageCopy?
    package private(set) var isHeld = true

    init(file: PageFile, index: UInt32, pgno: UInt32) {
        self.file = file
        self.index = index
        self.pgno = pgno
        offset = file.stampOffset
        copy = nil
    }

    init(file: PageFile, copy: PageCopy, pgno: UInt32) {
        self.file = file
        index = Region.none
        offset = 0
        self.pgno = pgno
        self.copy = copy
    }

    deinit {
        if isHeld, copy == nil { file.pool.putUnchanged(index, offset) }
    }

    /// Runs `body` with the page, which it may change if the page is put or set as dirty.
    package func withBytes<Result>(
        _ body: (UnsafeMutableRawBufferPointer) throws(StoreError) -> Result
    ) throws(StoreError) -> Result {
        guard isHeld else { throw .mpool(.notPinned) }
        if let copy { return try body(copy.bytes) }
        return try body(file.pool.region.page(file.pool.region.header(index)))
    }

    /// Whether the page has changes that are not in the file.
    package var isDirty: Bool {
        isHeld && copy == nil && file.pool.region.header(index).flags.contains(.dirty)
    }

    /// Gives the page other bytes, all at once, and marks it dirty.
    ///
    /// Other pins of it keep what they have seen.
    /// - Parameter bytes: as many as the page has.
    package mutating func replace(with bytes: [UInt8]) throws(StoreError) {
        while try !replaceIfCurrent(with: bytes) {
            // Somebody has replaced the page since: this pin is of what it was before.
            let before = index
            index = try file.pool.acquire(file, .create(pgno)).index
            file.pool.putUnchanged(before, offset)
        }
    }

    /// As `replace`, but only as long as the page is what this pin has seen of it.
    ///
    /// - Returns: false if somebody has replaced it since, or it has left with its file.
    mutating func replaceIfCurrent(with bytes: [UInt8]) throws(StoreError) -> Bool {
        guard isHeld else { throw .mpool(.notPinned) }
        guard !file.isReadOnly, copy == nil else {
            throw .mpool(.readOnlyFile(file: file.name))
        }
        let after = try bytes.withBytes { (bytes) throws(StoreError) in
            try file.pool.replace(index, with: bytes)
        }
        guard let after else { return false }
        index = after
        return true
    }

    /// Whether the page is still what this pin has seen of it.
    var isCurrent: Bool {
        isHeld
            && (copy != nil || !file.pool.region.header(index).flags.contains(.orphan))
    }

    /// Where the pool has the page; nil if it was read past the pool.
    var header: UInt32? { copy == nil ? index : nil }

    /// Gives the page back; memp_fput.
    ///
    /// On an error it is still held.
    package mutating func put(_ flags: PageFlags = []) throws(StoreError) {
        try set(flags)
        isHeld = false
        if copy == nil { file.pool.putUnchanged(index, offset) }
    }

    /// Gives the page another priority than its file has, from the next put of it until the one after.
    package mutating func rank(_ priority: PagePriority) throws(StoreError) {
        guard isHeld else { throw .mpool(.notPinned) }
        if priority == .veryLow { return try set(.discard) }
        guard copy == nil, file.pool.isLRU else { return }
        try file.pool.rank(index, priority)
        offset = priority.stampOffset
    }

    /// Says what is to be known of the page, and keeps it; memp_fset.
    package func set(_ flags: PageFlags) throws(StoreError) {
        guard isHeld else { throw .mpool(.notPinned) }
        try flags.check()
        if flags.contains(.dirty), file.isReadOnly {
            throw .mpool(.readOnlyFile(file: file.name))
        }
        guard copy == nil else { return }
        try file.pool.apply(flags, to: index)
    }
}
