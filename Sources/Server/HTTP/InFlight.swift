import Store
import Synchronization

/// The requests that have begun and not ended; the end of the service waits for there to be none.
final class InFlight: Sendable {
    private let requests = Atomic(0)
    private let isAwaited = Atomic(false)
    /// What the one who waits sleeps on; ending a request takes the lock only for it.
    private let turn = Locked(())

    var count: Int { requests.load(ordering: .relaxed) }

    func begin() { requests.add(1, ordering: .relaxed) }

    func end() {
        let left = requests.subtract(1, ordering: .sequentiallyConsistent).newValue
        guard left == 0, isAwaited.load(ordering: .sequentiallyConsistent) else { return }
        // Once it has the lock, who waits is asleep, or has yet to look.
        turn.withLock { _ in }
        turn.wakeAll()
    }

    /// Returns when there is none, or at `deadline`.
    func waitForNone(before deadline: Instant? = nil) {
        isAwaited.store(true, ordering: .sequentiallyConsistent)
        let isNone: (inout Void) -> Bool = { [self] _ in
            requests.load(ordering: .sequentiallyConsistent) == 0
        }
        if let deadline {
            turn.whenReady(before: deadline, isNone) { _ in }
        } else {
            turn.whenReady(isNone) { _ in }
        }
    }
}
