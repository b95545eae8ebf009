import Synchronization

/// The shared state of a pool: page headers, page table, free memory, files.
///
/// Everything here but `find` and what an atomic does by itself needs the region's lock.
struct Region {
    let memory: RegionMemory
    let control: RegionControl
    let lock: RegionLock
    let layout: RegionLayout
    /// Which of the processes that share the region this one is.
    let process: Int

    private let base: UnsafeMutableRawPointer
    private let headersBase: UnsafeMutableRawPointer
    private let bucketsBase: UnsafeMutableRawPointer
    private let hashShift: UInt64
    private let ownPins: UnsafeMutableRawPointer
    private let ownPinsStride: Int

    static let none = UInt32.max

    init(_ memory: RegionMemory, process: Int) {
        self.memory = memory
        self.process = process
        layout = memory.layout
        base = memory.base
        control = RegionControl(base: base)
        lock = RegionLock(at: base + RegionControl.lockAt)
        headersBase = base + layout.headersAt
        bucketsBase = base + RegionLayout.bucketsAt
        hashShift = UInt64(64 - layout.buckets.trailingZeroBitCount)
        ownPins = process == 0 ? headersBase + 8 : base + layout.pinsAt(process: process)
        ownPinsStride = process == 0 ? RegionLayout.headerBytes : 8
    }

    var state: UnsafeMutablePointer<RegionControl.State> { control.state }

    @inline(__always)
    func header(_ index: UInt32) -> PageHeader {
        PageHeader(base: headersBase + Int(index) * RegionLayout.headerBytes)
    }

    /// The pins that this process has of a page.
    @inline(__always)
    func ownPins(_ index: UInt32) -> UnsafeMutablePointer<Atomic<UInt64>> {
        (ownPins + Int(index) * ownPinsStride).assumingMemoryBound(to: Atomic<UInt64>.self)
    }

    func pins(_ index: UInt32, of process: Int) -> UnsafeMutablePointer<Atomic<UInt64>> {
        process == 0
            ? header(index).base.word64(8)
            : base.word64(layout.pinsAt(process: process) + Int(index) * 8)
    }

    @inline(__always)
    func bucket(_ key: PageKey) -> UnsafeMutablePointer<Atomic<UInt32>> {
        let number = Int(key.hash &>> hashShift)
        return (bucketsBase + number * 4).assumingMemoryBound(to: Atomic<UInt32>.self)
    }

    /// Has the line of a bucket fetched that is looked at next.
    @inline(__always)
    func fetchBucket(_ key: PageKey) { UnsafeMutableRawPointer(bucket(key)).fetchToWrite() }

