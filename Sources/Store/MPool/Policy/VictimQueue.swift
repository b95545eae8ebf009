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
    /// - Parameter mayLeave: the others are passed over, since their next put gives them another
    ///   stamp.
    mutating func coldest(
        in region: Region, _ mayLeave: (UInt32) -> Bool
    ) -> UInt32? {
        if isComplete(region), let found = first(region, mayLeave) { return found }
        rebuild(from: region)
        return first(region, mayLeave)
    }

    /// Whether nothing has happened that makes another order.
    private func isComplete(_ region: Region) -> Bool {
        let state = region.state
        guard state.pointee.discards == discards else { return false }
        guard state.pointee.hasPriorities else { return true }
        return state.pointee.arrivals == arrivals
            && strays.count * strays.count <= max(16 * entries.count, 4096)
    }

    private mutating func first(_ region: Region, _ mayLeave: (UInt32) -> Bool) -> UInt32? {
        func isUnchanged(_ entry: Entry) -> Bool {
            region.header(entry.index).stamp.pointee.load(ordering: .relaxed) == entry.stamp
                && mayLeave(entry.index)
        }
        while let entry = discarded.last {
            if isUnchanged(entry) { return entry.index }
            discarded.removeLast()
        }
        let hasPriorities = region.state.pointee.hasPriorities
        while next < entries.count {
            let entry = entries[next]
            if isUnchanged(entry) {
                return hasPriorities ? stray(before: entry, region, mayLeave) : entry.index
            }
            if hasPriorities { strays.append(entry.index) }
            next += 1
        }
        return nil
    }

    /// The coldest stray of a lower priority than a page; that page itself if there is none.
    private mutating func stray(
        before entry: Entry, _ region: Region, _ mayLeave: (UInt32) -> Bool
    ) -> UInt32 {
        let rank = PagePriority.rank(of: entry.stamp)
        guard rank > region.state.pointee.lowestRank else { return entry.index }
        var coldest = entry
        strays.removeAll { index in
            let header = region.header(index)
            if header.key.pointee.load(ordering: .acquiring) == 0 { return true }
            let stamp = header.stamp.pointee.load(ordering: .relaxed)
            if stamp < coldest.stamp, PagePriority.rank(of: stamp) < rank, mayLeave(index) {
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
