import Store

/// What the pool under the service's own reads is worth: chunks of a ring whose files were read before.
enum LogReads {
    private static let records = 100_000

    static func run(_ folder: String) throws(StoreError) {
        for size in [0, 64 << 20] {
            let store = try Store(path: folder + "/store-\(size)", serviceCacheSize: size)
            let log = try fill(store)
            let kind = size == 0 ? "past the pool" : "through the pool"
            for (name, limit, window) in [
                ("64 KiB", Int.max, 65_536), ("one record in 4 KiB", 1, 4_096),
            ] {
                var best = Int.max
                for _ in 0..<4 {
                    let start = Instant.now
                    let count = try read(log, limit, window)
                    best = min(best, (Instant.now.nanoseconds - start.nanoseconds) / count)
                }
                MPoolBench.report("log chunks of \(name)", kind, 1e6 / Double(best), "1000/s")
            }
            try store.logs.delete("bench", keepFiles: false)
            store.close()
        }
    }

    /// A ring of 4 files, 12 MB in all.
    private static func fill(_ store: Store) throws(StoreError) -> DiskLog {
        var options = LogOptions()
        options.type = .wrap
        options.size = .files(maxBytes: 4 << 20, maxFiles: 4)
        let log = try store.logs.open("bench", options, for: .service).log
        let record = Term.binary([UInt8](repeating: 0x61, count: 100)).encoded()
        for _ in 0..<records / 1_000 {
            let done = Locked(false)
            let append = Append(
                bytes: (0..<1_000).flatMap { _ in record },
                lengths: .init(repeating: record.count, count: 1_000), durability: .written)
            log.append(append, areTerms: false, by: .service, waitMilliseconds: 0) { _ in
                done.withLock { $0 = true }
                done.wakeAll()
            }
            done.whenReady({ $0 }) { _ in }
        }
        return log
    }

    /// Reads chunks from the whole ring in an order that jumps about; how many.
    private static func read(
        _ log: DiskLog, _ limit: Int, _ window: Int
    ) throws(StoreError) -> Int {
        var cursors: [LogCursor] = []
        var cursor = try log.oldestCursor()
        while true {
            let chunk = try log.chunk(from: cursor, ChunkRequest(window: 65_536))
            if chunk.isEnd { break }
            cursors.append(cursor)
            cursor = chunk.next
        }
        var state: UInt64 = 4711
        let count = 20_000
        for _ in 0..<count {
            let place = Int(MPoolBench.random(&state) % UInt64(cursors.count))
            _ = try log.chunk(
                from: cursors[place], ChunkRequest(limit: limit, window: window))
        }
        return count
    }
}
