import Glibc
import Store

/// Times the engine of logs without HTTP; `logs.escript` times the original in the same way.
///
/// `LogBench FOLDER SIZE COUNT [NAME]` writes and reads COUNT records of SIZE bytes in a new folder,
/// and prints one line a measurement: name, value, unit; with a name only that one is made. Each is made
/// five times and the best counts: where a virtual machine gives free memory back to its host, the
/// first touch of a page costs more than all that is measured.
@main enum LogBench {
    static func main() throws {
        let arguments = CommandLine.arguments
        guard (4...5).contains(arguments.count), let size = Int(arguments[2]),
            let count = Int(arguments[3])
        else {
            print("usage: LogBench FOLDER SIZE COUNT [NAME]")
            exit(2)
        }
        let store = try Store(path: arguments[1])
        defer { store.close() }
        let bench = LogBench.Run(
            store: store, record: record(size), count: count,
            only: arguments.count == 5 ? arguments[4] : nil)
        try bench.all()
    }

    /// `{12345, <<...>>}` of that many bytes.
    private static func record(_ size: Int) -> [UInt8] {
        let payload = [UInt8](repeating: UInt8(ascii: "p"), count: size - 14)
        return Term.tuple([.integer(12345), .binary(payload)]).encoded()
    }

    final class Run: Sendable {
        private let store: Store
        private let record: [UInt8]
        private let count: Int
        private let only: String?

        init(store: Store, record: [UInt8], count: Int, only: String?) {
            self.only = only
            self.store = store
            self.record = record
            self.count = count
        }

        func all() throws {
            try time("log", count) { [self] log in
                for _ in 0..<count { append(1, .accepted, to: log) }
                drain(log)
            }
            try time("log_terms of 100", count) { [self] log in
                for _ in 0..<count / 100 { append(100, .accepted, to: log) }
                drain(log)
            }
            try time("log and sync, 16 writers", count / 20) { [self] log in
                sixteen(count / 320, log)
            }
            try read("bchunk", mustDecode: false) { _ in }
            try read("chunk", mustDecode: true) { _ in }
            try read("chunk, trees", mustDecode: false) { chunk in
                try chunk.bytes.withUnsafeBytes { bytes in
                    for item in chunk.items {
                        _ = try Term(encoding: UnsafeRawBufferPointer(rebasing: bytes[item]))
                    }
                }
            }
            try repair()
        }

        private func isWanted(_ name: String) -> Bool { only == nil || only == name }

        private func time(
            _ name: String, _ records: Int, _ body: (DiskLog) throws -> Void
        ) throws {
            guard isWanted(name) else { return }
            var best = Int.max
            for _ in 1...5 {
                let log = try store.logs.open("bench", LogOptions(), for: .service).log
                let started = Instant.now
                try body(log)
                best = min(best, Instant.now.nanoseconds(since: started))
                try store.logs.delete("bench", keepFiles: false)
            }
            print("\(name)\t\(Int(Double(records) / (Double(best) / 1e9)))\trecords/s")
        }

        /// Waits until all that was accepted is with the system, of which the original leaves 64 KiB.
        private func drain(_ log: DiskLog) { append(1, .written, to: log) }

        private func fill(_ log: DiskLog) {
            for _ in 0..<count / 100 { append(100, .written, to: log) }
        }

        private func read(
            _ name: String, mustDecode: Bool, _ use: (LogChunk) throws -> Void
        ) throws {
            guard isWanted(name) else { return }
            let log = try store.logs.open("bench", LogOptions(), for: .service).log
            fill(log)
            var (best, bytes) = (Int.max, 0)
            for _ in 1...5 {
                let started = Instant.now
                bytes = try readAll(log, mustDecode, use)
                best = min(best, Instant.now.nanoseconds(since: started))
            }
            print("\(name)\t\(Int(Double(bytes) / (Double(best) / 1e9) / 1e6))\tMB/s")
            try store.logs.delete("bench", keepFiles: false)
        }

        private func readAll(
            _ log: DiskLog, _ mustDecode: Bool, _ use: (LogChunk) throws -> Void
        ) throws -> Int {
            var cursor = try log.oldestCursor()
            var bytes = 0
            while true {
                // From one end to the other: what is read need not be kept.
                let request = ChunkRequest(mustDecode: mustDecode, isSequential: true)
                let chunk = try log.chunk(from: cursor, request)
                if chunk.isEnd { return bytes }
                try use(chunk)
                bytes += chunk.bytes.count
                cursor = chunk.next
            }
        }

        /// Opens a log of 200 MB that was not closed.
        private func repair() throws {
            let name = "open an unclosed log of 200 MB"
            guard isWanted(name) else { return }
            let log = try store.logs.open("bench", LogOptions(), for: .service).log
            let needed = 200_000_000 / (record.count + 8)
            for _ in 0..<needed / 100 { append(100, .written, to: log) }
            sync(log)
            _ = try store.logs.close("bench", by: .service)
            let path = store.directory.absolute("logs/bench.LOG")
            let file = try File(path: path, name: path, flags: O_RDWR)
            try file.write([6, 7, 8, 9], at: 4)
            let started = Instant.now
            _ = try store.logs.open("bench", LogOptions(), for: .service)
            let seconds = Double(Instant.now.nanoseconds(since: started)) / 1e9
            print("\(name)\t\(seconds)\ts")
            try store.logs.delete("bench", keepFiles: false)
        }

        /// Appends so many records at once, and waits for the answer.
        private func append(_ records: Int, _ durability: Durability, to log: DiskLog) {
            var bytes: [UInt8] = []
            bytes.reserveCapacity(records * record.count)
            for _ in 0..<records { bytes += record }
            let append = Append(
                bytes: bytes, lengths: [Int](repeating: record.count, count: records),
                durability: durability)
            let done = Locked(false)
            log.append(append, areTerms: false, by: .service, waitMilliseconds: 0) { _ in
                done.withLock { $0 = true }
                done.wakeAll()
            }
            done.whenReady({ $0 }) { _ in }
        }

        private func sync(_ log: DiskLog) {
            let done = Locked(false)
            log.sync(by: .service, waitMilliseconds: 0) { _ in
                done.withLock { $0 = true }
                done.wakeAll()
            }
            done.whenReady({ $0 }) { _ in }
        }

        /// Sixteen writers, each of which appends again when it is answered.
        private func sixteen(_ records: Int, _ log: DiskLog) {
            let running = Locked(16)
            for _ in 0..<16 {
                write(records, to: log) {
                    running.withLock { $0 -= 1 }
                    running.wakeAll()
                }
            }
            running.whenReady({ $0 == 0 }) { _ in }
        }

        private func write(
            _ records: Int, to log: DiskLog, then done: @escaping @Sendable () -> Void
        ) {
            guard records > 0 else { return done() }
            let append = Append(bytes: record, lengths: [record.count], durability: .synced)
            log.append(append, areTerms: false, by: .service, waitMilliseconds: 0) { [self] _ in
                write(records - 1, to: log, then: done)
            }
        }
    }
}
