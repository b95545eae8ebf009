import Synchronization

/// The pages in the order in which strict LRU gives them up, as one process last saw them.
///
/// A put changes nothing but the page's stamp. When a page has to go, the first one whose stamp is
/// still what it was is the coldest of all, since every other has been given back later than the
/// queue was made. Once the queue is used up it is made anew. A page discarded later goes in front.
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

    /// The coldest page that `take` accepts; nil if there is none.
    ///
    /// - Parameters:
    ///   - isUnchanged: whether the page still has that stamp and may leave; the others are passed
    ///     over, since their next put gives them another stamp.
    mutating func coldest(
        in region: Region, _ isUnchanged: (Entry) -> Bool
    ) -> UInt32? {
        if region.state.pointee.discards == discards, let found = first(isUnchanged) {
            return found
        }
        rebuild(from: region)
        return first(isUnchanged)
    }

    private mutating func first(_ isUnchanged: (Entry) -> Bool) -> UInt32? {
        while let entry = discarded.last {
            if isUnchanged(entry) { return entry.index }
            discarded.removeLast()
        }
        while next < entries.count {
            if isUnchanged(entries[next]) { return entries[next].index }
            next += 1
        }
        return nil
    }

    private mutating func rebuild(from region: Region) {
        discards = region.state.pointee.discards
        discarded.removeAll()
        entries.removeAll(keepingCapacity: true)
        next = 0
        for index in 0..<UInt32(region.state.pointee.headers) {
            let header = region.header(index)
            let key = PageKey(bits: header.key.pointee.load(ordering: .acquiring))
            guard !key.isFree, !key.isLoading, !key.isOrphan else { continue }
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
}
