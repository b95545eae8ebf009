import Synchronization

/// How a sync or an fsync ended that did not fail.
package enum SyncResult: Equatable, Sendable {
    /// Everything is on stable storage.
    case complete
    /// Pages that somebody holds are not.
    case incomplete
}

extension MPool {
    /// Writes all changed pages; memp_sync.
    ///
    /// Pages that are pinned are scheduled: their last put writes them. Asking again with an LSN that
    /// is not greater asks how far that is.
    /// - Parameters:
    ///   - lsn: pages changed before it are needed; nil for all.
    ///   - isChanging: whether a pinned page without changes may be about to get some, so that it is
    ///     waited for too.
    /// - Returns: the result, and the largest LSN of the pages that were written for this request, or
    ///   `lsn` if there is none.
    package func sync(
        _ lsn: LSN?,
        isChanging: (_ file: UInt64, _ pgno: UInt32) -> Bool = { _, _ in true }
    ) throws(StoreError) -> (result: SyncResult, lsn: LSN?) {
        if lsn != nil, case .none = log { throw .mpool(.noLogging) }
        try takeLock()
        defer { giveLockBack() }
        let checkpoint = state.pointee.checkpoint
        let before = losses
        if let lsn, !checkpoint.mustRetry, lsn <= checkpoint.asked {
            try writeReleased()
            guard state.pointee.pendingPages == 0 else { return answer(lsn, since: before) }
            // Pages that were put back since have been written, and not yet flushed.
            let flushed = try flush(writtenFiles)
            if let failure = flushed.failure {
                state.pointee.checkpoint.mustRetry = true
                throw failure
            }
            return flushed.isComplete ? answer(lsn, since: before) : (.incomplete, nil)
        }
        state.pointee.checkpoint.mustRetry = false
        state.pointee.checkpoint.hasWritten = false
        if let lsn { state.pointee.checkpoint.asked = lsn }
        let pages = schedule(isChanging)
        var flushed = Flushed(failure: try writeAll(pages))
        if flushed.failure == nil { flushed = try flushWritten() }
        if let failure = flushed.failure {
            for index in cachedPages { mark(index, pending: false) }
            state.pointee.checkpoint.mustRetry = true
            state.pointee.failures += 1
            throw failure
        }
        return flushed.isComplete ? answer(lsn, since: before) : (.incomplete, nil)
    }

    /// Changes when something fails or leaves on which another sync may rely that is under way.
    private var losses: [UInt64] { [state.pointee.losses, state.pointee.failures] }

    /// Flushes the files that were written, pages included that had to leave.
    ///
    /// A page that was waited for may be put back meanwhile, and so be written after its file was
    /// flushed.
    private func flushWritten() throws(StoreError) -> Flushed {
        while true {
            let isWaiting = state.pointee.pendingPages > 0
            let flushed = try flush(writtenFiles)
            guard flushed.failure == nil, isWaiting, state.pointee.pendingPages == 0 else {
                return flushed
            }
        }
    }

    /// The files to which pages were written since they were last flushed.
    private var writtenFiles: Set<Int> {
        Set(
            (0..<state.pointee.fileBound).filter { slot in
                let fields = region.file(slot).fields.pointee
                return fields.isUsed && !fields.isTemporary && fields.writes > fields.flushedWrites
            })
    }

    private func answer(
        _ lsn: LSN?, since before: [UInt64]
    ) -> (result: SyncResult, lsn: LSN?) {
        guard state.pointee.pendingPages == 0 else {
            reclaimFromTheDead()
            return (.incomplete, nil)
        }
        let checkpoint = state.pointee.checkpoint
        // Another sync that failed has forgotten what this one was waiting for.
        guard !checkpoint.mustRetry, losses == before else { return (.incomplete, nil) }
        return (.complete, lsn.map { checkpoint.hasWritten ? checkpoint.written : $0 })
    }

    /// Marks what a checkpoint needs; those of them that nobody holds, in the order of the files.
    private func schedule(
        _ isChanging: (UInt64, UInt32) -> Bool
    ) -> [(index: UInt32, key: PageKey)] {
        var free: [(index: UInt32, key: PageKey)] = []
        for index in cachedPages {
            let header = region.header(index)
            let key = PageKey(bits: header.key.pointee.load(ordering: .acquiring)).settled
            let fields = region.file(key.slot).fields
            if fields.pointee.isInMemory { continue }
            // Of another process: only that one can write it, and nobody would find it again.
            let isOurs = region.file(key.slot).handles(of: region.process).pointee > 0
            if fields.pointee.isTemporary, !isOurs { continue }
            let isDirty = header.flags.contains(.dirty)
            let mayChange = !isDirty && region.pinCount(index) > 0 && isChanging(key.file, key.pgno)
            mark(index, pending: isDirty || mayChange)
            // The mark comes before this look at the pins, see `putUnchanged`.
            guard isDirty || mayChange, region.pinCount(index) == 0 else { continue }
            if isDirty { free.append((index, key)) } else { mark(index, pending: false) }
        }
        return free.sorted { ($0.key.slot, $0.key.pgno) < ($1.key.slot, $1.key.pgno) }
    }

