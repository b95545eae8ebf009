import Synchronization

/// What the figures of a file count; the `st_` fields of memp_stat that files have.
package struct PageFileCounts: Equatable, Sendable {
    package var hits = 0
    package var misses = 0
    package var mapped = 0
    package var created = 0
    package var read = 0
    package var written = 0

    static func += (left: inout Self, right: Self) {
        left.hits += right.hits
        left.misses += right.misses
        left.mapped += right.mapped
        left.created += right.created
        left.read += right.read
        left.written += right.written
    }
}

/// What a region knows of one file; 8 KiB.
///
/// The counters and the known size are atomics; the rest belongs to the holder of the region's lock.
struct PageFileEntry {
    let base: UnsafeMutableRawPointer

    /// What only the holder of the lock writes.
    struct Fields {
        var isUsed = false
        var isTemporary = false
        var isMappable = false
        /// Its pages never leave, since there is nowhere to put them.
        var isInMemory = false
        var priority = PagePriority.normal.number
        var highestIsStale = false
        var generation: UInt32 = 0
        var identity: (UInt64, UInt64, UInt64) = (0, 0, 0)
        var pageSize = 0
        var fileType = 0
        var lsnOffset = -1
        var clearLength = -1
        var maxPages: UInt32 = 0
        /// Whether a handle has ever read it past the pool, and its last page when the first one was
        /// opened that does.
        var hasMapping = false
        var mappedLast: UInt32 = 0
        /// The highest cached page, while any is cached.
        var highestCached: UInt32 = 0
        var pages = 0
        var dirtyPages = 0
        var handles = 0
        var cookieLength = -1
        var pathLength = 0
        var nameLength = 0
        /// Pages written to the file, and how many of those had been written when it was last flushed.
        var writes: UInt64 = 0
        var flushedWrites: UInt64 = 0
        /// The last write of a page that has left the pool since.
        var leftWrites: UInt64 = 0
        /// A flush has failed, and nobody has the pages any more that it was to make durable.
        var hasLostWrites = false
        /// How many pages have been put into the page table; never less.
        var arrivals: UInt64 = 0
        /// Who takes its pages out since its last handle was closed, by number plus 1; 0 for nobody.
        var ender: UInt8 = 0

        /// Whether a write is not known to be on stable storage.
        func isPending(_ write: UInt32) -> Bool {
            guard write != 0 else { return false }
            return Int32(bitPattern: write &- UInt32(truncatingIfNeeded: flushedWrites)) > 0
        }
    }

    private static let fieldsAt = 256
    private static let handlesAt = 512
    private static let cookieAt = 1024
    private static let pathAt = 2048
    private static let nameAt = 6144
    static let longestPath = nameAt - pathAt
    static let longestName = RegionLayout.fileBytes - nameAt

    var fields: UnsafeMutablePointer<Fields> {
        (base + Self.fieldsAt).assumingMemoryBound(to: Fields.self)
    }

    /// Hits of pages that are no longer cached; those of cached pages are in their pins.
    var hits: UnsafeMutablePointer<Atomic<UInt64>> { base.word64(0) }
    var misses: UnsafeMutablePointer<Atomic<UInt64>> { base.word64(8) }
    var mapped: UnsafeMutablePointer<Atomic<UInt64>> { base.word64(16) }
    var created: UnsafeMutablePointer<Atomic<UInt64>> { base.word64(24) }
    var read: UnsafeMutablePointer<Atomic<UInt64>> { base.word64(32) }
    var written: UnsafeMutablePointer<Atomic<UInt64>> { base.word64(40) }
    /// A length in bytes that the file had: it may have grown since.
    var knownSize: UnsafeMutablePointer<Atomic<UInt64>> { base.word64(48) }

    /// How many handles a process has.
    func handles(of process: Int) -> UnsafeMutablePointer<UInt32> {
        (base + Self.handlesAt + process * 4).assumingMemoryBound(to: UInt32.self)
    }

    var cookie: [UInt8]? {
        fields.pointee.cookieLength < 0 ? nil : bytes(Self.cookieAt, fields.pointee.cookieLength)
    }

    var path: String {
        String(decoding: bytes(Self.pathAt, fields.pointee.pathLength), as: UTF8.self)
    }

