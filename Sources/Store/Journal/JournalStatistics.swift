import Synchronization

/// What has happened in a journal since it was opened, by the names of the original's statistics.
package final class JournalStatistics: Sendable {
    /// What is counted; the raw value is the original's description behind `log: `.
    package enum Counter: String, CaseIterable, Sendable {
        case records = "log write operations"
        case payload = "log bytes of payload data"
        case written = "log bytes written"
        case flushes = "log flush operations"
        case syncs = "log sync operations"
        case syncMicroseconds = "log sync time duration (usecs)"
        case folderSyncs = "log sync_dir operations"
        case scans = "log scan operations"
        case scanned = "records processed by log scan"
        case scannedTwice = "log scan records requiring two reads"
        case compressed = "log records compressed"
        case notCompressed = "log records not compressed"
        case tooSmall = "log records too small to compress"
        case prepared = "pre-allocated log files prepared"
        case preparedUsed = "pre-allocated log files used"
        case preparedMissed = "pre-allocated log files not ready and missed"

        var index: Int { Self.allCases.firstIndex(of: self) ?? 0 }
    }

    private let counters: [Cell]

    /// One counter, shared by all threads.
    private final class Cell: Sendable {
        let value = Atomic(0)
    }

    init() { counters = Counter.allCases.map { _ in Cell() } }

    func add(_ counter: Counter, _ count: Int = 1) {
        counters[counter.index].value.add(count, ordering: .relaxed)
    }

    package func value(of counter: Counter) -> Int {
        counters[counter.index].value.load(ordering: .relaxed)
    }
}