    /// Writes scheduled pages that nobody holds: those whose holder has died, whoever found that out.
    private func writeReleased() throws(StoreError) {
        guard state.pointee.pendingPages > 0 else { return }
        reclaimFromTheDead()
        let released = cachedPages.filter(isReleased).map { index in
            (index, PageKey(bits: region.header(index).key.pointee.load(ordering: .acquiring)))
        }
        if let failure = try writeAll(released) { throw failure }
        for (index, key) in released {
            let header = region.header(index)
            if header.key.pointee.load(ordering: .acquiring) == key.bits, isReleased(index),
                !header.flags.contains(.dirty)
            {
                mark(index, pending: false)
            }
        }
    }

    private func isReleased(_ index: UInt32) -> Bool {
        region.header(index).flags.contains(.pending) && region.pinCount(index) == 0
    }

    var cachedPages: [UInt32] {
        (0..<UInt32(state.pointee.headers)).filter { index in
            let key = PageKey(bits: region.header(index).key.pointee.load(ordering: .acquiring))
            return !key.isFree && !key.isOrphan && !key.isLoading
        }
    }

    /// Writes the changed pages of a file and flushes it; memp_fsync.
    func sync(_ file: PageFile) throws(StoreError) -> SyncResult {
        try takeLock()
        defer { giveLockBack() }
        if file.isClosed { throw .mpool(.closed) }
        let fields = region.file(file.slot).fields
        guard !file.isReadOnly, !fields.pointee.isTemporary, !fields.pointee.isInMemory else {
            return .complete
        }
        let failures = state.pointee.failures
        var result = SyncResult.complete
        var pages: [(index: UInt32, key: PageKey)] = []
        if fields.pointee.dirtyPages > 0 { reclaimFromTheDead() }
        for index in fields.pointee.dirtyPages > 0 ? self.pages(of: file.key) : [] {
            let header = region.header(index)
            let key = PageKey(bits: header.key.pointee.load(ordering: .acquiring))
            guard header.flags.contains(.dirty) else { continue }
            if region.pinCount(index) > 0 {
                result = .incomplete
            } else {
                pages.append((index, key.settled))
            }
        }
        pages.sort { $0.key.pgno < $1.key.pgno }
        if let failure = try writeAll(pages) { throw failure }
        // Closing it has dropped what was not written yet.
        guard isOpen(file) else { throw .mpool(.closed) }
        // What was pinned or marked meanwhile is as good as pinned before.
        let isLeft = pages.contains { page in
            let header = region.header(page.index)
            return header.key.pointee.load(ordering: .acquiring) == page.key.bits
                && header.flags.contains(.dirty)
        }
        guard result == .complete, !isLeft else { return .incomplete }
        let flushed = try flush([file.slot])
        if let failure = flushed.failure { throw failure }
        // After a flush of somebody else that failed, pages have to be written again.
        return flushed.isComplete && failures == state.pointee.failures ? .complete : .incomplete
    }

    private func isOpen(_ file: PageFile) -> Bool {
        !file.isClosed && !closed.load(ordering: .relaxed) && isUsed(file.slot, by: file.key)
    }

    /// Writes changed pages, coldest first, until that share of all pages is clean; memp_trickle.
    ///
    /// - Parameter percent: 1 to 100.
    /// - Returns: how many pages were written.
    package func trickle(percent: Int) throws(StoreError) -> Int {
        guard (1...100).contains(percent) else {
            throw .badArgument(option: "pct", detail: "pct is 1 to 100")
        }
        try takeLock()
        defer { giveLockBack() }
        var written = 0
        for (index, key) in coldestDirty {
            let total = state.pointee.pages
            let clean = total - state.pointee.dirtyPages
            guard total > 0, clean * 100 / total < percent else { break }
            let now = region.header(index).key.pointee.load(ordering: .acquiring)
            guard now == key.bits, try write(index) else { continue }
            written += 1
            state.pointee.counts.trickled += 1
        }
        return written
    }

    private var coldestDirty: [(UInt32, PageKey)] {
        let dirty = cachedPages.filter { index in
            let header = region.header(index)
            let key = PageKey(bits: header.key.pointee.load(ordering: .acquiring))
            return header.flags.contains(.dirty) && region.pinCount(index) == 0
                && !region.file(key.slot).fields.pointee.isTemporary
                && !region.file(key.slot).fields.pointee.isInMemory
        }
        let stamped = dirty.map { index in
            let header = region.header(index)
            return (
                stamp: header.stamp.pointee.load(ordering: .relaxed), index: index,
                key: PageKey(bits: header.key.pointee.load(ordering: .acquiring)).settled
            )
        }
        return stamped.sorted { $0.stamp < $1.stamp }.map { ($0.index, $0.key) }
    }
}

extension PageFile {
    /// Writes the file's changed pages and flushes it; memp_fsync.
    ///
    /// While somebody holds one of them the others are written, but nothing is flushed.
    package func sync() throws(StoreError) -> SyncResult { try pool.sync(self) }
}
