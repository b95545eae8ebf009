import Store

extension LogState {
    /// Its name on the wire.
    var word: String {
        switch self {
        case .open: "open"
        case .closed: "closed"
        case .failed: "failed"
        }
    }
}
