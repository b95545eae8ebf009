/// Lets one thread at a time do something with each name.
final class NameTurns: Sendable {
    private let busy = Locked<Set<String>>([])
    /// The threads that wait here for each other.
    private let workers: Workers

    init(on workers: Workers) { self.workers = workers }

    /// Runs `body` when nobody else is busy with `name`.
    func with<Result>(
        _ name: String, _ body: () throws(StoreError) -> Result
    ) throws(StoreError) -> Result {
        let isFree = busy.withLock { $0.insert(name).inserted }
        if !isFree {
            workers.whileBlocked {
                busy.whenReady({ !$0.contains(name) }) { _ = $0.insert(name) }
            }
        }
        defer {
            busy.withLock { _ = $0.remove(name) }
            busy.wakeAll()
        }
        return try body()
    }
}
