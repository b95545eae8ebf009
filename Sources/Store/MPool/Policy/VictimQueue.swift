import Synchronization

/// The pages in the order in which strict LRU gives them up, as one process last saw them.
///
/// A put changes nothing but the page's stamp. When a page has to go, the first one whose stamp is
/// still what it was is the coldest of all, since every other has been given back later than the
/// queue was made. Once the queue is used up it is made anew. A page discarded later goes in front.
///
/// Where files have priorities, a page that came in or was put back later may be of a lower one. So
/// those are remembered, and looked at before a page of a higher priority goes.
struct VictimQueue {
    struct Entry {
        let stamp: UInt64
        let index: UInt32
    }

    /// Coldest last.
    private var discarded: [Entry] = []
    private var entries: [Entry] = []
    private var next = 0
    /// How many discards of all processes are known here.
    private var discards: UInt64 = 0
    /// Pages that are not in `entries` with the stamp that they have; only with priorities.
    private var strays: [UInt32] = []
    /// How many pages all processes had brought in, strays included.
    private var arrivals: UInt64 = 0

    /// The coldest page that may leave; nil if there is none.
    ///
    /// The others are passed over, since their next put gives them another stamp.
    /// - Parameter unwritten: pages that can't be written, and may not leave either.
    mutating func coldest(in pool: MPool, past unwritten: UnwrittenPages?) -> UInt32? {
        if isComplete(pool.region), let found = first(pool, unwritten) { return found }
        rebuild(from: pool.region)
        return first(pool, unwritten)
    }

    /// Whether nothing has happened that makes another order.
    private func isComplete(_ region: Region) -> Bool {
        let state = region.state
        guard state.pointee.discards == discards else { return false }
        guard state.pointee.hasPriorities else { return true }
        return state.pointee.arrivals == arrivals
            && strays.count * strays.count <= max(16 * entries.count, 4096)
    }

    private mutating func first(_ pool: MPool, _ unwritten: UnwrittenPages?) -> UInt32? {
        let region = pool.region
        func isUnchanged(_ entry: Entry) -> Bool {
            region.header(entry.index).stamp.pointee.load(ordering: .relaxed) == entry.stamp
                && pool.mayLeave(entry.index, past: unwritten)
        }
        while let entry = discarded.last {
            if isUnchanged(entry) { return entry.index }
            discarded.removeLast()
        }
        let hasPriorities = region.state.pointee.hasPriorities
        while next < entries.count {
            let entry = entries[next]
            if isUnchanged(entry) {
                fetchAhead(region)
                return hasPriorities ? stray(before: entry, pool, unwritten) : entry.index
            }
            if hasPriorities { strays.append(entry.index) }
            next += 1
        }
        return nil
    }

    /// Has the processor fetch what taking the next pages out begins with: they were last used so long
    /// ago that waiting for it would cost as much as all the rest.
    private func fetchAhead(_ region: Region) {
        guard next + 2 < entries.count else { return }
        region.header(entries[next + 2].index).fetchToWrite()
        let bits = region.header(entries[next + 1].index).key.pointee.load(ordering: .relaxed)
        region.fetchBucket(PageKey(bits: bits).settled)
    }

    /// The coldest stray of a lower priority than a page; that page itself if there is none.
    private mutating func stray(
        before entry: Entry, _ pool: MPool, _ unwritten: UnwrittenPages?
    ) -> UInt32 {
        let region = pool.region
        let rank = PagePriority.rank(of: entry.stamp)
        guard rank > region.state.pointee.lowestRank else { return entry.index }
        var coldest = entry
        strays.removeAll { index in
            let header = region.header(index)
            if header.key.pointee.load(ordering: .acquiring) == 0 { return true }
            let stamp = header.stamp.pointee.load(ordering: .relaxed)
            if stamp < coldest.stamp, PagePriority.rank(of: stamp) < rank,
                pool.mayLeave(index, past: unwritten)
            {
                coldest = Entry(stamp: stamp, index: index)
            }
            return false
        }
        return coldest.index
    }

    private mutating func rebuild(from region: Region) {
        discards = region.state.pointee.discards
        arrivals = region.state.pointee.arrivals
        discarded.removeAll()
        entries.removeAll(keepingCapacity: true)
        strays.removeAll(keepingCapacity: true)
        next = 0
        for index in 0..<UInt32(region.state.pointee.headers) {
            let header = region.header(index)
            let key = PageKey(bits: header.key.pointee.load(ordering: .acquiring))
            guard !key.isFree, !key.isOrphan else { continue }
            guard !key.isLoading else {
                strays.append(index)
                continue
            }
            let stamp = header.stamp.pointee.load(ordering: .relaxed)
            entries.append(Entry(stamp: stamp, index: index))
        }
        entries.sort { $0.stamp < $1.stamp }
    }

    /// Notes that this process has discarded a page, now the coldest of all.
    mutating func push(_ entry: Entry, discards: UInt64) {
        // Had another process discarded one meanwhile, the next look makes the queue anew.
        guard self.discards + 1 == discards else { return }
        self.discards = discards
        discarded.append(entry)
    }

    /// Notes that this process has brought a page in, where files have priorities.
    mutating func arrived(_ index: UInt32, arrivals: UInt64) {
        guard self.arrivals + 1 == arrivals else { return }
        self.arrivals = arrivals
        strays.append(index)
    }
}
