import Glibc
import Store
import Synchronization

/// Times the engine of buffer pools without HTTP; `libdb.c` times Berkeley DB in the same way.
///
/// `MPoolBench FOLDER` works in that folder, and prints one line a measurement: name, who did it, value,
/// unit; more is better.
@main enum MPoolBench {
    static let pageSize = 4096
    /// Pages that are hit, and pages of the file that is read.
    static let hot = 2_000
    static let large = 65_536
    /// Pages of the pool that it is read through.
    static let cached = 2_048

    static func main() throws(StoreError) {
        let arguments = CommandLine.arguments
        guard arguments.count == 2 || arguments.count == 3 else {
            print("usage: MPoolBench FOLDER [hits|pagein|logs|ratio]")
            exit(2)
        }
        let folder = arguments[1]
        let only = arguments.count == 3 ? arguments[2] : nil
        try makeFile(folder)
        if only ?? "hits" == "hits" { try printHits(folder) }
        if only ?? "pagein" == "pagein" { try printPageIn(folder) }
        if only ?? "logs" == "logs" { try LogReads.run(folder) }
        if only ?? "ratio" == "ratio" {
            for policy in ReplacementPolicy.allCases {
                let ratio = try HitRatio.measure(folder, policy)
                report("hit ratio, Zipf with scans", policy.rawValue, ratio, "")
            }
        }
    }

    private static func printHits(_ folder: String) throws(StoreError) {
        for isPrivate in [true, false] {
            let kind = isPrivate ? "private" : "shared"
            for threads in 1...2 {
                let nanoseconds = try hits(folder, isPrivate: isPrivate, threads, pages: hot)
                report("hit, \(kind), \(threads) threads", "Tidemark", 1000 / nanoseconds, "M/s")
            }
        }
        for threads in 1...2 {
            let nanoseconds = try hits(folder, isPrivate: true, threads, pages: 1)
            report("one hot page, \(threads) threads", "Tidemark", 1000 / nanoseconds, "M/s")
        }
    }

    private static func printPageIn(_ folder: String) throws(StoreError) {
        for isRandom in [false, true] {
            let order = isRandom ? "random" : "sequential"
            let plain = try plain(folder, isRandom, buffers: 1)
            let spread = try self.plain(folder, isRandom, buffers: cached)
            for isPrivate in [true, false] {
                let kind = isPrivate ? "private" : "shared"
                let speed = try pageIn(folder, isPrivate: isPrivate, isRandom)
                report("page-in, \(order), \(kind)", "Tidemark", speed, "MB/s")
                report("page-in, \(order), \(kind)", "pread", plain, "MB/s")
                report("page-in, \(order), \(kind)", "pread, as much memory", spread, "MB/s")
            }
            guard !isRandom else { continue }
            let ahead = try pageIn(folder, isPrivate: true, isRandom, ahead: 16)
            report("page-in, 16 pages ahead", "Tidemark", ahead, "MB/s")
            report("page-in, 16 pages ahead", "pread", plain, "MB/s")
            report("page-in, 16 pages ahead", "pread, as much memory", spread, "MB/s")
        }
    }

    static func open(
        _ folder: String, isPrivate: Bool, pages: Int, policy: ReplacementPolicy = .lru,
        ahead: Int = 0
    ) throws(StoreError) -> PageFile {
        var options = MPoolOptions()
        options.isPrivate = isPrivate
        options.create = true
        options.cacheSize = pages * pageSize
        options.policy = policy
        if !isPrivate { try MPool.unlink(folder, force: true) }
        let pool = try MPool.open(folder, options)
        var file = PageFileOptions()
        file.name = folder + "/large"
        file.pageSize = pageSize
        file.readAhead = ahead
        return try pool.open(file)
    }

    private static func makeFile(_ folder: String) throws(StoreError) {
        let path = folder + "/large"
        let file = try File(path: path, name: path, flags: O_RDWR | O_CREAT)
        let block = [UInt8](repeating: 0x5A, count: 256 * pageSize)
        for number in 0..<large / 256 { try file.write(block, at: number * block.count) }
    }

    static func report(_ name: String, _ side: String, _ value: Double, _ unit: String) {
        print("\(name)\t\(side)\t\(value)\t\(unit)")
    }

