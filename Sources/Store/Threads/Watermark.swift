/// A position that only rises within one generation, and those who wait for it to pass a point.
///
/// Appenders' data is behind it once it is durable; readers that have caught up wait here.
package final class Watermark: Sendable {
    /// Why a wait ended.
    package enum Outcome: Sendable { case reached, timedOut, interrupted }

    private struct Waiter {
        let target: Int
        let timer: Timers.Token
        let resume: @Sendable (Outcome) -> Void
    }

    private struct State {
        var position: Int
        /// Nothing more will come.
        var hasEnded = false
        var waiters: [Int: Waiter] = [:]
        var nextID = 0
    }

    private let state: Locked<State>
    private let timers: Timers

    /// - Parameter position: everything before it exists already.
    package init(position: Int, timers: Timers) {
        state = Locked(State(position: position))
        self.timers = timers
    }

    /// Raises the position, and resumes those who waited for it, on the caller's thread.
    package func advance(to position: Int) {
        let reached = state.withLock { state in
            state.position = position
            guard !state.waiters.isEmpty else { return [Waiter]() }
            let reached = state.waiters.filter { $0.value.target <= position }
            for id in reached.keys { state.waiters[id] = nil }
            return Array(reached.values)
        }
        for waiter in reached {
            timers.cancel(waiter.timer)
            waiter.resume(.reached)
        }
    }

    /// Resumes everyone who waits, as interrupted.
    ///
    /// - Parameter position: where to go on if the position is set back.
    package func interrupt(restartingAt position: Int? = nil) {
        let interrupted = state.withLock { state in
            state.position = position ?? state.position
            let all = Array(state.waiters.values)
            state.waiters = [:]
            return all
        }
        for waiter in interrupted {
            timers.cancel(waiter.timer)
            waiter.resume(.interrupted)
        }
    }

    /// Resumes everyone who waits, and from now on whoever comes to wait.
    package func end() {
        state.withLock { $0.hasEnded = true }
        interrupt()
    }

    /// Calls `resume` exactly once: when the position has reached `target`, when `milliseconds`
    /// have passed, or when the position is set back or has ended.
    ///
    /// - Parameter isCurrent: whether what made the caller wait still holds. It is asked with the
    ///   lock held, and whoever changes that interrupts afterwards: so one of the two is seen.
    package func wait(
        until target: Int, milliseconds: Int, while isCurrent: () -> Bool = { true },
        _ resume: @escaping @Sendable (Outcome) -> Void
    ) {
        let outcome = state.withLock { state -> Outcome? in
            guard !state.hasEnded, isCurrent() else { return .interrupted }
            guard state.position < target else { return .reached }
            let id = state.nextID
            state.nextID += 1
            let timer = timers.schedule(afterMilliseconds: milliseconds) { [self] in expire(id) }
            state.waiters[id] = Waiter(target: target, timer: timer, resume: resume)
            return nil
        }
        if let outcome { resume(outcome) }
    }

    private func expire(_ id: Int) {
        let waiter = state.withLock { $0.waiters.removeValue(forKey: id) }
        waiter?.resume(.timedOut)
    }
}
