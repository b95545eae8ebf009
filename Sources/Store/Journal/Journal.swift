/// An open journal with its appenders, cursors and walks.
///
/// Whatever changes the log runs in its committer's order; readers read the files below what has
/// been published and hold nothing that a writer needs.
package final class Journal: FencedLog, Sendable {
    package typealias State = LogState

    /// The state at one moment.
    package struct View: Sendable {
        package var state = State.open
        /// Behind the last record that is written.
        package var end: LSN
        /// Everything before is on stable storage.
        package var synced: LSN
        /// The last record that somebody wrote; `LSN.none` before there is one.
        package var last: LSN
        var transaction: UInt64
        package var generation: Int
        /// Records since the opening.
        var records = 0
        /// Those of them that are on stable storage.
        var syncedRecords = 0
    }

    package let name: String
    /// The directory, relative to the data directory.
    package var path: String { files.directory.path }
    package let opened: JournalOpened
    /// Eight hexadecimal digits that a journal made anew does not have.
    package let identity: String
    package let statistics: JournalStatistics
    /// Rises with each record.
    package let watermark: Watermark
    /// Rises when records are on stable storage.
    private let durable: Watermark
    /// Whether its closing was a removal.
    package let isDeleted = Flag()
    let files: JournalFiles
    package let holds: ArchiveHolds
    let committer: Committer<JournalEngine>?
    /// Whether somebody else's tables lie beside the log files.
    let isForeign: Bool

    private let current: Locked<JournalSettings>
    private let idle: Locked<View>
    private let checkpointed: Locked<LSN>
    /// The lock of the directory, held while this exists or until it is closed.
    private let lock: Locked<DirectoryLock?>

    /// A journal that is written.
    init(
        _ opened: consuming JournalOpening.Opened, name: String, identity: String,
        settings: JournalSettings, checkpoint: LSN, gate: AppendGate, statistics: JournalStatistics,
        services: LogServices
    ) {
        self.name = name
        self.identity = identity
        self.statistics = statistics
        self.opened = opened.result
        isForeign = opened.isForeign
        files = opened.files
        holds = ArchiveHolds()
        current = Locked(settings)
        checkpointed = Locked(checkpoint)
        idle = Locked(View(end: .none, synced: .none, last: .none, transaction: 0, generation: 0))
        lock = Locked(opened.lock)
        let engine = JournalEngine(
            opened, name: name, identity: identity, gate: gate, timers: services.timers,
            statistics: statistics)
        watermark = engine.watermark
        durable = engine.durable
        committer = Committer(
            engine: engine, workers: services.committers, budget: services.budget)
    }

    /// A journal that is only read.
    init(
        _ files: JournalFiles, name: String, identity: String, settings: JournalSettings,
        generation: Int, services: LogServices
    ) {
        self.name = name
        self.identity = identity
        self.files = files
        statistics = files.statistics
        opened = .ok
        isForeign = true
        holds = ArchiveHolds()
        current = Locked(settings)
        checkpointed = Locked(.none)
        lock = Locked(nil)
        idle = Locked(
            View(end: .none, synced: .none, last: .none, transaction: 0, generation: generation))
        watermark = Watermark(position: 0, timers: services.timers)
        durable = watermark
        committer = nil
    }

    package var settings: JournalSettings { current.withLock { $0 } }
    package var view: View { committer?.engine.view ?? idle.withLock { $0 } }
    package var isReadOnly: Bool { committer == nil }

    /// Where the last checkpoint began; `LSN.none` before there is one.
    package var checkpointLSN: LSN { checkpointed.withLock { $0 } }

    /// The beginning of the first file that is there; nil if there is none.
    package func firstLSN() throws(StoreError) -> LSN? {
        try files.directory.numbers().first.map {
            LSN(file: $0, offset: UInt32(RecordHeader.alignment))
        }
    }

    func change(_ settings: JournalSettings, generation: Int) {
        current.withLock { $0 = settings }
        idle.withLock { $0.generation = generation }
        committer?.engine.setGeneration(generation)
    }

    /// Answers those who wait for records as if their time had run out.
    package func endWaits() {
        watermark.interrupt()
        durable.interrupt()
    }

    // MARK: - Writing

    package typealias AppendCompletion = @Sendable (Result<Appended, StoreError>) -> Void

    /// Appends records that `RecordEncoder` has put together; WT_SESSION::log_printf, or a commit.
    ///
    /// - Parameters:
    ///   - tally: what became of them as they were put together.
    ///   - complete: called once, on another thread; positions are those of LSNs.
    /// - Throws: what is known at once; then `complete` is not called.
    package func append(
        _ append: Append, _ tally: RecordTally, complete: @escaping AppendCompletion
    ) throws(StoreError) {
        try writing().append(append) { [statistics] result in
            if case .success = result { statistics.count(tally) }
            complete(result)
        }
    }

    /// Which writers may append; nil of a journal that is only read.
    package var fence: Fence? { committer?.engine.gate.fence }

    package func raiseFence(
        to token: Int?, isRequired: Bool?,
        complete: @escaping @Sendable (Result<Int, StoreError>) -> Void
    ) throws(StoreError) {
        try writing().raiseFence(to: token, isRequired: isRequired, complete: complete)
    }

    /// A number for a transaction that nobody else gets.
    package func nextTransaction() throws(StoreError) -> UInt64 {
        try writing().engine.nextTransaction()
    }

    /// Runs `body` in the order of the appends, once what came before is written.
    func perform<Outcome: Sendable>(
        _ body: @escaping @Sendable (JournalEngine) throws(StoreError) -> Outcome,
        complete: @escaping @Sendable (Result<Outcome, StoreError>) -> Void
    ) throws(StoreError) {
        try writing().perform { engine in
            do throws(StoreError) {
                complete(.success(try body(engine)))
            } catch {
                complete(.failure(error))
            }
        }
    }

    /// Puts what was appended before on stable storage, or only writes it; WT_SESSION::log_flush.
    package func flush(
        isDurable: Bool, complete: @escaping @Sendable (Result<View, StoreError>) -> Void
    ) throws(StoreError) {
        statistics.add(.flushes)
        try perform(
            { [committer] (engine) throws(StoreError) in
                if isDurable { try committer?.flush() }
                return engine.view
            }, complete: complete)
    }

    func writing() throws(StoreError) -> Committer<JournalEngine> {
        guard let committer else { throw .journal(.readOnly(name: name)) }
        return committer
    }

    func setCheckpoint(_ lsn: LSN) { checkpointed.withLock { $0 = lsn } }

    /// Closes the files after everything that was queued before, and returns when that is done.
    func close() -> StoreError? {
        guard let committer else {
            idle.withLock { $0.state = .closed }
            watermark.end()
            return nil
        }
        let done = Locked<StoreError??>(nil)
        committer.perform { engine in
            let failure = engine.close()
            done.withLock { $0 = .some(failure) }
            done.wakeAll()
        }
        let failure = done.whenReady({ $0 != nil }) { $0 ?? nil }
        lock.withLock { $0 = nil }
        files.forgetAll()
        return failure
    }

    // MARK: - Reading

    /// - Throws: `.noSuchJournal`; nothing more will come then.
    package func requireNotClosed() throws(StoreError) {
        guard view.state != .closed else {
            throw .journal(.noSuchJournal(name: name, isKnown: !isDeleted.isSet))
        }
    }

    /// How many records there were; to be taken before one looks for more.
    package var watermarkSeen: Int { view.records }

    /// The end of what is as safe as the journal promises by default, how many records that are, and
    /// who tells of more; nil for the end if others write there.
    package var promised: (end: LSN?, records: Int, watermark: Watermark) {
        let view = view
        guard !isReadOnly else { return (nil, 0, watermark) }
        return settings.durability == .synced
            ? (view.synced, view.syncedRecords, durable) : (view.end, view.records, watermark)
    }

    /// Calls `resume` once, when there are more records than `seen`, when `milliseconds` have
    /// passed, or sooner.
    ///
    /// Nobody tells of what others write: of a journal that is only read it is soon.
    package func waitForMore(
        than seen: Int, milliseconds: Int, _ resume: @escaping @Sendable () -> Void
    ) {
        watermark.wait(
            until: seen + 1, milliseconds: isReadOnly ? min(milliseconds, 50) : milliseconds
        ) { _ in resume() }
    }

    /// A cursor of its own, which holds archiving back until `release` is called.
    package func openCursor() -> JournalCursor {
        holds.take()
        return JournalCursor(files)
    }

    /// A walk, which holds archiving back until `release` is called; waits for the disk.
    package func openWalk(
        from first: LSN?, to last: LSN?, backwards: Bool
    ) throws(StoreError) -> JournalWalk {
        holds.take()
        do throws(StoreError) {
            return try JournalWalk(files, from: first, to: last, backwards: backwards)
        } catch {
            release()
            throw error
        }
    }

    /// Ends the hold that `openCursor` or `openWalk` has taken, and archives what only that has kept.
    package func release() {
        if holds.release() { archiveIfSet() }
    }

    /// The rows of one record, and the LSN of the record behind it; waits for the disk.
    package func rows(at lsn: LSN) throws(StoreError) -> (rows: [JournalRow], next: LSN?) {
        try files.rows(at: lsn)
    }
}

