/// Opens again, one after the other, what a registry held when the service ended.
///
/// Nobody has to wait for that: a request opens what it asks for at once.
final class Reopening: Sendable {
    private struct State {
        var done = 0
        var all = 0
        var isStopped = false
    }

    private let state = Locked(State())

    /// Calls `open` with each name that a resource can have, in order, on one of the threads.
    func start(
        _ found: [String], on workers: Workers, open: @escaping @Sendable (_ name: String) -> Void
    ) {
        let names = found.filter(ResourceName.isValid).sorted()
        guard !names.isEmpty else { return }
        state.withLock { $0.all = names.count }
        workers.submit { [self] in
            for name in names where !state.withLock({ $0.isStopped }) {
                open(name)
                state.withLock { $0.done += 1 }
            }
        }
    }

    /// Ends early, for the end of the process.
    func stop() { state.withLock { $0.isStopped = true } }

    /// How many have been looked at, of how many.
    var progress: (done: Int, all: Int) { state.withLock { ($0.done, $0.all) } }
}
