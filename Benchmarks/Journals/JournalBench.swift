import Glibc
import Store
import Synchronization

/// Times the engine of journals without HTTP; `wiredtiger.c` times the original in the same way.
///
/// `JournalBench FOLDER SIZE COUNT` writes and reads COUNT messages of SIZE bytes in a new folder,
/// and prints one line a measurement: name, value, unit.
@main enum JournalBench {
    static func main() throws {
        let arguments = CommandLine.arguments
        guard arguments.count == 4, let size = Int(arguments[2]), let count = Int(arguments[3])
        else {
            print("usage: JournalBench FOLDER SIZE COUNT")
            exit(2)
        }
        let store = try Store(path: arguments[1])
        defer { store.close() }
        try Run(store: store, size: size, count: count).all()
    }

    final class Run: Sendable {
        private let store: Store
        private let count: Int
        private let record: [UInt8]

        init(store: Store, size: Int, count: Int) {
            self.store = store
            self.count = count
            var tally = RecordTally()
            var bytes: [UInt8] = []
            let text = [UInt8](repeating: UInt8(ascii: "m"), count: size)
            RecordEncoder().append(body: RecordBody.message(text), to: &bytes, &tally)
            record = bytes
        }

        func all() throws {
            let journal = try store.journals.open("bench", JournalOptions()).journal
            try fill(journal)
            report("next", count) {
                var cursor = journal.openCursor()
                var rows = 0
                while try cursor.next() != nil { rows += 1 }
                precondition(rows > count)
            }
            try search(journal)
            for writers in [1, 8] {
                report("message and sync, \(writers) writers", count / 200 * writers) {
                    write(writers: writers, count / 200, to: journal)
                }
            }
        }

        /// Writes the records without waiting for the disk.
        private func fill(_ journal: Journal) throws {
            for _ in 0..<count / 1000 {
                let batch = Append(
                    bytes: [UInt8]((0..<1000).flatMap { _ in record }),
                    lengths: [Int](repeating: record.count, count: 1000), durability: .written)
                let done = Locked(false)
                try journal.append(batch, RecordTally()) { _ in
                    done.withLock { $0 = true }
                    done.wakeAll()
                }
                done.whenReady({ $0 }) { _ in }
            }
        }

        private func search(_ journal: Journal) throws {
            var cursor = journal.openCursor()
            var places: [LSN] = []
            while let row = try cursor.next() { places.append(row.lsn) }
            var generator = SystemRandomNumberGenerator()
            let wanted = (0..<count / 10).compactMap { _ in
                places.randomElement(using: &generator)
            }
            report("search", wanted.count) {
                for place in wanted { _ = try cursor.search(place) }
            }
        }

        private func report(_ name: String, _ records: Int, _ body: () throws -> Void) {
            let started = Instant.now
            do { try body() } catch { print("\(name) failed: \(error)") }
            let seconds = Double(Instant.now.nanoseconds(since: started)) / 1e9
            print("\(name)\t\(Int(Double(records) / seconds))\trecords/s")
        }

        /// Writers each of which appends again when it is answered.
        private func write(writers: Int, _ records: Int, to journal: Journal) {
            let running = Locked(writers)
            for _ in 0..<writers {
                write(records, to: journal) {
                    running.withLock { $0 -= 1 }
                    running.wakeAll()
                }
            }
            running.whenReady({ $0 == 0 }) { _ in }
        }

        private func write(
            _ records: Int, to journal: Journal, then done: @escaping @Sendable () -> Void
        ) {
            guard records > 0 else { return done() }
            let append = Append(bytes: record, lengths: [record.count], durability: .synced)
            do throws(StoreError) {
                try journal.append(append, RecordTally()) { [self] _ in
                    write(records - 1, to: journal, then: done)
                }
            } catch {
                print("refused: \(error)")
                done()
            }
        }
    }
}
