/// Names of what should be open and could not be opened, until it is or need not be any more.
package final class UnopenedNames: Sendable {
    private let names = Locked<Set<String>>([])

    /// All of them, in no order.
    package var all: [String] { names.withLock { Array($0) } }

    func add(_ name: String) { _ = names.withLock { $0.insert(name) } }

    func remove(_ name: String) { _ = names.withLock { $0.remove(name) } }

    /// Does what opening the name needs, and notes that it failed.
    func noting<Result: ~Copyable>(
        _ name: String, _ body: () throws(StoreError) -> Result
    ) throws(StoreError) -> Result {
        do throws(StoreError) {
            return try body()
        } catch {
            add(name)
            throw error
        }
    }
}
