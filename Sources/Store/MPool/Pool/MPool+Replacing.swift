import Synchronization

extension MPool {
    /// Gives a page that this process has pinned other bytes, all at once, and marks it dirty.
    ///
    /// The bytes go into memory of their own, which takes the page's place in the page table. Who has
    /// the page pinned goes on seeing what it saw, and a process that dies in the middle leaves either
    /// all of the old bytes or all of the new ones.
    /// - Returns: where the pin is then; nil if the page itself has gone from under the pin.
    func replace(
        _ index: UInt32, with bytes: UnsafeRawBufferPointer
    ) throws(StoreError) -> UInt32? {
        try locked { () throws(StoreError) -> UInt32? in
            let old = region.header(index)
            // Of two writes to one place of a file the later one might reach it first.
            try waitForIO { old.flags.contains(.writing) }
            let key = PageKey(bits: old.key.pointee.load(ordering: .acquiring))
            guard !key.isOrphan else { return nil }
            guard bytes.count == old.pageSize else {
                throw .badArgument(option: "page", detail: "a page has \(old.pageSize) bytes")
            }
            let new = try region.allocate(pageSize: old.pageSize)
            let header = region.header(new)
            region.page(header).copyMemory(from: bytes)
            let flags = old.flags.subtracting([.writing, .changedWhileWriting])
            header.set(flags.union(.dirty))
            header.lastWrite = old.lastWrite
            if !flags.contains(.dirty) {
                state.pointee.dirtyPages += 1
                region.file(key.slot).fields.pointee.dirtyPages += 1
            }
            header.frequency.pointee.store(
                old.frequency.pointee.load(ordering: .relaxed), ordering: .relaxed)
            header.stamp.pointee.store(stamp(of: key.slot), ordering: .relaxed)
            region.ownPins(new).pointee.wrappingAdd(PinWord.pin, ordering: .sequentiallyConsistent)
            exchange(index, new, key)
            return new
        }
    }

    private func exchange(_ index: UInt32, _ new: UInt32, _ key: PageKey) {
        let old = region.header(index)
        region.file(key.slot).hits.add(region.takeHits(index))
        let queue = old.queue
        if !isLRU { S3Fifo(region: region).remove(index) }
        region.unlink(index, key)
        // Should this process die between the two, a repair finds the page twice and keeps the later.
        let header = region.header(new)
        header.key.pointee.store(key.bits, ordering: .sequentiallyConsistent)
        old.key.pointee.store(key.bits | PageKey.orphan, ordering: .sequentiallyConsistent)
        old.set([.orphan])
        region.link(new, key)
        noteArrival(new)
        header.queue = S3Fifo.none
        if !isLRU { S3Fifo(region: region).append(new, to: queue) }
        state.pointee.usedBytes += header.pageSize
        region.ownPins(index).pointee.wrappingSubtract(
            PinWord.pin, ordering: .sequentiallyConsistent)
        if region.pinCount(index) == 0 { drop(index) }
    }
}
