import Synchronization

extension MPool {
    /// Gives a pin of this process back.
    ///
    /// The stamp is stored before the pin goes, so that whoever finds the page without pins knows when
    /// it was last used.
    /// - Parameter offset: of the stamp, for the page's priority.
    @inline(__always)
    func putUnchanged(_ index: UInt32, _ offset: UInt64) {
        let header = region.header(index)
        if isLRU { header.stamp.pointee.store(clock.tick() &+ offset, ordering: .relaxed) }
        region.ownPins(index).pointee.wrappingSubtract(
            PinWord.pin, ordering: .sequentiallyConsistent)
        // Whoever sets one of these flags looks at the pins afterwards: one of us sees the other.
        if !header.flags.isDisjoint(with: .needsCare) { afterLastPut(index) }
    }

    /// What the last put of a page does besides, if it is the last.
    func afterLastPut(_ index: UInt32) {
        // Without the lock nothing can be done; whoever has it next reclaims or writes the page.
        guard (try? takeLock()) != nil else { return }
        defer { giveLockBack() }
        let header = region.header(index)
        let key = PageKey(bits: header.key.pointee.load(ordering: .acquiring))
        guard !key.isFree, !key.isLoading, region.pinCount(index) == 0 else { return }
        if key.isOrphan { return drop(index) }
        if header.flags.contains(.ranked) { settleRank(index) }
        if header.flags.contains(.discarded) { discard(index) }
        guard header.flags.contains(.pending) else { return }
        if header.flags.contains(.dirty) {
            do throws(StoreError) {
                // A page that can't be written stays scheduled, and sync begins anew.
                if try !write(index) { state.pointee.checkpoint.mustRetry = true }
            } catch {
                state.pointee.checkpoint.mustRetry = true
            }
        } else {
            mark(index, pending: false)
        }
    }

    /// Has the order of pages made anew after a put that gave a page another priority, or its own
    /// back.
    private func settleRank(_ index: UInt32) {
        let header = region.header(index)
        let key = PageKey(bits: header.key.pointee.load(ordering: .relaxed))
        let priority = PagePriority(number: region.file(key.slot).fields.pointee.priority)
        let stamp = header.stamp.pointee.load(ordering: .relaxed)
        state.pointee.discards += 1
        if PagePriority.rank(of: stamp) == priority.rank {
            header.set(header.flags.subtracting(.ranked))
        }
    }

    /// Says that a page that this process has pinned gets another priority by its put.
    func rank(_ index: UInt32, _ priority: PagePriority) throws(StoreError) {
        try locked {
            let header = region.header(index)
            guard isLRU, !header.flags.contains(.orphan) else { return }
            note(priority)
            header.set(header.flags.union(.ranked))
        }
    }

    /// Has priorities looked at from now on, if this one is not the default; with the lock.
    func note(_ priority: PagePriority) {
        guard priority != .normal, priority != .veryLow, isLRU else { return }
        if !state.pointee.hasPriorities {
            state.pointee.hasPriorities = true
            // Queues that were made before know nothing of strays.
            state.pointee.discards += 1
        }
        state.pointee.lowestRank = min(state.pointee.lowestRank, priority.rank)
    }

    /// Has a page found that no order of pages knows yet; with the lock.
    func noteArrival(_ index: UInt32) {
        guard state.pointee.hasPriorities else { return }
        state.pointee.arrivals += 1
        victims.arrived(index, arrivals: state.pointee.arrivals)
    }

    /// A stamp for a page that nobody puts back: later than all, with its file's priority.
    func stamp(of slot: Int) -> UInt64 {
        let priority = PagePriority(number: region.file(slot).fields.pointee.priority)
        return clock.tickForAll() &+ (isLRU ? priority.stampOffset : 0)
    }

    /// Takes a page to the cold end.
    private func discard(_ index: UInt32) {
        if !isLRU { return S3Fifo(region: region).discard(index) }
        state.pointee.coldClock -= 1
        state.pointee.discards += 1
        let stamp = state.pointee.coldClock
        region.header(index).stamp.pointee.store(stamp, ordering: .relaxed)
        victims.push(
            .init(stamp: stamp, index: index), discards: state.pointee.discards)
    }

    /// Applies the flags of a put or a set to a page that this process has pinned.
    func apply(_ flags: PageFlags, to index: UInt32) throws(StoreError) {
        guard !flags.isEmpty else { return }
        let header = region.header(index)
        // Nothing can begin to write a page that is pinned, so that a dirty one stays dirty.
        if flags == .dirty {
            let known = header.flags
            if known.contains(.dirty), known.isDisjoint(with: [.writing, .orphan]) { return }
        }
        try locked { () throws(StoreError) in
            if header.flags.contains(.orphan) {
                // It goes with its last put, sooner than any other.
                if flags == .discard { return }
                throw .mpool(.notPinned)
            }
            if flags.contains(.clean) {
                mark(index, dirty: false)
                header.set(header.flags.subtracting(.changedWhileWriting))
            }
            if flags.contains(.dirty) {
                if header.flags.contains(.writing) {
                    header.set(header.flags.union(.changedWhileWriting))
                }
                mark(index, dirty: true)
            }
            if flags.contains(.discard) { header.set(header.flags.union(.discarded)) }
        }
    }
}
