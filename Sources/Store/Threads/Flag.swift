import Synchronization

/// Something that happens once, and that any thread may ask for.
package final class Flag: Sendable {
    private let value = Atomic(false)

    package init() {}

    package func set() { value.store(true, ordering: .releasing) }

    package var isSet: Bool { value.load(ordering: .acquiring) }
}