    var name: String {
        String(decoding: bytes(Self.nameAt, fields.pointee.nameLength), as: UTF8.self)
    }

    /// Makes the entry that of a file, with no pages and no handles.
    func fill(
        _ options: PageFileOptions, path: String, identity: (UInt64, UInt64, UInt64),
        generation: UInt32
    ) {
        base.initializeMemory(as: UInt8.self, repeating: 0, count: Self.cookieAt)
        fields.initialize(to: Fields())
        store(options.cookie ?? [], Self.cookieAt)
        store(Array(path.utf8), Self.pathAt)
        store(Array((options.name ?? "").utf8), Self.nameAt)
        var new = Fields()
        new.isTemporary = options.name == nil
        new.isMappable = true
        new.isInMemory = options.inMemory
        new.priority = options.priority.number
        new.generation = generation
        new.identity = identity
        new.pageSize = options.pageSize
        new.fileType = options.fileType
        new.lsnOffset = options.lsnOffset
        new.clearLength = options.clearLength ?? -1
        new.maxPages = options.maxPages
        new.cookieLength = options.cookie?.count ?? -1
        new.pathLength = path.utf8.count
        new.nameLength = options.name?.utf8.count ?? 0
        fields.pointee = new
        fields.pointee.isUsed = true
    }

    /// Counts a page that comes in, and those that are read ahead with it; with the region's lock.
    ///
    /// Before they are read, since a locked instruction afterwards would wait for all that the read has
    /// stored.
    func countArrival(isStored: Bool, isNew: Bool, ahead: Int) {
        if isStored { read.addLocked(1 + ahead) } else { created.addLocked(1) }
        if !isNew { misses.addLocked(1) }
    }

    /// Takes back what was counted for a page that did not come in after all.
    ///
    /// With the region's lock.
    /// - Parameter isRead: its bytes were there, and a filter refused them.
    func takeArrivalBack(isRead: Bool, isNew: Bool) {
        if !isRead { read.takeBack() }
        if !isNew { misses.takeBack() }
    }

    /// Takes back a hit that was counted for a page that is no longer cached.
    func takeHitBack() { hits.takeBack() }

    func noteSize(_ size: Int) {
        knownSize.pointee.store(UInt64(size), ordering: .relaxed)
    }

    func noteEnd(_ end: Int) {
        _ = knownSize.pointee.max(UInt64(end), ordering: .relaxed)
    }

    var counts: PageFileCounts {
        var counts = PageFileCounts()
        counts.hits = Int(hits.pointee.load(ordering: .relaxed))
        counts.misses = Int(misses.pointee.load(ordering: .relaxed))
        counts.mapped = Int(mapped.pointee.load(ordering: .relaxed))
        counts.created = Int(created.pointee.load(ordering: .relaxed))
        counts.read = Int(read.pointee.load(ordering: .relaxed))
        counts.written = Int(written.pointee.load(ordering: .relaxed))
        return counts
    }

    func clearCounts() {
        for counter in [hits, misses, mapped, created, read, written] {
            counter.pointee.store(0, ordering: .relaxed)
        }
    }

    private func bytes(_ offset: Int, _ count: Int) -> [UInt8] {
        Array(UnsafeRawBufferPointer(start: base + offset, count: count))
    }

    private func store(_ bytes: [UInt8], _ offset: Int) {
        UnsafeMutableRawBufferPointer(start: base + offset, count: bytes.count)
            .copyBytes(from: bytes)
    }
}

extension UnsafeMutablePointer where Pointee == Atomic<UInt64> {
    /// As `add`, of a counter that only holders of the region's lock change.
    @inline(__always)
    func addLocked(_ count: Int) {
        let known = pointee.load(ordering: .relaxed)
        pointee.store(known &+ UInt64(truncatingIfNeeded: count), ordering: .relaxed)
    }

    /// Subtracts one, unless the counter was cleared meanwhile.
    func takeBack() {
        var known = pointee.load(ordering: .relaxed)
        var isDone = false
        while known > 0, !isDone {
            (isDone, known) = pointee.compareExchange(
                expected: known, desired: known - 1, ordering: .relaxed)
        }
    }

    @inline(__always)
    func add(_ count: Int) {
        pointee.wrappingAdd(UInt64(truncatingIfNeeded: count), ordering: .relaxed)
    }
}
