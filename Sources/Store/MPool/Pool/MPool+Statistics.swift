import Synchronization

/// The figures of a pool; the fields of memp_stat, by the names that they have there.
package struct MPoolStatistics: Equatable, Sendable {
    /// Bytes.
    package var cacheSize = 0
    package var counts = PageFileCounts()
    package var cleanEvicted = 0
    package var dirtyEvicted = 0
    package var hashBuckets = 0
    package var hashSearches = 0
    package var hashLongest = 0
    package var hashExamined = 0
    package var cleanPages = 0
    package var dirtyPages = 0
    package var trickled = 0
    package var lockWaits = 0
    package var lockTaken = 0
    package var files: [OfFile] = []

    package init() {}

    package var pages: Int { cleanPages + dirtyPages }

    /// Adds what several pools have in common: not their settings, tables and files.
    package static func += (left: inout Self, right: Self) {
        left.counts += right.counts
        left.cleanEvicted += right.cleanEvicted
        left.dirtyEvicted += right.dirtyEvicted
        left.cleanPages += right.cleanPages
        left.dirtyPages += right.dirtyPages
        left.trickled += right.trickled
    }

    /// The figures of one file.
    package struct OfFile: Equatable, Sendable {
        /// As it was given to fopen.
        package let name: String
        package let pageSize: Int
        package let counts: PageFileCounts

        package init(name: String, pageSize: Int, counts: PageFileCounts) {
            self.name = name
            self.pageSize = pageSize
            self.counts = counts
        }
    }
}

extension MPool {
    /// The figures since the pool was made or they were last cleared; memp_stat.
    ///
    /// - Parameter clear: start them again from 0.
    package func statistics(clear: Bool = false) throws(StoreError) -> MPoolStatistics {
        try locked { () throws(StoreError) in
            reclaimFromTheDead()
            if clear { moveHits() }
            let statistics = gather()
            if clear { self.clear() }
            return statistics
        }
    }

    private func gather() -> MPoolStatistics {
        let state = state.pointee
        var result = MPoolStatistics()
        var hits = [Int](repeating: 0, count: state.fileBound)
        for index in 0..<UInt32(state.headers) {
            let key = PageKey(bits: region.header(index).key.pointee.load(ordering: .acquiring))
            if !key.isFree, !key.isOrphan, key.slot < hits.count {
                hits[key.slot] += region.hits(index)
            }
        }
        result.counts = state.counts.gone
        for slot in 0..<state.fileBound {
            let file = region.file(slot)
            let fields = file.fields.pointee
            guard fields.isUsed else { continue }
            var counts = file.counts
            counts.hits += hits[slot]
            result.counts += counts
            guard !fields.isTemporary else { continue }
            result.files.append(
                .init(name: file.name, pageSize: fields.pageSize, counts: counts))
        }
        result.cacheSize = state.cacheSize
        result.cleanEvicted = state.counts.cleanEvicted
        result.dirtyEvicted = state.counts.dirtyEvicted
        result.hashBuckets = region.layout.buckets
        result.hashSearches =
            result.counts.hits + result.counts.misses + state.counts.failedSearches
        let control = region.control
        result.hashLongest = max(
            Int(control.longestSearch.pointee.load(ordering: .relaxed)),
            result.counts.hits > 0 ? 1 : 0)
        result.hashExamined =
            result.counts.hits + Int(control.examinedMore.pointee.load(ordering: .relaxed))
        result.cleanPages = state.pages - state.dirtyPages
        result.dirtyPages = state.dirtyPages
        result.trickled = state.counts.trickled
        result.lockWaits = state.counts.lockWaits
        result.lockTaken = state.counts.lockTaken
        return result
    }

    /// Brings the hits of cached pages to their files.
    private func moveHits() {
        for index in cachedPages {
            let key = PageKey(bits: region.header(index).key.pointee.load(ordering: .acquiring))
            region.file(key.slot).hits.add(region.takeHits(index))
        }
    }

    private func clear() {
        state.pointee.counts = .init()
        for slot in 0..<state.pointee.fileBound { region.file(slot).clearCounts() }
        region.control.examinedMore.pointee.store(0, ordering: .relaxed)
        region.control.longestSearch.pointee.store(0, ordering: .relaxed)
    }

    /// Gives the pool another size, at once if it grows; a smaller one makes pages leave.
    ///
    /// Pinned pages leave when they are put back and room is needed next.
    /// - Throws: `.badArgument` beyond what the region was made for.
    package func resize(cacheSize: Int) throws(StoreError) {
        try MPoolOptions.check(cacheSize: cacheSize)
        guard cacheSize <= region.layout.reserve else {
            throw .badArgument(
                option: "cachesize",
                detail: "this pool can grow to \(region.layout.reserve) bytes")
        }
        try takeLock()
        defer { giveLockBack() }
        state.pointee.cacheSize = cacheSize
        var unwritten = UnwrittenPages()
        do throws(StoreError) {
            while try !makeRoom(0, past: &unwritten) {}
        } catch {
            guard case .mpool(.cacheFull) = error else { throw error }
        }
    }

    /// Bytes of the pages that are cached.
    package var usedBytes: Int { state.pointee.usedBytes }

    /// The pins of all processes, for tests and operators.
    package func pinCount() throws(StoreError) -> Int {
        try locked { () throws(StoreError) in
            reclaimFromTheDead()
            return (0..<UInt32(state.pointee.headers)).reduce(0) { $0 + Int(region.pinCount($1)) }
        }
    }
}
