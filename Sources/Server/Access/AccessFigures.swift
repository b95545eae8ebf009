import Store

/// How many requests were turned away, and why.
final class AccessFigures: Sendable {
    private let refused = Locked<[Tokens.Refusal: Int]>([:])

    func count(_ refusal: Tokens.Refusal) { refused.withLock { $0[refusal, default: 0] += 1 } }

    func write(to text: inout MetricsText, tokens: Int) {
        let counts = refused.withLock { $0 }
        text.add(
            "auth_failures_total", .counter, "Requests that their token did not allow.",
            Tokens.Refusal.allCases.map { (["reason": $0.rawValue], Double(counts[$0] ?? 0)) })
        text.add("tokens", .gauge, "Tokens.", Double(tokens))
    }
}