    func page(_ header: PageHeader) -> UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(start: base + header.offset, count: header.pageSize)
    }

    func file(_ slot: Int) -> PageFileEntry {
        PageFileEntry(
            base: base + RegionLayout.controlBytes + slot * RegionLayout.fileBytes)
    }

    /// The slots that processes have or had.
    private var processes: Range<Int> { 0..<state.pointee.processBound }

    // MARK: The page table

    /// The header of a page, whatever is being done with it, and how many were looked at.
    func find(_ key: PageKey) -> (index: UInt32, examined: Int) {
        var link = bucket(key).pointee.load(ordering: .acquiring)
        var examined = 0
        while link != 0, examined < layout.headers {
            examined += 1
            let header = header(link - 1)
            let found = PageKey(bits: header.key.pointee.load(ordering: .acquiring))
            if !found.isOrphan, found.settled == key { return (link - 1, examined) }
            link = header.next.pointee.load(ordering: .acquiring)
        }
        return (Self.none, examined)
    }

    func link(_ index: UInt32, _ key: PageKey) {
        let bucket = bucket(key)
        let first = bucket.pointee.load(ordering: .relaxed)
        header(index).next.pointee.store(first, ordering: .relaxed)
        bucket.pointee.store(index + 1, ordering: .releasing)
    }

    func unlink(_ index: UInt32, _ key: PageKey) {
        var place = bucket(key)
        var steps = 0
        while steps <= layout.headers {
            let link = place.pointee.load(ordering: .relaxed)
            guard link != 0 else { return }
            let next = header(link - 1).next
            if link == index + 1 {
                return place.pointee.store(
                    next.pointee.load(ordering: .relaxed), ordering: .releasing)
            }
            place = next
            steps += 1
        }
    }

    /// How many headers have disk space.
    var backedHeaders: Int { (state.pointee.headers + 1023) / 1024 * 1024 }

    // MARK: Pins

    /// The pins of a page, all processes together.
    func pinCount(_ index: UInt32) -> UInt64 {
        var sum: UInt64 = 0
        for process in processes {
            let word = pins(index, of: process)
            sum += word.pointee.load(ordering: .sequentiallyConsistent) & PinWord.mask
        }
        return sum
    }

    /// Keeps a page from being pinned; false if it is pinned.
    ///
    /// Undone by `release`.
    func seize(_ index: UInt32) -> Bool {
        let key = header(index).key
        let bits = key.pointee.load(ordering: .relaxed)
        key.pointee.store(bits | PageKey.busy, ordering: .sequentiallyConsistent)
        if pinCount(index) == 0 { return true }
        release(index)
        return false
    }

    func release(_ index: UInt32) {
        let key = header(index).key
        let bits = key.pointee.load(ordering: .relaxed)
        key.pointee.store(bits & ~PageKey.busy, ordering: .sequentiallyConsistent)
    }

    /// How often a page was hit since it came in.
    func hits(_ index: UInt32) -> Int {
        processes.reduce(0) { sum, process in
            sum + Int(pins(index, of: process).pointee.load(ordering: .relaxed) >> 20)
        }
    }

    /// Takes the hits of a page out of its pins; how many they were.
    func takeHits(_ index: UInt32) -> Int {
        var hits: UInt64 = 0
        for process in processes {
            let word = pins(index, of: process)
            guard word.pointee.load(ordering: .relaxed) >= PinWord.hit else { continue }
            // All at once: a pin that did not hold may be taking its hit back.
            let before = word.pointee.bitwiseAnd(PinWord.mask, ordering: .relaxed).oldValue
            hits += before >> 20
        }
        return Int(hits)
    }

    // MARK: Memory

    /// A header with memory for a page, as yet of no page.
    func allocate(pageSize: Int) throws(StoreError) -> UInt32 {
        let arena = layout.arena(of: pageSize)
        let free = control.firstFree(arena)
        guard free.pointee == 0 else {
            let index = free.pointee - 1
            let header = header(index)
            if header.flags.contains(.unbacked) {
                try memory.back(from: header.offset, count: pageSize)
            }
            free.pointee = header.after
            return index
        }
        return try extend(arena, pageSize)
    }

    private func extend(_ arena: Int, _ pageSize: Int) throws(StoreError) -> UInt32 {
        let index = state.pointee.headers
        let used = control.usedInArena(arena)
        let place = layout.arenaAt(arena) + Int(used.pointee) * pageSize
        guard index < layout.headers, place + pageSize <= layout.arenaAt(arena) + layout.reserve
        else { throw .mpool(.cacheFull(detail: "the region has no room for another page")) }
        try back(header: index)
        if memory.isShared { try backPages(place, pageSize, arena) }
        let header = header(UInt32(index))
        header.offset = place
        header.pageSize = pageSize
        used.pointee += 1
        state.pointee.headers = index + 1
        return UInt32(index)
    }

    /// Disk space for headers, and for their pins of all processes, 1,024 at a time.
    private func back(header index: Int) throws(StoreError) {
        guard memory.isShared, index % 1024 == 0 else { return }
        try memory.back(
            from: layout.headersAt + index * RegionLayout.headerBytes,
            count: 1024 * RegionLayout.headerBytes)
        for process in processes where process > 0 {
            try backPins(of: process, from: index, count: 1024)
        }
    }

    func backPins(of process: Int, from index: Int, count: Int) throws(StoreError) {
        let count = min(count, layout.headers - index)
        try memory.back(from: layout.pinsAt(process: process) + index * 8, count: count * 8)
    }

    /// Disk space for pages, 64 KiB at least.
    private func backPages(_ place: Int, _ pageSize: Int, _ arena: Int) throws(StoreError) {
        let step = max(pageSize, 64 << 10)
        guard (place - layout.arenaAt(arena)) % step == 0 else { return }
        try memory.back(from: place, count: min(step, layout.arenaAt(arena + 1) - place))
    }

    /// Puts a header among the free ones of its page size.
    func free(_ index: UInt32) {
        let header = header(index)
        let list = control.firstFree(layout.arena(of: header.pageSize))
        header.after = list.pointee
        list.pointee = index + 1
    }
}
