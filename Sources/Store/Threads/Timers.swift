/// One thread that calls back at given moments; the callbacks must be short and do no I/O.
package final class Timers: Sendable {
    /// Names a callback that has been scheduled.
    package struct Token: Hashable, Sendable { fileprivate let id: Int }

    private struct Entry {
        let deadline: Instant
        let action: @Sendable () -> Void
    }

    private struct State {
        var entries: [Token: Entry] = [:]
        var earliest: Instant?
        var nextID = 0
        var running = false
        var stopping = false

        mutating func takeDue(_ now: Instant) -> [@Sendable () -> Void] {
            let due = entries.filter { $0.value.deadline <= now }
            for token in due.keys { entries[token] = nil }
            earliest = entries.values.map(\.deadline).min()
            return due.values.sorted { $0.deadline < $1.deadline }.map(\.action)
        }
    }

    private let state = Locked(State())

    package init() {}

    /// Calls `action` on the timers' thread once `milliseconds` have passed.
    @discardableResult
    package func schedule(
        afterMilliseconds milliseconds: Int, _ action: @escaping @Sendable () -> Void
    ) -> Token {
        let deadline = Instant.now.advanced(milliseconds: milliseconds)
        let (token, mustStart) = state.withLock { state in
            let token = Token(id: state.nextID)
            state.nextID += 1
            state.entries[token] = Entry(deadline: deadline, action: action)
            state.earliest = min(state.earliest ?? deadline, deadline)
            let mustStart = !state.running
            state.running = true
            return (token, mustStart)
        }
        if mustStart { _ = startThread("timers") { [self] in run() } } else { state.wakeAll() }
        return token
    }

    /// Forgets a callback; it may be running already.
    package func cancel(_ token: Token) {
        state.withLock { $0.entries[token] = nil }
    }

    /// Ends the thread; callbacks that are still scheduled are forgotten.
    package func stop() {
        let running = state.withLock { state in
            state.stopping = true
            state.entries = [:]
            return state.running
        }
        state.wakeAll()
        if running { state.whenReady({ !$0.running }) { _ in } }
    }

    private func run() {
        let farOff = 3_600_000
        while true {
            let earliest = state.withLock { $0.earliest }
            let limit = earliest ?? Instant.now.advanced(milliseconds: farOff)
            let due: [@Sendable () -> Void]? = state.whenReady(
                before: limit, { $0.stopping || $0.earliest.map { $0 < limit } ?? false }
            ) { state in
                guard !state.stopping else {
                    state.running = false
                    return nil
                }
                return state.takeDue(Instant.now)
            }
            guard let due else { break }
            for action in due { action() }
        }
        state.wakeAll()
    }
}
