import Synchronization

/// What an engine does for its committer, which calls it from one thread at a time.
package protocol CommitEngine: AnyObject, Sendable {
    /// What figures are counted under.
    static var kind: CommitKind { get }

    /// Decides on each append in order and writes those that are admitted.
    ///
    /// Says for each how safe it is now; an engine whose writing and flushing are one says synced.
    /// An error that is not an append's own fault answers every append that it touches.
    func write(_ batch: [Append]) -> [Result<Appended, StoreError>]

    /// Puts on stable storage what was written; called only if an append wants more than `write`
    /// gave it.
    func flush() throws(StoreError)
}

/// The kinds of logs that commit.
package enum CommitKind: String, CaseIterable, Sendable { case pool, log, journal }

/// Group commit for one log: what waits is written together and flushed once.
///
/// Appends and operations run in the order in which they came, one at a time, on the threads of
/// `workers`; a log that has nothing to do holds no thread.
package final class Committer<Engine: CommitEngine>: Sendable {
    package typealias Completion = @Sendable (Result<Appended, StoreError>) -> Void

    private struct Pending {
        let append: Append
        let queued: Instant
        let complete: Completion
    }

    private enum Task {
        case append(Pending)
        case operation(@Sendable (Engine) -> Void)
    }

    private struct State {
        var tasks: [Task] = []
        var isScheduled = false
        /// So many tasks end the wait for company.
        var wanted = Int.max
    }

    package let engine: Engine
    private let workers: Workers
    private let budget: CommitBudget
    private let state = Locked(State())

    /// A batch is cut here, so that one flush does not make everyone wait for megabytes.
    private static var batchBytes: Int { 4 << 20 }

    package init(engine: Engine, workers: Workers, budget: CommitBudget) {
        self.engine = engine
        self.workers = workers
        self.budget = budget
    }

    /// Queues an append; `complete` is called once, on a worker's thread, when its fate is known.
    ///
    /// - Throws: `.overloaded` if the queues are full; then nothing was queued.
    package func append(_ append: Append, complete: @escaping Completion) throws(StoreError) {
        try budget.reserve(bytes: append.bytes.count)
        enqueue(.append(Pending(append: append, queued: .now, complete: complete)))
    }

    /// Queues an append that was promised to be taken, whatever waits already.
    package func take(_ append: Append, complete: @escaping Completion) {
        budget.exceed(bytes: append.bytes.count)
        enqueue(.append(Pending(append: append, queued: .now, complete: complete)))
    }

    /// Runs `operation` alone, after everything that was queued before it.
    package func perform(_ operation: @escaping @Sendable (Engine) -> Void) {
        enqueue(.operation(operation))
    }

    /// Counts records that came in without a commit of their own.
    package func observe(records: Int, bytes: Int) {
        budget.observe(
            CommitBudget.Report(
                kind: Engine.kind, records: records, bytes: bytes,
                waits: [.init(durability: .accepted, nanoseconds: 0)]))
    }

    /// Puts on stable storage what was written, and counts that; for operations, in their turn.
    func flush() throws(StoreError) {
        var report = CommitBudget.Report(kind: Engine.kind)
        let failure = flush(&report)
        budget.observe(report)
        if let failure { throw failure }
    }

    private func enqueue(_ task: Task) {
        let (mustSchedule, mustWake) = state.withLock { state in
            state.tasks.append(task)
            defer { state.isScheduled = true }
            return (!state.isScheduled, state.tasks.count == state.wanted)
        }
        if mustSchedule { workers.submit { [self] in run() } }
        if mustWake { state.wakeAll() }
    }

    private func run() {
        var last = (tasks: 0, nanoseconds: 0)
        while true {
            waitForCompany(after: last)
            var next: [Task] = []
            next.reserveCapacity(last.tasks)
            let tasks = state.withLock { [next] state in
                let tasks = state.tasks
                state.tasks = next
                state.isScheduled = !tasks.isEmpty
                return tasks
            }
            if tasks.isEmpty { return }
            let started = Instant.now
            runInOrder(tasks)
            last = (tasks.count, Instant.now.nanoseconds(since: started))
            // Other logs wait for a thread: let them have this one before the next turn.
            if workers.isContended { return workers.submit { [self] in run() } }
        }
    }

    /// Those who were just answered are likely to append again at once: a flush for the first of
    /// them alone would keep the others waiting for the next.
    ///
    /// So up to the time of a flush is given to them to come back, and none to a writer that
    /// is alone.
    private func waitForCompany(after last: (tasks: Int, nanoseconds: Int)) {
        guard last.tasks >= 4 else { return }
        let wanted = last.tasks * 15 / 16
        let deadline = Instant(
            nanoseconds: Instant.now.nanoseconds + min(last.nanoseconds, 1_000_000))
        state.withLock { $0.wanted = wanted }
        state.whenReady(before: deadline, { $0.tasks.count >= wanted }) { $0.wanted = .max }
    }

    private func runInOrder(_ tasks: [Task]) {
        var batch: [Pending] = []
        batch.reserveCapacity(tasks.count)
        var bytes = 0
        var names: Set<KeyDigest> = []
        for task in tasks {
            switch task {
            case .append(let pending):
                // One that comes again is told what became of the first.
                let isRepeated = pending.append.key.map { !names.insert($0.name).inserted } ?? false
                let isLarge = bytes + pending.append.bytes.count > Self.batchBytes
                if isRepeated || isLarge, !batch.isEmpty {
                    commit(batch)
                    batch = []
                    bytes = 0
                }
                batch.append(pending)
                bytes += pending.append.bytes.count
            case .operation(let operation):
                if !batch.isEmpty { commit(batch) }
                batch = []
                bytes = 0
                operation(engine)
            }
        }
        if !batch.isEmpty { commit(batch) }
    }

    private func commit(_ batch: [Pending]) {
        let started = Instant.now
        var report = CommitBudget.Report(kind: Engine.kind)
        let results = engine.write(batch.map(\.append))
        for (pending, result) in zip(batch, results) { report.add(pending.append, result) }
        report.isCommit = report.records > 0
        // A pool's writing and flushing are one.
        if Engine.kind == .pool, report.records > 0 || report.failed {
            report.flushNanoseconds = Instant.now.nanoseconds(since: started)
        }
        let mustFlush = zip(batch, results).contains(where: Self.wantsFlush)
        var failure: StoreError?
        if mustFlush {
            for (pending, result) in zip(batch, results) where !Self.wantsFlush(pending, result) {
                answer(pending, result)
            }
            failure = flush(&report)
        }
        // Counted before it is answered: who reads the figures afterwards finds it in them.
        if !report.failed {
            let now = Instant.now
            report.waits = zip(batch, results).compactMap { pending, result in
                guard case .success = result else { return nil }
                return .init(
                    durability: pending.append.durability,
                    nanoseconds: now.nanoseconds(since: pending.queued))
            }
        }
        budget.observe(report)
        for (pending, result) in zip(batch, results) {
            if Self.wantsFlush(pending, result) {
                answer(pending, Self.flushed(result, failure))
            } else if !mustFlush {
                answer(pending, result)
            }
        }
    }

    private static func wantsFlush(
        _ pending: Pending, _ result: Result<Appended, StoreError>
    ) -> Bool {
        guard case .success(let appended) = result else { return false }
        return appended.durability < pending.append.durability
    }

    private func flush(_ report: inout CommitBudget.Report) -> StoreError? {
        let started = Instant.now
        defer { report.flushNanoseconds = Instant.now.nanoseconds(since: started) }
        do throws(StoreError) {
            try engine.flush()
            return nil
        } catch {
            report.failed = true
            return error
        }
    }

    /// What was written, after a flush.
    private static func flushed(
        _ written: Result<Appended, StoreError>, _ failure: StoreError?
    ) -> Result<Appended, StoreError> {
        if let failure { return .failure(failure) }
        return written.map { appended in
            var appended = appended
            appended.durability = .synced
            return appended
        }
    }

    private func answer(_ pending: Pending, _ result: Result<Appended, StoreError>) {
        budget.release(bytes: pending.append.bytes.count)
        pending.complete(result)
    }
}

