import Synchronization

/// What the store counts for all that lies in it, since the start of the process.
package final class StoreCounters: Sendable {
    package enum Counter: Int, CaseIterable, Sendable {
        /// Records that were read; of pools chunks.
        case poolReads, logReads, journalReads
        /// Logs that were opened and had not been closed, and what was bad in them.
        case repairs, badBytes
        case pinsExpired
    }

    private final class Cell: Sendable {
        let value = Atomic(0)
    }

    private let cells = Counter.allCases.map { _ in Cell() }

    package init() {}

    package func add(_ counter: Counter, _ count: Int = 1) {
        cells[counter.rawValue].value.add(count, ordering: .relaxed)
    }

    package subscript(counter: Counter) -> Int {
        cells[counter.rawValue].value.load(ordering: .relaxed)
    }
}
