import TestSupport
import Testing

@testable import Store

/// What was called on a resource is forgotten while there is none.
///
/// So nothing of the next one can be lost.
@Suite struct ForgettingTests {
    /// How often the calls on a resource are forgotten, and how often while it is there, when it is
    /// made and removed twice.
    private static func count(
        _ resource: String, in store: Store, isThere: @escaping @Sendable () -> Bool,
        _ make: () throws -> Void, _ remove: () throws -> Void
    ) throws -> (all: Int, tooLate: Int) {
        let counts = Locked((all: 0, tooLate: 0))
        store.calls.whenForgotten { forgotten in
            guard forgotten == resource else { return }
            let isThere = isThere()
            counts.withLock {
                $0.all += 1
                $0.tooLate += isThere ? 1 : 0
            }
        }
        // Who listens holds the store that it listens to.
        defer { store.calls.whenForgotten { _ in } }
        for _ in 0..<2 {
            try make()
            try remove()
        }
        return counts.withLock { $0 }
    }

    @Test func callsOnAPoolAreForgottenWhileThereIsNone() throws {
        let store = try TemporaryStore()
        let pools = store.pools
        let (all, tooLate) = try Self.count(
            "pools/a", in: store.store, isThere: { pools.loaded("a") != nil },
            { _ = try pools.create("a", PoolOptions()) },
            { try pools.delete("a", keepFile: false) })
        #expect(all == 4 && tooLate == 0)
    }

    @Test func callsOnALogAreForgottenWhileThereIsNone() throws {
        let store = try TemporaryStore()
        let logs = store.logs
        let (all, tooLate) = try Self.count(
            "logs/a", in: store.store, isThere: { logs.loaded("a") != nil },
            { _ = try logs.open("a", LogOptions(), for: .service) },
            { try logs.delete("a", keepFiles: false) })
        #expect(all == 4 && tooLate == 0)
    }

    @Test func callsOnAJournalAreForgottenWhileThereIsNone() throws {
        let store = try TemporaryStore()
        let journals = store.store.journals
        let (all, tooLate) = try Self.count(
            "journals/a", in: store.store, isThere: { journals.loaded("a") != nil },
            { _ = try journals.open("a", JournalOptions()) },
            { try journals.delete("a", keepFiles: false) })
        #expect(all == 4 && tooLate == 0)
    }

    @Test func callsOnABufferPoolAreForgottenWhileThereIsNone() throws {
        let store = try TemporaryStore()
        let mpools = store.store.mpools
        let (all, tooLate) = try Self.count(
            "mpools/a", in: store.store, isThere: { mpools.loaded("a") != nil },
            { _ = try mpools.open("a", MPoolSettings()) },
            { try mpools.delete("a", force: true) })
        #expect(all == 4 && tooLate == 0)
    }
}
