import Glibc

extension MPool {
    /// Makes files durable that were written; the first failure.
    ///
    /// The lock is given back meanwhile.
    func flush(_ slots: Set<Int>) throws(StoreError) -> StoreError? {
        var first: StoreError?
        for slot in slots.sorted() where !region.file(slot).fields.pointee.isTemporary {
            guard let backing = backingForWriting(slot) else { continue }
            giveLockBack()
            let failure = backing.flushing.withLock { _ in flush(slot, backing) }
            try takeLock()
            first = first ?? failure
        }
        return first
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
