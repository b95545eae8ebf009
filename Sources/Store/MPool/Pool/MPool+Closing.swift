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
        for slot in 0..<state.pointee.fileBound {
            let entry = region.file(slot)
            guard entry.fields.pointee.isUsed else { continue }
            let handles = entry.handles(of: region.process)
            while handles.pointee > 0 {
                handles.pointee -= 1
                let key = PageKey.file(
                    slot: slot, generation: entry.fields.pointee.generation)
                result += try removeHandle(slot, key)
            }
        }
        region.control.process(region.process).pointee.store(
            0, ordering: .sequentiallyConsistent)
        return result
    }

    /// The end of the opener: its slot is free, and its pins are gone.
    func leave() {
        guard (try? close()) != nil else { return }
        try? locked { reclaim(region.process) }
    }

    // MARK: The dead

    /// Takes back what processes held that have died; whether there were any.
    ///
    /// With the lock.
    @discardableResult
    func reclaimFromTheDead() -> Bool {
        guard region.memory.isShared else { return false }
        var found = false
        for process in 0..<state.pointee.processBound where process != region.process {
            let number = region.control.process(process)
            guard number.pointee.load(ordering: .relaxed) != 0,
                region.memory.isGone(process: process)
            else { continue }
            reclaim(process)
            number.pointee.store(0, ordering: .sequentiallyConsistent)
            found = true
        }
        if found { endedIO() }
        return found
    }

    /// Gives back the pins of a process that is gone, ends its reads and writes, closes its files.
    func reclaim(_ process: Int) {
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
        for slot in 0..<state.pointee.fileBound {
            let entry = region.file(slot)
            guard entry.fields.pointee.isUsed else { continue }
            let handles = entry.handles(of: process)
            while handles.pointee > 0 {
                handles.pointee -= 1
                let key = PageKey.file(
                    slot: slot, generation: entry.fields.pointee.generation)
                _ = try? removeHandle(slot, key)
            }
        }
    }
}
