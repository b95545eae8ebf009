import Synchronization

/// How much the bodies that are being received may take in memory, all together.
final class BodyBudget: Sendable {
    private let limit: Int
    private let taken = Atomic(0)

    init(limit: Int) { self.limit = limit }

    /// Bytes that are held now.
    var heldBytes: Int { taken.load(ordering: .relaxed) }

    /// Takes room for `count` more bytes of a body of which `held` have been taken already; false
    /// if there is none.
    ///
    /// A body that is alone always has room.
    func reserve(_ count: Int, held: Int) -> Bool {
        let total = taken.add(count, ordering: .relaxed).newValue
        guard total > limit, total > held + count else { return true }
        release(count)
        return false
    }

    func release(_ count: Int) {
        if count > 0 { taken.subtract(count, ordering: .relaxed) }
    }
}