    static func random(_ state: inout UInt64) -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state
    }

    /// Runs `body` on threads at once; nanoseconds of wall time for one of all the operations.
    private static func time(
        _ threads: Int, _ operations: Int, _ body: @escaping @Sendable (_ thread: Int) -> Void
    ) -> Double {
        let left = Locked(threads)
        let start = Instant.now
        for thread in 0..<threads {
            _ = startThread("bench") {
                body(thread)
                left.withLock { $0 -= 1 }
                left.wakeAll()
            }
        }
        left.whenReady({ $0 == 0 }) { _ in }
        let nanoseconds = Double(Instant.now.nanoseconds - start.nanoseconds)
        return rounded(nanoseconds / Double(threads * operations))
    }

    private static func rounded(_ value: Double) -> Double { (value * 10).rounded() / 10 }

    private static func hits(
        _ folder: String, isPrivate: Bool, _ threads: Int, pages: Int
    ) throws(StoreError) -> Double {
        let file = try open(folder, isPrivate: isPrivate, pages: hot + 64)
        for pgno in 0..<UInt32(pages) { try file.withPage(pgno) { _ in } }
        let operations = 4_000_000
        let failed = Atomic2()
        let result = time(threads, operations) { thread in
            var state = UInt64(thread * 7919 + 1)
            var sum = 0
            do throws(StoreError) {
                for _ in 0..<operations {
                    let pgno = UInt32(truncatingIfNeeded: random(&state) >> 20) % UInt32(pages)
                    sum &+= try file.withPage(pgno) { Int($0[0]) }
                }
            } catch {
                failed.add()
            }
            if sum != operations * 0x5A { failed.add() }
        }
        if failed.count > 0 { print("a hit went wrong") }
        return result
    }

    private final class Atomic2: Sendable {
        private let value = Atomic(0)
        func add() { value.wrappingAdd(1, ordering: .relaxed) }
        var count: Int { value.load(ordering: .relaxed) }
    }

    private static func order(_ isRandom: Bool) -> [UInt32] {
        var pages = (0..<UInt32(large)).map { $0 }
        guard isRandom else { return pages }
        var state: UInt64 = 4711
        for place in stride(from: pages.count - 1, to: 0, by: -1) {
            pages.swapAt(place, Int(random(&state) % UInt64(place + 1)))
        }
        return pages
    }

    private static func speed(_ nanoseconds: Int) -> Double {
        rounded(Double(large * pageSize) * 1000 / Double(nanoseconds))
    }

    /// Nanoseconds that this thread has had of a processor: others may use the machine meanwhile.
    private static var processorTime: Int {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return time.tv_sec * 1_000_000_000 + time.tv_nsec
    }

    /// Pages into buffers in turn, as fast as the system gives them: one buffer stays in the processor's
    /// cache, as many as the pool has pages don't.
    private static func plain(
        _ folder: String, _ isRandom: Bool, buffers: Int
    ) throws(StoreError) -> Double {
        let path = folder + "/large"
        let file = try File(path: path, name: path, flags: O_RDONLY)
        let memory = UnsafeMutableRawBufferPointer.allocate(
            byteCount: buffers * pageSize, alignment: 4096)
        defer { memory.deallocate() }
        memory.initializeMemory(as: UInt8.self, repeating: 1)
        var best = Int.max
        for _ in 0..<3 {
            let pages = order(isRandom)
            let start = processorTime
            for (turn, pgno) in pages.enumerated() {
                let place = turn % buffers * pageSize
                _ = try file.read(
                    at: Int(pgno) * pageSize,
                    into: UnsafeMutableRawBufferPointer(rebasing: memory[place..<place + pageSize]))
            }
            best = min(best, processorTime - start)
        }
        return speed(best)
    }

    /// All pages of a file through a pool that holds an eighth of them.
    private static func pageIn(
        _ folder: String, isPrivate: Bool, _ isRandom: Bool, ahead: Int = 0
    ) throws(StoreError) -> Double {
        let file = try open(folder, isPrivate: isPrivate, pages: cached, ahead: ahead)
        var best = Int.max
        for _ in 0..<3 {
            let pages = order(isRandom)
            let start = processorTime
            for pgno in pages { try file.withPage(pgno) { _ in } }
            best = min(best, processorTime - start)
        }
        return speed(best)
    }
}
