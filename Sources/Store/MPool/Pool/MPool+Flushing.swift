import Glibc

extension MPool {
    /// How a flush of several files ended.
    struct Flushed {
        /// The first one.
        var failure: StoreError?
        /// Whether this process could open them all.
        var isComplete = true
    }

    /// Makes files durable that were written.
    ///
    /// The lock is given back meanwhile.
    func flush(_ slots: Set<Int>) throws(StoreError) -> Flushed {
        var flushed = Flushed()
        for slot in slots.sorted() {
            let fields = region.file(slot).fields.pointee
            guard fields.isUsed, !fields.isTemporary, !fields.isInMemory else { continue }
            guard let backing = backingForFlushing(slot) else {
                flushed.isComplete = false
                continue
            }
            giveLockBack()
            let failure = backing.flushing.withLock { _ in flush(slot, backing) }
            try takeLock()
            flushed.failure = flushed.failure ?? failure
        }
        return flushed
    }

    /// A file to flush, which takes no right to write it; nil if this process can't open it.
    private func backingForFlushing(_ slot: Int) -> PageBacking? {
        if let writable = backingForWriting(slot) { return writable }
        let entry = region.file(slot)
        let generation = entry.fields.pointee.generation
        if let known = backings[slot], known.generation == generation { return known }
        guard let file = try? openByName(entry, O_RDONLY) else { return nil }
        let opened = PageBacking(file, isWritable: false, generation: generation)
        backings[slot] = opened
        return opened
    }

    /// Without the lock.
    private func flush(_ slot: Int, _ backing: PageBacking) -> StoreError? {
        let fields = region.file(slot).fields
        do throws(StoreError) {
            let writes = try locked { () throws(StoreError) -> UInt64 in
                guard fields.pointee.generation == backing.generation else { return 0 }
                if fields.pointee.hasLostWrites { throw lostWrites(slot) }
                return fields.pointee.writes
            }
            var failure: StoreError?
            do throws(StoreError) { try backing.file.sync() } catch { failure = error }
            try locked { () throws(StoreError) in
                guard fields.pointee.generation == backing.generation else { return }
                if failure == nil {
                    fields.pointee.flushedWrites = max(fields.pointee.flushedWrites, writes)
                } else {
                    writeAgain(slot)
                }
            }
            return failure
        } catch {
            return error
        }
    }

    /// After a failed flush, with the lock: what was written may never reach the disk, and no later
    /// flush would tell.
    ///
    /// Pages that are still here are dirty again. Those that have left are lost, and the file says so
    /// until it is closed.
    private func writeAgain(_ slot: Int) {
        let fields = region.file(slot).fields
        state.pointee.failures += 1
        for index in pages(of: PageKey.file(slot: slot, generation: fields.pointee.generation))
        where fields.pointee.isPending(region.header(index).lastWrite) {
            mark(index, dirty: true)
        }
        if fields.pointee.leftWrites > fields.pointee.flushedWrites {
            fields.pointee.hasLostWrites = true
        }
    }

    private func lostWrites(_ slot: Int) -> StoreError {
        .syncFailed(.init(call: "fsync", errno: EIO, file: region.file(slot).name))
    }
}

extension PageFile {
    /// Flushes what was written to the file, whatever else has changed.
    func flush() throws(StoreError) {
        try pool.takeLock()
        defer { pool.giveLockBack() }
        let flushed = try pool.flush([slot])
        if let failure = flushed.failure { throw failure }
    }
}
