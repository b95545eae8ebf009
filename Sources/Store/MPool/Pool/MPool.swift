import Synchronization

/// A buffer pool: pages of files in memory, shared by threads and, unless it is private, processes.
///
/// It is Berkeley DB's db_mpool. A page that is cached is got and put back without a lock; everything
/// else takes the lock of the region, which is never held while a file is read or written.
package final class MPool: @unchecked Sendable {
    // Sendable because the variables are touched only by the holder of the region's lock; the rest
    // are constants, atomics and values that lock themselves.
    let region: Region
    let clock: StampClock
    let isLRU: Bool
    let log: PageLog
    /// What errors call the pool.
    let name: String
    /// Where temporary files of the pool go.
    let temporaryFolder: String
    /// When a sync rests.
    package let pacing: Locked<WritePacing>
    /// False for one that only helps a newcomer into the region.
    private let isMember: Bool

    // What this process knows by itself; touched with the region's lock alone.
    var victims = VictimQueue()
    var ghosts = GhostNames()
    /// Open files by their place in the table of files.
    var backings = [PageBacking?](repeating: nil, count: RegionLayout.files)

    private let filters = Locked<[Int: RegisteredFilter]>([:])
    let closed = Atomic(false)

    init(
        region: Region, name: String, options: MPoolOptions, temporaryFolder: String,
        isMember: Bool = true
    ) {
        self.isMember = isMember
        self.region = region
        self.name = name
        self.temporaryFolder = temporaryFolder
        clock = StampClock(region.control.clock)
        isLRU = region.state.pointee.policy == 0
        log = options.log
        pacing = Locked(options.pacing)
    }

    deinit { if isMember { leave() } }

    var state: UnsafeMutablePointer<RegionControl.State> { region.state }

    // MARK: Settings

    /// Bytes of page data that fit.
    package var cacheSize: Int { state.pointee.cacheSize }
    package var mmapSize: Int { state.pointee.mmapSize }
    package var isPrivate: Bool { !region.memory.isShared }
    package var noMmap: Bool { state.pointee.noMmap }
    package var policy: ReplacementPolicy { isLRU ? .lru : .s3fifo }

    /// Names the filters that pages of a file type pass from now on; memp_register.
    ///
    /// It counts for this process only.
    /// - Parameter fileType: from 1 on.
    package func register(fileType: Int, _ filter: PageFilter) throws(StoreError) {
        guard fileType > 0, fileType <= Int(Int32.max) else {
            throw .badArgument(option: "ftype", detail: "a file type is a positive number")
        }
        filters.withLock { $0[fileType] = RegisteredFilter(filter) }
    }

    /// How often the filters of each file type were called.
    package var filterCalls: [Int: FilterCalls] {
        filters.withLock { $0.mapValues(\.calls) }
    }

    func filter(of fileType: Int) -> RegisteredFilter? {
        fileType == 0 ? nil : filters.withLock { $0[fileType] }
    }

    // MARK: The lock

    /// Takes the lock of the region.
    ///
    /// If its last holder died with it, everything is put right first.
    func takeLock() throws(StoreError) {
        switch region.lock.take() {
        case .free: state.pointee.counts.lockTaken += 1
        case .waited: state.pointee.counts.lockWaits += 1
        case .fromTheDead:
            RegionRepair(region: region).run()
            region.lock.repaired()
            reclaimFromTheDead()
        case .unusable:
            throw .mpool(.runRecovery(detail: "the lock of the region can't be taken"))
        }
    }

    func giveLockBack() { region.lock.giveBack() }

    /// Runs `body` with the lock of the region.
    func locked<Result>(
        _ body: () throws(StoreError) -> Result
    ) throws(StoreError) -> Result {
        try takeLock()
        defer { giveLockBack() }
        return try body()
    }

    /// Gives the lock back for as long as reads and writes of others leave something as it is.
    ///
    /// Who is waited for may have died: then nothing ends, and what it held is reclaimed.
    /// - Parameter isUnderWay: is asked with the lock. A read ends without it, and tells nobody if
    ///   nobody is waiting yet: so it is asked again once it is known that somebody is.
    func waitForIO(while isUnderWay: () -> Bool) throws(StoreError) {
        let control = region.control
        while isUnderWay() {
            control.ioWaiters.pointee.wrappingAdd(1, ordering: .sequentiallyConsistent)
            let sequence = control.ioSequence.pointee.load(ordering: .sequentiallyConsistent)
            let isWaiting = isUnderWay()
            giveLockBack()
            if isWaiting {
                region.memory.sleep(
                    at: RegionControl.ioSequenceAt, while: sequence, milliseconds: 20)
            }
            control.ioWaiters.pointee.wrappingSubtract(1, ordering: .sequentiallyConsistent)
            try takeLock()
            let now = control.ioSequence.pointee.load(ordering: .sequentiallyConsistent)
            if isWaiting, now == sequence { reclaimFromTheDead() }
        }
    }

    /// Tells those who wait in `waitForIO`.
    @inline(__always)
    func endedIO() {
        let control = region.control
        guard control.ioWaiters.pointee.load(ordering: .sequentiallyConsistent) != 0 else { return }
        control.ioSequence.pointee.wrappingAdd(1, ordering: .sequentiallyConsistent)
        region.memory.wake(at: RegionControl.ioSequenceAt)
    }

    // MARK: State of pages, under the lock

    func mark(_ index: UInt32, dirty isDirty: Bool) {
        let header = region.header(index)
        var flags = header.flags
        guard flags.contains(.dirty) != isDirty else { return }
        if isDirty { flags.insert(.dirty) } else { flags.remove(.dirty) }
        header.set(flags)
        let count = isDirty ? 1 : -1
        state.pointee.dirtyPages += count
        let key = PageKey(bits: header.key.pointee.load(ordering: .relaxed))
        if !key.isOrphan { region.file(key.slot).fields.pointee.dirtyPages += count }
    }

    func mark(_ index: UInt32, pending isPending: Bool) {
        let header = region.header(index)
        var flags = header.flags
        guard flags.contains(.pending) != isPending else { return }
        if isPending { flags.insert(.pending) } else { flags.remove(.pending) }
        header.set(flags)
        state.pointee.pendingPages += isPending ? 1 : -1
    }

    /// Takes a page that nobody holds out of the pool.
    func drop(_ index: UInt32) {
        let header = region.header(index)
        let key = PageKey(bits: header.key.pointee.load(ordering: .relaxed))
        forget(index, key)
        if key.isOrphan { creditHits(of: index, key) }
        // Whoever still sees the old key sees it marked, too.
        header.key.pointee.store(0, ordering: .releasing)
        header.reset()
        state.pointee.usedBytes -= header.pageSize
        region.free(index)
    }

    /// Hits that came while the page was being taken away are its file's, not the next page's here.
    private func creditHits(of index: UInt32, _ key: PageKey) {
        let hits = region.takeHits(index)
        let generation = region.file(key.slot).fields.pointee.generation
        guard hits > 0, PageKey.file(slot: key.slot, generation: generation) == key.file
        else { return }
        region.file(key.slot).hits.add(hits)
    }

    /// Takes a page out of the page table and the figures; its memory stays in use.
    func forget(_ index: UInt32, _ key: PageKey) {
        guard !key.isOrphan else { return }
        mark(index, dirty: false)
        mark(index, pending: false)
        region.unlink(index, key.settled)
        if !isLRU { S3Fifo(region: region).remove(index) }
        region.header(index).stamp.pointee.store(0, ordering: .relaxed)
        state.pointee.pages -= 1
        let file = region.file(key.slot)
        let hits = region.takeHits(index)
        if hits > 0 { file.hits.add(hits) }
        file.fields.pointee.pages -= 1
        if file.fields.pointee.isPending(region.header(index).lastWrite) {
            file.fields.pointee.leftWrites = file.fields.pointee.writes
        }
        if key.pgno == file.fields.pointee.highestCached {
            file.fields.pointee.highestIsStale = true
        }
    }

    /// Every page of a file that is cached or on its way in.
    func pages(of file: UInt64) -> [UInt32] {
        (0..<UInt32(state.pointee.headers)).filter { index in
            let bits = region.header(index).key.pointee.load(ordering: .acquiring)
            let key = PageKey(bits: bits)
            return !key.isFree && !key.isOrphan && key.file == file
        }
    }
}
