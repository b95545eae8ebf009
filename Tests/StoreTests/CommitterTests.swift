import Synchronization
import Testing

@testable import Store

@Suite struct CommitterTests {
    /// An engine whose records are only written until it is asked to flush.
    private final class TwoStepEngine: CommitEngine {
        static let kind = CommitKind.log

        let flushes = Atomic(0)
        let failure = Locked<StoreError?>(nil)

        func write(_ batch: [Append]) -> [Result<Appended, StoreError>] {
            batch.map { _ in
                .success(Appended(first: 0, next: 1, generation: 1, durability: .written))
            }
        }

        func flush() throws(StoreError) {
            flushes.add(1, ordering: .relaxed)
            if let failure = failure.withLock({ $0 }) { throw failure }
        }
    }

    /// Appends one by one and gives the outcomes in the order of the answers.
    private func outcomes(
        of levels: [Durability], on engine: TwoStepEngine
    ) throws -> [Result<Durability, StoreError>] {
        let workers = Workers(name: "test", limit: 1)
        let committer = Committer(
            engine: engine, workers: workers, budget: CommitBudget(requests: 99, bytes: 99))
        let outcomes = Locked<[Result<Durability, StoreError>]>([])
        for level in levels {
            try committer.append(Append(bytes: [1], lengths: [1], durability: level)) { result in
                outcomes.withLock { $0.append(result.map(\.durability)) }
            }
        }
        workers.stop()
        return outcomes.withLock { $0 }
    }

    @Test func recordsThatNeedNoMoreAreAnsweredWithoutAFlush() throws {
        let engine = TwoStepEngine()
        #expect(
            try outcomes(of: [.written, .written], on: engine) == [
                .success(.written), .success(.written),
            ])
        #expect(engine.flushes.load(ordering: .relaxed) == 0)
    }

    @Test func recordsThatMustBeSyncedWaitForTheFlush() throws {
        let engine = TwoStepEngine()
        #expect(try outcomes(of: [.synced], on: engine) == [.success(.synced)])
        #expect(engine.flushes.load(ordering: .relaxed) == 1)
    }

    @Test func aFailedFlushAnswersAllThatWaitedForIt() throws {
        let engine = TwoStepEngine()
        let failure = StoreError.syncFailed(.init(call: "fdatasync", errno: 5, file: "f"))
        engine.failure.withLock { $0 = failure }
        #expect(try outcomes(of: [.synced], on: engine) == [.failure(failure)])
        #expect(try outcomes(of: [.written], on: engine) == [.success(.written)])
    }
}

/// Two flushes until a batch is on stable storage, each of which takes all batches a step further.
@Suite struct PipelineTests {
    /// Writes down what it is asked, and can be kept in a flush.
    private final class TwoFlushEngine: CommitEngine {
        static let kind = CommitKind.pool
        static let flushesToSettle = 2

        let asked = Locked<[String]>([])
        let failingFlush = Locked<Int?>(nil)
        let mayFlush = Locked(true)

        func write(_ batch: [Append]) -> [Result<Appended, StoreError>] {
            asked.withLock { $0.append("write \(batch.count)") }
            asked.wakeAll()
            return batch.map { append in
                append.bytes.isEmpty
                    ? .failure(
                        append.lengths.isEmpty
                            ? .positionMismatch(position: 1, generation: 1) : .readOnlyMode)
                    : .success(Appended(first: 0, next: 1, generation: 1, durability: .written))
            }
        }

        func flush() throws(StoreError) {
            mayFlush.whenReady({ $0 }) { _ in }
            let number = asked.withLock { asked in
                asked.append("flush")
                return asked.count { $0 == "flush" }
            }
            if failingFlush.withLock({ $0 }) == number { throw Self.failure }
        }

        static var failure: StoreError {
            .syncFailed(.init(call: "fdatasync", errno: 5, file: "f"))
        }
    }

    private let engine = TwoFlushEngine()
    private let workers = Workers(name: "test", limit: 1)

