/// Whether a pool, a log or a journal takes appends.
package enum LogState: Equatable, Sendable {
    case open
    case closed
    /// Nothing is appended any more until it has been closed and opened; why.
    case failed(String)

    package var hasFailed: Bool { if case .failed = self { true } else { false } }

    /// What those are told who wait for more, if nothing will come.
    package var failure: StoreError? {
        if case .failed(let detail) = self { .failed(detail: detail) } else { nil }
    }
}
