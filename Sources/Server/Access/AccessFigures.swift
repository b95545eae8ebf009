import Store
import Synchronization

/// How many requests were turned away, and why.
final class AccessFigures: Sendable {
    private let refused = Locked<[Tokens.Refusal: Int]>([:])
    private let limited = Atomic(0)

    func count(_ refusal: Tokens.Refusal) { refused.withLock { $0[refusal, default: 0] += 1 } }

    /// One came too soon after others.
    func countLimited() { limited.add(1, ordering: .relaxed) }

    func write(to text: inout MetricsText, tokens: Int) {
        let counts = refused.withLock { $0 }
        text.add(
            "auth_failures_total", .counter, "Requests that their token did not allow.",
            Tokens.Refusal.allCases.map { (["reason": $0.rawValue], Double(counts[$0] ?? 0)) })
        text.add(
            "rate_limited_total", .counter, "Requests that came too soon after others.",
            Double(limited.load(ordering: .relaxed)))
        text.add("tokens", .gauge, "Tokens.", Double(tokens))
    }
}
