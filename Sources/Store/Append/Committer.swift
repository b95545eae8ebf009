import Synchronization

/// What an engine does for its committer, which calls it from one thread at a time.
package protocol CommitEngine: AnyObject, Sendable {
    /// What figures are counted under.
    static var kind: CommitKind { get }

    /// So many flushes take what was written to stable storage.
    ///
    /// Where it is more than one, each takes every batch that was written one step further, so that the
    /// last of one can be the first of the next.
    static var flushesToSettle: Int { get }

    /// Decides on each append in order and writes those that are admitted.
    ///
    /// Says for each how safe it is now. An error that is not an append's own fault answers every append
    /// that it touches.
    func write(_ batch: [Append]) -> [Result<Appended, StoreError>]

    /// Puts on stable storage what was written, or takes it one step further; called only if an append
    /// wants more than `write` gave it.
    func flush() throws(StoreError)
}

extension CommitEngine {
    package static var flushesToSettle: Int { 1 }
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

    /// Appends that were written together and wait for stable storage.
    private struct Written {
        let appends: [(pending: Pending, result: Result<Appended, StoreError>)]
        var report: CommitBudget.Report
        var flushesLeft = Engine.flushesToSettle
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
        let started = Instant.now
        let failure = flushEngine()
        observeFlush(Instant.now.nanoseconds(since: started), failure)
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

    /// - Parameter before: what was written and waits still, the oldest first.
    private func run(_ before: [Written] = []) {
        var written = before
        var last = (tasks: 0, nanoseconds: 0)
        while true {
            if written.isEmpty { waitForCompany(after: last) }
            let tasks = take(last.tasks, isDone: written.isEmpty)
            if tasks.isEmpty, written.isEmpty { return }
            let started = Instant.now
            if tasks.isEmpty { flush(&written) }
            runInOrder(tasks, &written)
            last = (tasks.count, Instant.now.nanoseconds(since: started))
            // Other logs wait for a thread: let them have this one before the next turn.
            if workers.isContended { return workers.submit { [self, written] in run(written) } }
        }
    }

    /// What waits now; if that is nothing and all else is done, the next who comes starts anew.
    private func take(_ expected: Int, isDone: Bool) -> [Task] {
        var next: [Task] = []
        next.reserveCapacity(expected)
        return state.withLock { [next] state in
            let tasks = state.tasks
            state.tasks = next
            state.isScheduled = !tasks.isEmpty || !isDone
            return tasks
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

    private func runInOrder(_ tasks: [Task], _ written: inout [Written]) {
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
                    commit(batch, &written)
                    batch = []
                    bytes = 0
                }
                batch.append(pending)
                bytes += pending.append.bytes.count
            case .operation(let operation):
                if !batch.isEmpty { commit(batch, &written) }
                batch = []
                bytes = 0
                while !written.isEmpty { flush(&written) }
                operation(engine)
            }
        }
        if !batch.isEmpty { commit(batch, &written) }
    }

    /// Writes a batch, and flushes it as far as one flush goes.
    private func commit(_ batch: [Pending], _ written: inout [Written]) {
        var report = CommitBudget.Report(kind: Engine.kind)
        let outcomes = Array(zip(batch, engine.write(batch.map(\.append))))
        for (pending, result) in outcomes { report.add(pending.append, result) }
        report.isCommit = report.records > 0
        let isUnderWay = !written.isEmpty || outcomes.contains(where: Self.wantsFlush)
        var waiting: [(pending: Pending, result: Result<Appended, StoreError>)] = []
        var answered: [(Pending, Result<Appended, StoreError>)] = []
        for (pending, result) in outcomes {
            if Self.wantsFlush(pending, result) || (isUnderWay && Self.tellsTail(result)) {
                waiting.append((pending, result))
            } else {
                answered.append((pending, result))
            }
        }
        if waiting.isEmpty {
            answer(answered, &report)
        } else {
            addWaits(of: answered, to: &report)
            for (pending, result) in answered { answer(pending, result) }
            written.append(Written(appends: waiting, report: report))
        }
        if !written.isEmpty { flush(&written) }
    }

    private static func wantsFlush(
        _ pending: Pending, _ result: Result<Appended, StoreError>
    ) -> Bool {
        guard case .success(let appended) = result else { return false }
        return appended.durability < pending.append.durability
    }

    /// Whether a refusal says how far the log has come: who sees its own append in that takes it for
    /// acknowledged, so it must be on stable storage too.
    private static func tellsTail(_ result: Result<Appended, StoreError>) -> Bool {
        if case .failure(.positionMismatch) = result { true } else { false }
    }

    /// Takes all that was written a step further, and answers what has come to its end.
    private func flush(_ written: inout [Written]) {
        let started = Instant.now
        let failure = flushEngine()
        let nanoseconds = Instant.now.nanoseconds(since: started)
        for index in written.indices { written[index].flushesLeft -= 1 }
        let count = failure == nil ? written.prefix { $0.flushesLeft == 0 }.count : written.count
        if count == 0 { observeFlush(nanoseconds, nil) }
        for (number, var done) in written.prefix(count).enumerated() {
            // One flush, whatever it has ended.
            if number == 0 { done.report.flushNanoseconds = nanoseconds }
            done.report.failed = done.report.failed || failure != nil
            answer(done.appends.map { ($0, Self.flushed($1, failure)) }, &done.report)
        }
        written.removeFirst(count)
    }

    private func flushEngine() -> StoreError? {
        do throws(StoreError) {
            try engine.flush()
            return nil
        } catch {
            return error
        }
    }

    /// Counts a flush that ended no commit.
    private func observeFlush(_ nanoseconds: Int, _ failure: StoreError?) {
        var report = CommitBudget.Report(kind: Engine.kind)
        report.flushNanoseconds = nanoseconds
        report.failed = failure != nil
        budget.observe(report)
    }

    /// What was written, after a flush.
    private static func flushed(
        _ written: Result<Appended, StoreError>, _ failure: StoreError?
    ) -> Result<Appended, StoreError> {
        // Also if the log has failed since it was written: it may be there or not.
        if let failure { return .failure(failure.asUnknown(of: "the \(Engine.kind)")) }
        return written.map { appended in
            var appended = appended
            appended.durability = .synced
            return appended
        }
    }

    /// Counted before they are answered: who reads the figures afterwards finds it in them.
    private func answer(
        _ outcomes: [(Pending, Result<Appended, StoreError>)], _ report: inout CommitBudget.Report
    ) {
        addWaits(of: outcomes, to: &report)
        budget.observe(report)
        for (pending, result) in outcomes { answer(pending, result) }
    }

    private func addWaits(
        of outcomes: [(Pending, Result<Appended, StoreError>)], to report: inout CommitBudget.Report
    ) {
        let now = Instant.now
        for (pending, result) in outcomes {
            guard case .success = result else { continue }
            report.waits.append(
                .init(
                    durability: pending.append.durability,
                    nanoseconds: now.nanoseconds(since: pending.queued)))
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
