/// What was found in a file, or in the files of one log.
package struct FileFindings: Sendable {
    package enum State: String, Sendable {
        case clean
        /// It has not been closed since it was opened the last time.
        case notClosed = "not_closed"
        /// A process has it open: what is missing may be on its way.
        case inUse = "in_use"
        case damaged
    }

    /// One file of it.
    package struct Part: Sendable {
        package let name: String
        /// Bytes of the file.
        package let size: Int
        package var records = 0
        /// Bytes that are no record, counted as a repair counts them.
        package var badBytes = 0
        /// Where the first of them is.
        package var firstBad: Int?
        package var isClosed = true
        /// What is wrong with it, in words.
        package var fault: String?

        mutating func blame(_ detail: String, at offset: Int, badBytes count: Int) {
            fault = fault ?? detail
            firstBad = firstBad ?? offset
            badBytes += count
        }
    }

    package var parts: [Part] = []
    /// Bytes of the records, or of the data.
    package var bytes = 0
    /// Bytes that a pool has room for.
    package var capacity: Int?
    /// What is wrong with the whole.
    package var faults: [String] = []
    /// Who has it open.
    package var users: [String] = []

    /// Nothing was looked at yet.
    package init() {}

    package var records: Int { parts.reduce(0) { $0 + $1.records } }
    package var badBytes: Int { parts.reduce(0) { $0 + $1.badBytes } }
    package var size: Int { parts.reduce(0) { $0 + $1.size } }

    /// Whether bytes are lost, or something does not fit.
    package var isDamaged: Bool {
        !faults.isEmpty || parts.contains { $0.badBytes > 0 || $0.fault != nil }
    }

    package var state: State {
        if !users.isEmpty { return .inUse }
        if isDamaged { return .damaged }
        return parts.allSatisfy(\.isClosed) ? .clean : .notClosed
    }
}
