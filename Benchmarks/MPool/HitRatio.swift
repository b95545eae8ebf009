import Glibc
import Store

/// How often a page is found, where a few are wanted again and again and scans come in between.
enum HitRatio {
    /// The share of hits of 300,000 accesses by Zipf's law (exponent 1, 20,000 pages, 2,489 cached),
    /// after 100,000 that fill the pool; every 20,000 are followed by a scan of 4,000 other pages.
    static func measure(
        _ folder: String, _ policy: ReplacementPolicy
    ) throws(StoreError) -> Double {
        let file = try MPoolBench.open(folder, isPrivate: true, pages: 2_489, policy: policy)
        var zipf = Zipf(pages: 20_000, seed: 4711)
        var hits = 0
        var next: UInt32 = 0
        for access in 0..<400_000 {
            let pgno = zipf.next()
            let before = try access < 100_000 ? 0 : misses(file)
            try file.withPage(pgno) { _ in }
            if access >= 100_000, try misses(file) == before { hits += 1 }
            guard access % 20_000 == 19_999 else { continue }
            for _ in 0..<4_000 {
                try file.withPage(20_000 + next % 40_000) { _ in }
                next += 1
            }
        }
        return (Double(hits) / 300_000 * 10_000).rounded() / 10_000
    }

    private static func misses(_ file: PageFile) throws(StoreError) -> Int { file.counts.misses }

    private struct Zipf {
        private var sums: [Double] = []
        private var state: UInt64
        private let pages: Int

        init(pages: Int, seed: UInt64) {
            self.pages = pages
            state = seed
            var sum = 0.0
            for rank in 0..<pages {
                sum += 1 / Double(rank + 1)
                sums.append(sum)
            }
        }

        mutating func next() -> UInt32 {
            let share = Double(MPoolBench.random(&state) >> 11) / 9_007_199_254_740_992
            let wanted = share * (sums.last ?? 1)
            var low = 0
            var high = pages - 1
            while low < high {
                let middle = (low + high) / 2
                if sums[middle] < wanted { low = middle + 1 } else { high = middle }
            }
            return UInt32(low * 2_654_435_761 % pages)
        }
    }
}
