import Synchronization

/// What has happened in a journal since it was opened, by the names of the original's statistics.
package final class JournalStatistics: Sendable {
    /// What is counted.
    package enum Counter: Int, CaseIterable, Sendable {
        case records, payload, written, flushes, syncs, syncMicroseconds, folderSyncs
        case scans, scanned, scannedTwice
        case compressed, notCompressed, tooSmall
        case prepared, preparedUsed, preparedMissed

        /// The original's description.
        package var name: String {
            switch self {
            case .records: "log: log write operations"
            case .payload: "log: log bytes of payload data"
            case .written: "log: log bytes written"
            case .flushes: "log: log flush operations"
            case .syncs: "log: log sync operations"
            case .syncMicroseconds: "log: log sync time duration (usecs)"
            case .folderSyncs: "log: log sync_dir operations"
            case .scans: "log: log scan operations"
            case .scanned: "log: records processed by log scan"
            case .scannedTwice: "log: log scan records requiring two reads"
            case .compressed: "log: log records compressed"
            case .notCompressed: "log: log records not compressed"
            case .tooSmall: "log: log records too small to compress"
            case .prepared: "log: pre-allocated log files prepared"
            case .preparedUsed: "log: pre-allocated log files used"
            case .preparedMissed: "log: pre-allocated log files not ready and missed"
            }
        }
    }

    private let counters: [Cell]

    /// One counter, shared by all threads.
    private final class Cell: Sendable {
        let value = Atomic(0)
    }

    /// What all journals together are counted in.
    private let all: StoreCounters

    init(_ all: StoreCounters) {
        self.all = all
        counters = Counter.allCases.map { _ in Cell() }
    }

    func add(_ counter: Counter, _ count: Int = 1) {
        counters[counter.rawValue].value.add(count, ordering: .relaxed)
    }

    /// A cursor has read a record.
    func count(scanned record: StoredRecord) {
        add(.scans)
        add(.scanned)
        all.add(.journalReads)
        if record.range.count > RecordHeader.alignment { add(.scannedTwice) }
    }

    /// Records have been appended.
    func count(_ tally: RecordTally) {
        add(.payload, tally.payload)
        if tally.compressed > 0 { add(.compressed, tally.compressed) }
        if tally.notCompressed > 0 { add(.notCompressed, tally.notCompressed) }
        if tally.tooSmall > 0 { add(.tooSmall, tally.tooSmall) }
    }

    package func value(of counter: Counter) -> Int {
        counters[counter.rawValue].value.load(ordering: .relaxed)
    }
}
