import Glibc
import Synchronization

extension MPool {
    /// Writes a dirty page that nobody holds; with the lock, which is given back meanwhile.
    ///
    /// What is written is a copy, so that the page can be got, and changed, at any time.
    /// - Returns: false if somebody holds the page or is writing it, or this process can't write it.
    func write(_ index: UInt32) throws(StoreError) -> Bool {
        let header = region.header(index)
        let key = PageKey(bits: header.key.pointee.load(ordering: .acquiring))
        guard header.flags.contains(.dirty), !header.flags.contains(.writing) else { return false }
        guard let backing = backingForWriting(key.slot) else { return false }
        guard region.seize(index) else { return false }
        let copy = PageCopy(count: header.pageSize)
        copy.bytes.copyMemory(from: UnsafeRawBufferPointer(region.page(header)))
        header.ioProcess = UInt8(region.process)
        let wasPending = header.flags.contains(.pending)
        header.set(header.flags.union(.writing))
        region.release(index)
        let entry = region.file(key.slot)
        let fields = entry.fields.pointee
        let lsn =
            fields.lsnOffset < 0
            ? nil : LSN(in: UnsafeRawBufferPointer(copy.bytes), at: fields.lsnOffset)
        giveLockBack()
        var failure: StoreError?
        do throws(StoreError) {
            try put(copy, key.pgno, entry, backing, lsn)
        } catch {
            failure = error
        }
        try takeLock()
        if failure == nil { noteWrite(index, key) }
        ended(index, key, lsn, failed: failure != nil, isOfCheckpoint: wasPending)
        endedIO()
        if let failure { throw failure }
        return true
    }

    /// Log first, then the filter, then the file.
    private func put(
        _ copy: PageCopy, _ pgno: UInt32, _ entry: PageFileEntry, _ backing: PageBacking,
        _ lsn: LSN?
    ) throws(StoreError) {
        if let lsn, case .flushed(let flush) = log { try flush(lsn) }
        if let filter = filter(of: entry.fields.pointee.fileType) {
            let errno = filter.pgout(pgno, copy.bytes, entry.cookie)
            if errno != 0 {
                throw .mpool(.filterFailed(file: entry.name, pgno: pgno, errno: errno))
            }
        }
        try backing.write(pgno, UnsafeRawBufferPointer(copy.bytes))
        entry.written.add(1)
        entry.noteEnd((Int(pgno) + 1) * copy.bytes.count)
    }

    /// The file holds something that its next flush must put on stable storage.
    private func noteWrite(_ index: UInt32, _ key: PageKey) {
        let fields = region.file(key.slot).fields
        guard PageKey.file(slot: key.slot, generation: fields.pointee.generation) == key.file
        else { return }
        fields.pointee.writes += 1
        // 0 stands for none.
        if UInt32(truncatingIfNeeded: fields.pointee.writes) == 0 { fields.pointee.writes += 1 }
        let header = region.header(index)
        let now = PageKey(bits: header.key.pointee.load(ordering: .acquiring))
        if !now.isOrphan, now.settled == key.settled {
            header.lastWrite = UInt32(truncatingIfNeeded: fields.pointee.writes)
        } else {
            fields.pointee.leftWrites = fields.pointee.writes
        }
    }

    /// The state of a page after its copy has been written, or has not.
    ///
    /// - Parameter isOfCheckpoint: whether a checkpoint had asked for the page before it was copied;
    ///   else the copy may be older than what it asked for.
    private func ended(
        _ index: UInt32, _ key: PageKey, _ lsn: LSN?, failed: Bool, isOfCheckpoint: Bool
    ) {
        let header = region.header(index)
        var flags = header.flags
        let wasChanged = flags.contains(.changedWhileWriting)
        flags.subtract([.writing, .changedWhileWriting])
        header.set(flags)
        let now = PageKey(bits: header.key.pointee.load(ordering: .acquiring))
        guard !failed, !now.isOrphan, now.settled == key.settled else { return }
        if !wasChanged { mark(index, dirty: false) }
        guard flags.contains(.pending), isOfCheckpoint || !wasChanged else { return }
        mark(index, pending: false)
        if let lsn, !state.pointee.checkpoint.hasWritten || lsn > state.pointee.checkpoint.written {
            state.pointee.checkpoint.written = lsn
            state.pointee.checkpoint.hasWritten = true
        }
    }

    /// Writes those of some pages that are still dirty and free, in that order; with the lock.
    ///
    /// Pages that somebody else is writing are waited for, and written again if they are dirty then:
    /// that copy may have been made before this was asked. A failure does not stop the others.
    /// - Returns: the first failure.
    func writeAll(_ pages: [(index: UInt32, key: PageKey)]) throws(StoreError) -> StoreError? {
        var first: StoreError?
        for _ in 0..<2 {
            if let failure = try writeEach(pages) { first = first ?? failure }
            let busy = pages.filter(isBeingWritten)
            if busy.isEmpty { break }
            try waitForIO { busy.contains(where: isBeingWritten) }
        }
        return first
    }

    private func isBeingWritten(_ page: (index: UInt32, key: PageKey)) -> Bool {
        let header = region.header(page.index)
        return header.key.pointee.load(ordering: .acquiring) == page.key.bits
            && header.flags.contains(.writing)
    }

    private func writeEach(_ pages: [(index: UInt32, key: PageKey)]) throws(StoreError)
        -> StoreError?
    {
        var first: StoreError?
        var written = 0
        for page in pages {
            let header = region.header(page.index)
            guard header.key.pointee.load(ordering: .acquiring) == page.key.bits else { continue }
            // `write` fails without the lock only if the lock itself is lost.
            do throws(StoreError) {
                guard try write(page.index) else { continue }
                written += 1
            } catch {
                if case .mpool(.runRecovery) = error { throw error }
                first = first ?? error
                continue
            }
            let pacing = pacing.withLock { $0 }
            if pacing.writes > 0, written % pacing.writes == 0 {
                giveLockBack()
                usleep(UInt32(clamping: pacing.sleepMicroseconds))
                try takeLock()
            }
        }
        return first
    }

    // MARK: Files

    func canWrite(_ slot: Int) -> Bool { backingForWriting(slot) != nil }

    /// The file to write pages to; nil if this process can't write them.
    ///
    /// A file that this process has not opened is opened by the name in the region. A temporary file
    /// comes into being with its first write.
    func backingForWriting(_ slot: Int) -> PageBacking? {
        let entry = region.file(slot)
        let fields = entry.fields.pointee
        let isOurs = entry.handles(of: region.process).pointee > 0
        if let known = backings[slot], known.generation == fields.generation {
            if known.isWritable { return known }
        }
        if fields.isInMemory { return nil }
        if fields.isTemporary {
            guard isOurs else { return nil }
            let made = try? PageBacking.temporary(
                in: temporaryFolder, generation: fields.generation)
            backings[slot] = made
            return made
        }
        if fields.fileType != 0, !isOurs, filter(of: fields.fileType) == nil { return nil }
        guard let file = try? openByName(entry, O_RDWR) else { return nil }
        let opened = PageBacking(file, isWritable: true, generation: fields.generation)
        backings[slot] = opened
        return opened
    }
}