/// How much may wait in all commit queues together, and who is told of each commit.
package final class CommitBudget: Sendable {
    /// How long one append waited from its queueing to its answer.
    package struct Wait: Sendable {
        package let durability: Durability
        package let nanoseconds: Int
    }

    /// What one commit took in, or a flush without one, and how long it took.
    package struct Report: Sendable {
        package let kind: CommitKind
        package fileprivate(set) var records = 0
        package fileprivate(set) var bytes = 0
        /// Appends that had been done before, and were not done again.
        package fileprivate(set) var replays = 0
        /// Whether records were written together.
        package fileprivate(set) var isCommit = false
        /// Of each append that succeeded.
        package fileprivate(set) var waits: [Wait] = []
        /// Nil if nothing was flushed.
        package fileprivate(set) var flushNanoseconds: Int?
        /// Whether the flush failed.
        package fileprivate(set) var failed = false

        fileprivate mutating func add(_ append: Append, _ result: Result<Appended, StoreError>) {
            switch result {
            case .success(let appended) where appended.replay != nil: replays += 1
            case .success:
                records += append.lengths.count
                bytes += append.bytes.count
            case .failure(.syncFailed): failed = true
            case .failure: break
            }
        }
    }

    private let requestLimit: Int
    private let byteLimit: Int
    private let requests = Atomic(0)
    private let bytes = Atomic(0)
    private let observer: @Sendable (Report) -> Void

    package init(
        requests: Int, bytes: Int, observer: @escaping @Sendable (Report) -> Void = { _ in }
    ) {
        requestLimit = requests
        byteLimit = bytes
        self.observer = observer
    }

    /// Appends that wait now.
    package var queuedRequests: Int { requests.load(ordering: .relaxed) }

    fileprivate func observe(_ report: Report) { observer(report) }

    fileprivate func reserve(bytes count: Int) throws(StoreError) {
        let queued = requests.add(1, ordering: .relaxed).newValue
        let size = bytes.add(count, ordering: .relaxed).newValue
        // One append always fits into empty queues, however large it is.
        guard queued > requestLimit || (size > byteLimit && queued > 1) else { return }
        release(bytes: count)
        throw .overloaded(detail: "\(queued - 1) appends of \(size - count) bytes wait already")
    }

    fileprivate func exceed(bytes count: Int) {
        requests.add(1, ordering: .relaxed)
        bytes.add(count, ordering: .relaxed)
    }

    fileprivate func release(bytes count: Int) {
        requests.subtract(1, ordering: .relaxed)
        bytes.subtract(count, ordering: .relaxed)
    }
}
