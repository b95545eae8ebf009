import Synchronization

extension MPool {
    /// Leaves the pool; memp_close.
    ///
    /// Closes every handle that this opener still has; writes nothing.
    @discardableResult
    package func close() throws(StoreError) -> ClosedPages {
        guard !closed.exchange(true, ordering: .acquiringAndReleasing) else { return ClosedPages() }
        try takeLock()
        defer { giveLockBack() }
        var result = ClosedPages()
        for (slot, key) in beginEnds(of: region.process) { result += try end(key, in: slot) }
        region.control.process(region.process).pointee.store(
            holdsPages ? RegionControl.closedWithPins : 0, ordering: .sequentiallyConsistent)
        return result
    }

    /// Whether this process still has pins, or reads or writes a page; with the lock.
    private var holdsPages: Bool {
        (0..<UInt32(state.pointee.headers)).contains { index in
            let pins = region.ownPins(index).pointee.load(ordering: .sequentiallyConsistent)
            return pins & PinWord.mask > 0
                || isMoving(index) && Int(region.header(index).ioProcess) == region.process
        }
    }

    /// The end of the opener: its slot is free, and its pins are gone.
    func leave() {
        guard (try? close()) != nil else { return }
        try? locked {
            reclaim(region.process)
            region.control.process(region.process).pointee.store(
                0, ordering: .sequentiallyConsistent)
        }
    }

    // MARK: The dead

    /// Takes back what processes held that have died; whether there were any.
    ///
    /// With the lock.
    @discardableResult
    func reclaimFromTheDead() -> Bool {
        guard region.memory.isShared else { return false }
        var files: [(slot: Int, key: UInt64)] = []
        var found = false
        for process in 0..<state.pointee.processBound where process != region.process {
            let number = region.control.process(process)
            guard number.pointee.load(ordering: .relaxed) != 0,
                region.memory.isGone(process: process)
            else { continue }
            reclaimPages(of: process)
            files += beginEnds(of: process, unfinished: true)
            // Nothing is its own any more, and another process may have its place from here on.
            number.pointee.store(0, ordering: .sequentiallyConsistent)
            found = true
        }
        if found { endedIO() }
        for (slot, key) in files { _ = try? end(key, in: slot) }
        return found
    }

    /// Gives back the pins of a process that is gone, ends its reads and writes, closes its files.
    func reclaim(_ process: Int) {
        reclaimPages(of: process)
        for (slot, key) in beginEnds(of: process, unfinished: true) { _ = try? end(key, in: slot) }
    }

    /// Takes away the handles of a process: the files whose last ones they were, which are now this
    /// process's to end.
    ///
    /// - Parameter unfinished: those too that it had begun to end itself.
    private func beginEnds(
        of process: Int, unfinished: Bool = false
    ) -> [(slot: Int, key: UInt64)] {
        var ended: [(slot: Int, key: UInt64)] = []
        for slot in 0..<state.pointee.fileBound {
            let entry = region.file(slot)
            let fields = entry.fields
            let handles = entry.handles(of: process)
            let isUnfinished = unfinished && Int(fields.pointee.ender) == process + 1
            guard fields.pointee.isUsed, handles.pointee > 0 || isUnfinished else { continue }
            let count = Int(handles.pointee)
            handles.pointee = 0
            beginEnd(slot, removing: count)
            guard fields.pointee.ender != 0 else { continue }
            let generation = fields.pointee.generation
            ended.append((slot, PageKey.file(slot: slot, generation: generation)))
        }
        return ended
    }

    private func reclaimPages(of process: Int) {
        for index in 0..<UInt32(state.pointee.headers) {
            let header = region.header(index)
            let key = PageKey(bits: header.key.pointee.load(ordering: .acquiring))
            let word = region.pins(index, of: process)
            let held = word.pointee.load(ordering: .sequentiallyConsistent) & PinWord.mask
            if held > 0 {
                word.pointee.wrappingSubtract(held, ordering: .sequentiallyConsistent)
                header.stamp.pointee.store(stamp(of: key.slot), ordering: .relaxed)
            }
            guard !key.isFree else { continue }
            let isItsWork = Int(header.ioProcess) == process
            if isItsWork, header.flags.contains(.writing) {
                header.set(header.flags.subtracting([.writing, .changedWhileWriting]))
            }
            if key.isLoading, isItsWork || region.pinCount(index) == 0 {
                drop(index)
            } else if key.isOrphan, region.pinCount(index) == 0 {
                drop(index)
            }
        }
    }
}
