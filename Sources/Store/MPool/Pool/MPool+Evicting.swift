import Synchronization

/// Pages that their files can't hold, so that others leave to make room.
struct UnwrittenPages {
    private var pages: Set<UInt32> = []
    /// What writing the first one failed with.
    private(set) var failure: StoreError?

    /// A disk that takes nothing is not asked for each page of a large cache.
    private static let limit = 8

    func contains(_ index: UInt32) -> Bool { !pages.isEmpty && pages.contains(index) }

    /// - Throws: what says nothing of the page alone, as the original does; the first failure, once
    ///   there have been too many.
    mutating func add(_ index: UInt32, _ error: StoreError) throws(StoreError) {
        guard case .fileTooLarge = error else { throw error }
        pages.insert(index)
        let first = failure ?? error
        failure = first
        if pages.count >= Self.limit { throw first }
    }
}

extension MPool {
    /// Makes pages leave until one of that size fits; with the lock.
    ///
    /// A page that its file can't hold is passed over: it never can be written, and keeps no other from
    /// coming in.
    /// - Returns: false if the lock was given back meanwhile, so that the caller has to look anew.
    /// - Throws: `.cacheFull` if nothing more can leave, or what writing a page failed with.
    func makeRoom(_ size: Int, past unwritten: inout UnwrittenPages) throws(StoreError) -> Bool {
        guard size <= state.pointee.cacheSize else {
            throw .mpool(.cacheFull(detail: "a page of \(size) bytes is larger than the cache"))
        }
        while isFull(size) {
            if evictColdest(for: size) { continue }
            guard try evict(for: size, past: &unwritten) else { return false }
        }
        return true
    }

    func isFull(_ size: Int) -> Bool { state.pointee.usedBytes + size > state.pointee.cacheSize }

    /// Has the page leave whose turn it is; false if it is dirty, or there is none.
    func evictColdest(for size: Int) -> Bool {
        guard let victim = nextVictim(), !region.header(victim).flags.contains(.dirty) else {
            return false
        }
        evictClean(victim, for: size)
        return true
    }

    /// Writes a page so that it can leave, passes over those that can't be written, or waits for those
    /// that are on their way; false if the lock was given back meanwhile.
    @inline(never)
    private func evict(
        for size: Int, past unwritten: inout UnwrittenPages
    ) throws(StoreError) -> Bool {
        guard let victim = nextVictim(past: unwritten) else {
            if isAnyMoving {
                let passed = unwritten
                try waitForIO { nextVictim(past: passed) == nil && isAnyMoving }
                return false
            }
            // Ending the files of the dead gives the lock back.
            if reclaimFromTheDead() { return false }
            if let failure = unwritten.failure { throw failure }
            throw .mpool(
                .cacheFull(
                    detail: "all \(state.pointee.pages) pages in the pool are pinned, or "
                        + "can't be written by this process"))
        }
        guard region.header(victim).flags.contains(.dirty) else {
            evictClean(victim, for: size)
            return true
        }
        do throws(StoreError) {
            try evictDirty(victim)
        } catch {
            try unwritten.add(victim, error)
        }
        return false
    }

    /// Has a page leave, unless somebody has pinned it meanwhile.
    private func evictClean(_ index: UInt32, for size: Int) {
        guard region.seize(index) else { return }
        let header = region.header(index)
        drop(index)
        state.pointee.counts.cleanEvicted += 1
        if header.pageSize != size, header.pageSize >= 4096 { giveBackMemory(of: header) }
    }

    /// Memory of one page size is not used for another: it goes back to the system.
    private func giveBackMemory(of header: PageHeader) {
        // First: should this process die in between, what is backed is backed once more.
        if region.memory.isShared { header.set(.unbacked) }
        region.memory.giveBack(header.offset, count: header.pageSize)
    }

    private func evictDirty(_ index: UInt32) throws(StoreError) {
        let key = region.header(index).key.pointee.load(ordering: .relaxed)
        guard try write(index) else { return }
        // Without the lock somebody may have pinned it, changed it again, or taken it away.
        let header = region.header(index)
        guard header.key.pointee.load(ordering: .acquiring) == key,
            header.flags.isDisjoint(with: [.dirty, .writing]), region.seize(index)
        else { return }
        drop(index)
        state.pointee.counts.dirtyEvicted += 1
    }

    /// The page that the policy gives up next, of those that nobody holds and that can be written.
    func nextVictim(past unwritten: UnwrittenPages? = nil) -> UInt32? {
        if isLRU { return victims.coldest(in: self, past: unwritten) }
        return S3Fifo(region: region).victim(&ghosts, in: self, past: unwritten)
    }

    /// Whether nobody holds a page, and it is clean or can be written.
    func mayLeave(_ index: UInt32, past unwritten: UnwrittenPages?) -> Bool {
        if let unwritten, unwritten.contains(index) { return false }
        let header = region.header(index)
        let key = PageKey(bits: header.key.pointee.load(ordering: .acquiring))
        guard !key.isFree, !key.isLoading, !key.isOrphan, region.pinCount(index) == 0 else {
            return false
        }
        let flags = header.flags
        if flags.contains(.writing) || region.file(key.slot).fields.pointee.isInMemory {
            return false
        }
        return !flags.contains(.dirty) || canWrite(key.slot)
    }

    /// Whether any page is being read or written, so that waiting may help.
    private var isAnyMoving: Bool {
        // A page that this very thread loads is not in the table yet.
        (0..<UInt32(state.pointee.headers)).contains { isMoving($0) }
    }

    /// Whether a page is being read or written.
    func isMoving(_ index: UInt32) -> Bool {
        let header = region.header(index)
        let key = PageKey(bits: header.key.pointee.load(ordering: .sequentiallyConsistent))
        return key.isLoading || header.flags.contains(.writing)
    }
}
