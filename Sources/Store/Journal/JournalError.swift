/// The reasons that WiredTiger's log has of its own; file errors are cases of `StoreError`.
package enum JournalError: Equatable, Sendable {
    /// There is no such journal, or `isKnown` and closed.
    case noSuchJournal(name: String, isKnown: Bool)
    /// A search found no record there; `WT_NOTFOUND`.
    case notFound(LSN)
    /// What lies there can't be a record that was cut short; `WT_ERROR`.
    case corrupt(LSN, detail: String)
    /// What was sent to be imported ends with something that was not finished.
    case importNeedsRepair(LSN, detail: String)
    /// A compressed record, and nothing that unpacks it; `WT_ERROR`.
    case noCompressor(LSN, detail: String)
    /// The cursor has given no row yet; `EINVAL`.
    case unpositioned
    /// No log files; `ENOTSUP`.
    case noLogFiles(path: String)
    case noSuchDirectory(path: String)
    /// Archived while nothing held it; the first record that is left.
    case archived(first: LSN)
    /// Opened for reading only; `ENOTSUP`.
    case readOnly(name: String)
    /// Somebody else writes there; `EBUSY`.
    case busy(detail: String)
    case noSuchCursor(id: String)
    case cursorExpired(id: String)
    case tooManyCursors(name: String, limit: Int)
    /// The directory holds tables, whose log only their database may end.
    case foreignDatabase(detail: String)

    /// What happened, in a few words.
    var summary: String {
        switch self {
        case .corrupt(let lsn, let detail), .importNeedsRepair(let lsn, let detail),
            .noCompressor(let lsn, let detail):
            "at \(lsn): \(detail)"
        case .noLogFiles(let path): "there are no log files in \(path)"
        case .noSuchDirectory(let path): "there is no directory \(path)"
        case .busy(let detail), .foreignDatabase(let detail): detail
        default: "it has failed"
        }
    }
}
