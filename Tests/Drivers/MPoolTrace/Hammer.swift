import Glibc
import Store
import Synchronization

/// Threads that change and read the pages of one file in a shared pool, each page as a whole.
///
/// A page holds one number, 8 bytes wide, over and over.
final class Hammer: Sendable {
    private let folder: String
    private let name: String
    private let words: [String]
    private let torn = Atomic(0)
    private let failures = Atomic(0)

    init(_ words: [String]) {
        folder = words[0]
        name = words[1]
        self.words = words
    }

    private func open() throws(StoreError) -> PageFile {
        var options = MPoolOptions()
        options.create = true
        options.cacheSize = 64 * 4096
        let pool = try MPool.open(folder, options)
        var file = PageFileOptions()
        file.name = name
        file.path = folder + "/" + name
        file.pageSize = 4096
        file.create = true
        return try pool.open(file)
    }

    /// Works through the operations; says `ready` first and `done` last.
    func run() throws(StoreError) {
        let file = try open()
        let pages = UInt32(words[2]) ?? 0
        let threads = Int(words[3]) ?? 1
        let operations = Int(words[4]) ?? 0
        let seed = UInt64(words[5]) ?? 1
        print("ready")
        fflush(nil)
        let left = Locked(threads)
        for thread in 0..<threads {
            _ = startThread("hammer") { [self] in
                work(file, pages, operations, seed &* 31 &+ UInt64(thread) &+ 1)
                left.withLock { $0 -= 1 }
                left.wakeAll()
            }
        }
        left.whenReady({ $0 == 0 }) { _ in }
        if torn.load(ordering: .relaxed) > 0 || failures.load(ordering: .relaxed) > 0 {
            print(
                "torn \(torn.load(ordering: .relaxed)), failed \(failures.load(ordering: .relaxed))"
            )
            exit(1)
        }
        _ = try file.pool.sync(nil)
        try file.pool.close()
        print("done")
    }

    private func work(_ file: PageFile, _ pages: UInt32, _ operations: Int, _ seed: UInt64) {
        var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
        func random(_ bound: UInt32) -> UInt32 {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return UInt32(truncatingIfNeeded: state >> 20) % bound
        }
        for _ in 0..<operations {
            let pgno = random(pages)
            do throws(StoreError) {
                switch random(100) {
                case 0: _ = try file.sync()
                case 1: _ = try file.pool.trickle(percent: 50)
                case 2: _ = try file.pool.statistics()
                case 3..<30: try write(file, pgno, UInt64(random(.max)))
                default: try read(file, pgno)
                }
            } catch {
                // Everything may be pinned for a moment; nothing else may go wrong.
                if case .mpool(.cacheFull) = error { continue }
                print("failed: \(error)")
                failures.wrappingAdd(1, ordering: .relaxed)
            }
        }
    }

    private func write(_ file: PageFile, _ pgno: UInt32, _ value: UInt64) throws(StoreError) {
        var pin = try file.get(.create(pgno))
        let page = [UInt64](repeating: value, count: file.pageSize / 8)
        try pin.replace(with: page.withUnsafeBytes { Array($0) })
        try pin.put()
    }

    private func read(_ file: PageFile, _ pgno: UInt32) throws(StoreError) {
        var pin = try file.get(.create(pgno))
        let isTorn = try pin.withBytes { page in
            let words = page.bindMemory(to: UInt64.self)
            return words.contains { $0 != words[0] }
        }
        if isTorn { torn.wrappingAdd(1, ordering: .relaxed) }
        try pin.put()
    }

    /// Looks at every page of the file through a pool of its own, and at what is left in the shared one.
    func check() throws(StoreError) {
        let file = try open()
        let statistics = try file.pool.statistics()
        let counts = statistics.counts
        print(
            "pins \(try file.pool.pinCount()), pages \(statistics.pages), "
                + "hit+miss \(counts.hits + counts.misses), searches \(statistics.hashSearches)")
        for pgno in 0..<(UInt32(words[2]) ?? 0) { try read(file, pgno) }
        print("torn \(torn.load(ordering: .relaxed))")
    }

    /// Pins a page and holds it until it is killed.
    func hold() throws(StoreError) {
        let file = try open()
        let pin = try file.get(.create(UInt32(words[2]) ?? 0))
        try pin.set(.dirty)
        print("held \(pin.pgno)")
        fflush(nil)
        while true { pause() }
    }
}
