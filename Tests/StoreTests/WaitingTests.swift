import TestSupport
import Testing

@testable import Store

/// Waits that begin when what they wait for has ended already.
@Suite struct WaitingTests {
    /// How a wait for the next record ends, at once.
    private static func outcome(_ watermark: Watermark, at position: Int) -> Watermark.Outcome? {
        let outcome = Locked<Watermark.Outcome?>(nil)
        watermark.wait(until: position + 1, milliseconds: 60_000) { result in
            outcome.withLock { $0 = result }
        }
        return outcome.withLock { $0 }
    }

    @Test func nobodyWaitsForAPoolThatWasClosed() throws {
        let store = try TemporaryStore()
        let pool = try store.pools.create("a", PoolOptions()).log
        let seen = pool.view.tell
        _ = try store.pools.close("a")
        #expect(Self.outcome(pool.watermark, at: seen) == .interrupted)
    }

    @Test func nobodyWaitsForALogThatWasClosed() throws {
        let store = try TemporaryStore()
        let log = try store.logs.open("a", LogOptions(), for: .service).log
        let seen = log.view.position
        _ = try store.logs.close("a", by: .service)
        #expect(Self.outcome(log.watermark, at: seen) == .interrupted)
        #expect(Self.outcome(log.promisedWatermark, at: seen) == .interrupted)
    }

    @Test func nobodyWaitsForAJournalThatWasClosed() throws {
        let store = try TemporaryStore()
        let journal = try store.store.journals.open("a", JournalOptions()).journal
        let seen = journal.watermarkSeen
        try store.store.journals.close("a")
        #expect(Self.outcome(journal.watermark, at: seen) == .interrupted)
        #expect(Self.outcome(journal.promised.watermark, at: seen) == .interrupted)
    }

    @Test func nobodyWaitsForWhatARewindHasTaken() throws {
        let store = try TemporaryStore()
        let pool = try store.pools.create("a", PoolOptions()).log
        _ = try pool.appendAndWait([1])
        let view = pool.view
        _ = try pool.rewindAndWait()
        let outcome = Locked<Watermark.Outcome?>(nil)
        pool.watermark.wait(
            until: view.tell + 1, milliseconds: 60_000,
            while: { pool.view.generation == view.generation }
        ) { result in outcome.withLock { $0 = result } }
        #expect(outcome.withLock { $0 } == .interrupted)
    }
}