/// How many cursors and walks hold a journal's files, and since when.
package final class ArchiveHolds: Sendable {
    package struct State: Sendable {
        package fileprivate(set) var count = 0
        /// The wall clock's milliseconds.
        package fileprivate(set) var since: Int?
        fileprivate var begun: Instant?
        /// Somebody has wanted to remove files meanwhile.
        fileprivate var isAwaited = false
    }

    private let state = Locked(State())

    package var current: State { state.withLock { $0 } }

    func take() {
        state.withLock { state in
            state.count += 1
            guard state.since == nil else { return }
            state.since = WallClock.nowMilliseconds
            state.begun = Instant.now
        }
    }

    /// Ends a hold; true if it was the last one, and has kept files that are to be removed.
    func release() -> Bool {
        state.withLock { state in
            state.count -= 1
            guard state.count == 0 else { return false }
            defer { state = State() }
            return state.isAwaited
        }
    }

    /// Runs `body` unless somebody holds the files, with nobody beginning to meanwhile.
    ///
    /// - Parameter limit: holds that are older, in milliseconds, count no more; 0 for no limit.
    /// - Returns: nil if they are held.
    func ifFree<Result: Sendable>(
        olderThan limit: Int, _ body: () -> Result
    ) -> Result? {
        state.withLock { state in
            if state.count > 0 {
                guard limit > 0, let end = state.begun?.advanced(milliseconds: limit), end < .now
                else {
                    state.isAwaited = true
                    return nil
                }
            }
            return body()
        }
    }
}
