/// One thread that calls back at given moments; the callbacks must be short and do no I/O.
package final class Timers: Sendable {
    /// Names a callback that has been scheduled.
    package struct Token: Hashable, Sendable { fileprivate let id: Int }

    private struct State {
        var actions: [Token: @Sendable () -> Void] = [:]
        /// Deadlines, the earliest first; some of callbacks that have been cancelled.
        var queue = DeadlineQueue()
        var nextID = 0
        var running = false
        var stopping = false

        var earliest: Instant? { queue.first?.deadline }

        mutating func takeDue(_ now: Instant) -> [@Sendable () -> Void] {
            var due: [@Sendable () -> Void] = []
            while let first = queue.first, first.deadline <= now {
                queue.removeFirst()
                if let action = actions.removeValue(forKey: first.token) { due.append(action) }
            }
            return due
        }

        /// Clears away what cancelling has left, once that is most of it.
        mutating func tidy() {
            guard queue.count > 64, queue.count > 2 * actions.count else { return }
            queue.keep { actions[$0] != nil }
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
        let (token, mustStart, isEarliest) = state.withLock { state in
            let token = Token(id: state.nextID)
            state.nextID += 1
            let earliest = state.earliest
            state.actions[token] = action
            state.queue.insert(.init(deadline: deadline, token: token))
            defer { state.running = true }
            return (token, !state.running, earliest.map { deadline < $0 } ?? true)
        }
        if mustStart {
            _ = startThread("timers") { [self] in run() }
        } else if isEarliest {
            state.wakeAll()
        }
        return token
    }

    /// Forgets a callback; it may be running already.
    package func cancel(_ token: Token) {
        state.withLock { state in
            state.actions[token] = nil
            state.tidy()
        }
    }

    /// Ends the thread; callbacks that are still scheduled are forgotten.
    package func stop() {
        let running = state.withLock { state in
            state.stopping = true
            state.actions = [:]
            state.queue = DeadlineQueue()
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
