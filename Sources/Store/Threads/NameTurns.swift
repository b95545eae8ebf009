/// Lets one thread at a time do something with each name.
final class NameTurns: Sendable {
    private let busy = Locked<Set<String>>([])

    /// Runs `body` when nobody else is busy with `name`.
    func with<Result>(
        _ name: String, _ body: () throws(StoreError) -> Result
    ) throws(StoreError) -> Result {
        busy.whenReady({ !$0.contains(name) }) { _ = $0.insert(name) }
        defer {
            busy.withLock { _ = $0.remove(name) }
            busy.wakeAll()
        }
        return try body()
    }
}
