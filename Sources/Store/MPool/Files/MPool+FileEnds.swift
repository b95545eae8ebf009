import Synchronization

/// What closing a file or a pool left undone.
package struct ClosedPages: Equatable, Sendable {
    /// Pins that were still held; their pages are gone.
    package var pinsDropped = 0
    /// Pages whose changes are lost.
    package var dirtyPagesDropped = 0

    static func += (left: inout Self, right: Self) {
        left.pinsDropped += right.pinsDropped
        left.dirtyPagesDropped += right.dirtyPagesDropped
    }
}

extension MPool {
    /// With the last handle the file's pages leave the pool, changes included.
    func close(_ file: PageFile) throws(StoreError) -> ClosedPages {
        try takeLock()
        defer { giveLockBack() }
        if closed.load(ordering: .relaxed) { return ClosedPages() }
        let handles = region.file(file.slot).handles(of: region.process)
        // Nothing is left where others have taken this process for dead.
        guard handles.pointee > 0, isUsed(file.slot, by: file.key) else { return ClosedPages() }
        handles.pointee -= 1
        return try removeHandles(1, of: file.slot)
    }

    /// Takes handles of a file away, and its pages with the last one; with the lock.
    func removeHandles(_ count: Int, of slot: Int) throws(StoreError) -> ClosedPages {
        beginEnd(slot, removing: count)
        let fields = region.file(slot).fields.pointee
        guard fields.ender == region.process + 1 else { return ClosedPages() }
        return try end(PageKey.file(slot: slot, generation: fields.generation), in: slot)
    }

    /// Takes handles of a file away; with the last one this process has to end the file.
    ///
    /// From then on nobody can open it before it has been ended: who did would find pages that are
    /// being taken away, and its place in the table would become another file's under it.
    func beginEnd(_ slot: Int, removing count: Int) {
        let fields = region.file(slot).fields
        let left = fields.pointee.handles - count
        if left <= 0 { fields.pointee.ender = UInt8(region.process + 1) }
        fields.pointee.handles = left
    }

    /// Whether the last handle of a file has been closed, and pages are still being taken out.
    func isEnding(_ slot: Int, _ key: UInt64) -> Bool {
        isUsed(slot, by: key) && region.file(slot).fields.pointee.ender != 0
    }

    /// Whether a place in the table of files is still that file's.
    func isUsed(_ slot: Int, by key: UInt64) -> Bool {
        let fields = region.file(slot).fields.pointee
        return fields.isUsed && PageKey.file(slot: slot, generation: fields.generation) == key
    }

    /// Takes the pages of a file out of the pool, which nobody has open; with the lock, which is given
    /// back while one of them is read or written.
    func end(_ key: UInt64, in slot: Int) throws(StoreError) -> ClosedPages {
        var closed = ClosedPages()
        var pages = pages(of: key)
        while let index = pages.popLast() {
            let header = region.header(index)
            func now() -> PageKey { PageKey(bits: header.key.pointee.load(ordering: .acquiring)) }
            try waitForIO { now().file == key && isMoving(index) }
            let now = now()
            guard !now.isFree, !now.isOrphan, now.file == key else { continue }
            if header.flags.contains(.dirty) {
                closed.dirtyPagesDropped += 1
                noteLoss(slot)
            }
            closed.pinsDropped += removePage(index, now)
        }
        // Another thread that ends files of a process that died may have come first.
        if isEnding(slot, key) { endFile(slot) }
        return closed
    }

    /// Takes a page out of the pool, held or not; how many pins it had.
    ///
    /// One that is held keeps its memory until its last put, so that nobody reads another page's
    /// bytes.
    private func removePage(_ index: UInt32, _ key: PageKey) -> Int {
        if region.seize(index) {
            drop(index)
            return 0
        }
        let header = region.header(index)
        forget(index, key)
        header.key.pointee.store(key.bits | PageKey.orphan, ordering: .sequentiallyConsistent)
        header.set([.orphan])
        let pins = region.pinCount(index)
        if pins == 0 { drop(index) }
        return Int(pins)
    }

    func endFile(_ slot: Int) {
        let entry = region.file(slot)
        let fields = entry.fields
        state.pointee.counts.gone += entry.counts
        if fields.pointee.writes > fields.pointee.flushedWrites { noteLoss(slot) }
        // Who opens the file next shall see what the disk has.
        if fields.pointee.hasLostWrites { backings[slot]?.file.dropCache() }
        fields.pointee.isUsed = false
        fields.pointee.ender = 0
        fields.pointee.identity = (0, 0, 0)
        backings[slot] = nil
        // Somebody may be waiting to open it anew.
        endedIO()
    }

    /// Has syncs that are under way say that something was not made durable.
    private func noteLoss(_ slot: Int) {
        let fields = region.file(slot).fields.pointee
        if !fields.isTemporary, !fields.isInMemory { state.pointee.losses += 1 }
    }
}

extension PageFile {
    /// Closes the handle; memp_fclose.
    ///
    /// Nothing is written: changes that were not synced are lost with the last handle of the file.
    @discardableResult
    package func close() throws(StoreError) -> ClosedPages {
        guard becomeClosed() else { return ClosedPages() }
        return try pool.close(self)
    }
}
