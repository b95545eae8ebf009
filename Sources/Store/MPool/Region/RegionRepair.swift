import Synchronization

/// Puts a region right whose lock was held by a process that died.
///
/// What a page is stands in its header, in fields that are each changed at once. Lists, page table and
/// sums follow from the headers, and are made anew. Other processes may go on hitting pages meanwhile:
/// at worst they don't find one, and wait for the lock.
struct RegionRepair {
    let region: Region

    func run() {
        let state = region.state
        for bucket in 0..<region.layout.buckets {
            region.memory.base.word32(RegionLayout.bucketsAt + bucket * 4).pointee.store(
                0, ordering: .relaxed)
        }
        for arena in 0..<region.layout.arenas { region.control.firstFree(arena).pointee = 0 }
        state.pointee.usedBytes = 0
        state.pointee.pages = 0
        state.pointee.dirtyPages = 0
        state.pointee.pendingPages = 0
        state.pointee.queues = .init()
        state.pointee.discards += 1
        for slot in 0..<state.pointee.fileBound {
            let fields = region.file(slot).fields
            fields.pointee.pages = 0
            fields.pointee.dirtyPages = 0
            fields.pointee.highestCached = 0
            fields.pointee.highestIsStale = false
            if fields.pointee.isUsed { countHandles(slot) }
        }
        for index in 0..<UInt32(state.pointee.headers) { settle(index) }
    }

    private func countHandles(_ slot: Int) {
        let entry = region.file(slot)
        let handles = (0..<region.layout.processes).reduce(0) {
            $0 + Int(entry.handles(of: $1).pointee)
        }
        entry.fields.pointee.handles = handles
        // Its pages are somebody's to take out who has begun with it, or died in the middle of it.
        if handles == 0, entry.fields.pointee.ender == 0 { entry.fields.pointee.isUsed = false }
    }

    private func settle(_ index: UInt32) {
        let header = region.header(index)
        // Bit by bit: a process that is alive may end a read meanwhile, which changes the key too.
        var key = PageKey(
            bits: header.key.pointee.bitwiseAnd(
                ~PageKey.busy, ordering: .sequentiallyConsistent
            ).newValue)
        let fields = region.file(key.slot).fields
        let isKnown =
            fields.pointee.isUsed
            && PageKey.file(slot: key.slot, generation: fields.pointee.generation) == key.file
        guard !key.isFree, key.isOrphan || isKnown else { return discard(index) }
        if !key.isOrphan, !isLatest(index, key) {
            key = PageKey(
                bits: header.key.pointee.bitwiseOr(
                    PageKey.orphan, ordering: .sequentiallyConsistent
                ).newValue)
        }
        let state = region.state
        state.pointee.usedBytes += header.pageSize
        guard !key.isOrphan else { return header.set([.orphan]) }
        region.link(index, key.settled)
        header.queue = S3Fifo.none
        if state.pointee.policy != 0 { S3Fifo(region: region).append(index, to: S3Fifo.main) }
        state.pointee.pages += 1
        if header.flags.contains(.pending) { state.pointee.pendingPages += 1 }
        if header.flags.contains(.dirty) {
            state.pointee.dirtyPages += 1
            fields.pointee.dirtyPages += 1
        }
        fields.pointee.pages += 1
        fields.pointee.highestCached = max(fields.pointee.highestCached, key.pgno)
    }

    private func discard(_ index: UInt32) {
        let header = region.header(index)
        header.key.pointee.store(0, ordering: .sequentiallyConsistent)
        header.set(header.flags.intersection(.unbacked))
        region.free(index)
    }

    /// Whether no header met so far has later bytes of the page; one with earlier bytes gives way.
    private func isLatest(_ index: UInt32, _ key: PageKey) -> Bool {
        let other = region.find(key.settled).index
        guard other != Region.none else { return true }
        let stamps = [index, other].map {
            region.header($0).stamp.pointee.load(ordering: .relaxed)
        }
        guard stamps[0] > stamps[1] else { return false }
        orphan(other, key.settled)
        return true
    }

    private func orphan(_ index: UInt32, _ key: PageKey) {
        let header = region.header(index)
        let fields = region.file(key.slot).fields
        region.unlink(index, key)
        if region.state.pointee.policy != 0 { S3Fifo(region: region).remove(index) }
        header.key.pointee.store(key.bits | PageKey.orphan, ordering: .sequentiallyConsistent)
        region.state.pointee.pages -= 1
        fields.pointee.pages -= 1
        if header.flags.contains(.pending) { region.state.pointee.pendingPages -= 1 }
        if header.flags.contains(.dirty) {
            region.state.pointee.dirtyPages -= 1
            fields.pointee.dirtyPages -= 1
        }
        header.set([.orphan])
    }
}