    /// Appends one record, then all others while the first flush goes on; the outcomes by name.
    private func run(
        _ others: [String], failingFlush: Int? = nil
    ) throws -> [String: Result<Durability, StoreError>] {
        let outcomes = Locked<[String: Result<Durability, StoreError>]>([:])
        let committer = Committer(
            engine: engine, workers: workers, budget: CommitBudget(requests: 99, bytes: 99))
        let append = { (name: String) throws(StoreError) in
            let bytes: [UInt8] = name == "refused" || name == "mismatch" ? [] : [1]
            let lengths = name == "mismatch" ? [] : [bytes.count]
            try committer.append(Append(bytes: bytes, lengths: lengths)) { [engine] result in
                engine.asked.withLock { $0.append("answer \(name)") }
                outcomes.withLock { $0[name] = result.map(\.durability) }
            }
        }
        engine.failingFlush.withLock { $0 = failingFlush }
        engine.mayFlush.withLock { $0 = false }
        try append("first")
        engine.asked.whenReady({ !$0.isEmpty }) { _ in }
        for other in others {
            if other == "operation" {
                committer.perform { engine in engine.asked.withLock { $0.append("operation") } }
            } else {
                try append(other)
            }
        }
        engine.mayFlush.withLock { $0 = true }
        engine.mayFlush.wakeAll()
        workers.stop()
        return outcomes.withLock { $0 }
    }

    @Test func oneAppendTakesTwoFlushes() throws {
        #expect(try run([]) == ["first": .success(.synced)])
        #expect(engine.asked.withLock { $0 } == ["write 1", "flush", "flush", "answer first"])
    }

    @Test func aBatchSecondFlushIsTheFirstOfTheNext() throws {
        #expect(
            try run(["a", "b"]) == [
                "first": .success(.synced), "a": .success(.synced), "b": .success(.synced),
            ])
        #expect(
            engine.asked.withLock { $0 } == [
                "write 1", "flush", "write 2", "flush", "answer first", "flush", "answer a",
                "answer b",
            ])
    }

    @Test func aFlushThatFailsAnswersAllThatWereOnTheirWay() throws {
        let outcomes = try run(["a"], failingFlush: 2)
        #expect(
            outcomes == [
                "first": .failure(TwoFlushEngine.failure), "a": .failure(TwoFlushEngine.failure),
            ])
    }

    @Test func anOperationComesAfterAllThatWereOnTheirWay() throws {
        _ = try run(["operation"])
        #expect(
            engine.asked.withLock { $0 } == [
                "write 1", "flush", "flush", "answer first", "operation",
            ])
    }

    @Test func appendsThatAreRefusedDoNotHoldUpThoseOnTheirWay() throws {
        let outcomes = try run(["refused"])
        #expect(
            outcomes == ["first": .success(.synced), "refused": .failure(.readOnlyMode)])
        #expect(
            engine.asked.withLock { $0 } == [
                "write 1", "flush", "write 1", "answer refused", "flush", "answer first",
            ])
    }

    @Test func aRefusalThatTellsTheTailWaitsUntilThatIsDurable() throws {
        let mismatch = StoreError.positionMismatch(position: 1, generation: 1)
        let outcomes = try run(["mismatch"])
        #expect(outcomes == ["first": .success(.synced), "mismatch": .failure(mismatch)])
        #expect(
            engine.asked.withLock { $0 }.firstIndex(of: "answer first")
                .map { $0 < engine.asked.withLock { $0 }.firstIndex(of: "answer mismatch") ?? 0 }
                == true)
    }

    @Test func aRefusalThatTellsTheTailIsUnknownIfThatDoesNotBecomeDurable() throws {
        let outcomes = try run(["mismatch"], failingFlush: 2)
        #expect(outcomes["mismatch"] == .failure(TwoFlushEngine.failure))
    }
}

@Suite struct CommitBudgetTests {
    /// An engine that waits until it may go on.
    private final class SlowEngine: CommitEngine {
        static let kind = CommitKind.log

        let mayGoOn = Locked(false)

        func flush() {}

        func write(_ batch: [Append]) -> [Result<Appended, StoreError>] {
            mayGoOn.whenReady({ $0 }) { _ in }
            return batch.map { _ in
                .success(Appended(first: 0, next: 0, generation: 1, durability: .synced))
            }
        }
    }

    @Test func whatDoesNotFitIntoTheQueuesIsRefusedAtOnce() throws {
        let workers = Workers(name: "test", limit: 1)
        let engine = SlowEngine()
        let budget = CommitBudget(requests: 3, bytes: 10)
        let committer = Committer(engine: engine, workers: workers, budget: budget)
        let answered = Atomic(0)
        let append = { (size: Int) throws(StoreError) in
            try committer.append(
                Append(bytes: [UInt8](repeating: 0, count: size), lengths: [size])
            ) { _ in answered.add(1, ordering: .relaxed) }
        }
        try append(4)
        try append(4)
        #expect(throws: StoreError.self) { try append(4) }
        try append(2)
        #expect(throws: StoreError.self) { try append(0) }
        engine.mayGoOn.withLock { $0 = true }
        engine.mayGoOn.wakeAll()
        workers.stop()
        #expect(answered.load(ordering: .relaxed) == 3)
        #expect(budget.queuedRequests == 0)
    }
}
