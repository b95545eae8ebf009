import Synchronization

/// An open log with its appenders, readers, owners and listeners.
///
/// Whatever changes the log runs in its committer's order; readers read the files below what has
/// been published and hold nothing that a writer needs.
package final class DiskLog: FencedLog, Sendable {
    package typealias State = LogState

    /// The state at one moment.
    package struct View: Sendable {
        package var state = State.open
        /// After the last record: items, or bytes of an external log, of all that was ever logged.
        package let position: Int
        /// Up to here everything is on stable storage.
        package var synced: Int
        package let figures: LogFigures
        package let size: LogSize
        package let generation: Int
        /// Rises when bytes lie elsewhere than before.
        let epoch: UInt32
        let identity: String
        let map: LogMap
        let file: LogFile
        /// Where the written file ended when this was published.
        let end: Int

        init(_ writer: any LogWriter) {
            position = writer.position
            synced = writer.position
            figures = writer.figures
            size = writer.size
            generation = Int(writer.place.generation)
            epoch = writer.place.epoch
            identity = writer.place.identityText
            map = writer.map
            file = writer.appender.file
            end = file.end
        }

        /// The position of the oldest record that still exists.
        package var oldest: Int { map.oldest }
    }

    package let name: String
    /// The file, or what a ring's names begin with, relative to the data directory.
    package var base: String { setting.base }
    package let type: LogType
    package var format: LogFormat { setting.format }
    package var mode: LogMode { setting.mode }
    package let repair: RepairMode
    package let quiet: Bool
    /// What appends promise that don't say.
    package var durability: Durability { promised.withLock { $0 } }
    package var node: String { setting.node }
    /// What became of the log when it was opened.
    package let opened: LogOpened
    /// Eight hexadecimal digits that a log made anew does not have.
    package let identity: String

    let setting: LogSetting
    let owners: LogOwners
    let committer: Committer<DiskLogEngine>
    /// Pages of the log's files that were read before.
    let cache: ReadCache?
    private let counters: StoreCounters
    private let timers: Timers
    private let promised: Locked<Durability>
    private let headShown: Locked<LogHead>
    /// Appends that were accepted and wait in the queue.
    private let queuedUnanswered = Atomic(0)
    /// Overflows when info was last asked for.
    private let overflowsAtInfo = Locked(0)

    init(
        _ opened: LogOpener.Opened, type: LogType, options: LogOptions,
        services: LogServices, handles: LogHandles
    ) {
        setting = opened.setting
        name = opened.setting.name
        self.type = type
        repair = options.repair ?? .repair
        quiet = options.quiet ?? false
        promised = Locked(options.durability ?? .synced)
        self.opened = opened.result
        timers = services.timers
        counters = services.counters
        // What another program writes is nobody's to remember.
        cache = options.mode == .readOnly ? nil : services.cache
        owners = LogOwners(name: name, timers: services.timers) { [weak handles] handle in
            handles?.find(handle) != nil
        }
        headShown = Locked(options.head ?? .none)
        let engine = DiskLogEngine(
            opened.setting, writer: opened.writer, timers: services.timers, cache: cache)
        identity = engine.view.identity
        committer = Committer(
            engine: engine, workers: services.committers, budget: services.budget)
    }

    package var view: View { committer.engine.view }
    /// Which writers may append.
    package var fence: Fence? { committer.engine.gate.fence }

    package func raiseFence(
        to token: Int?, isRequired: Bool?,
        complete: @escaping @Sendable (Result<Int, StoreError>) -> Void
    ) {
        committer.raiseFence(to: token, isRequired: isRequired, complete: complete)
    }

    package var watermark: Watermark { committer.engine.watermark }
    /// Rises when records are as safe as the log promises by default.
    package var promisedWatermark: Watermark {
        durability == .synced ? committer.engine.durable : watermark
    }
    /// Behind the last record that is as safe as the log promises by default.
    package var promisedPosition: Int {
        let view = view
        return durability == .synced ? view.synced : view.position
    }
    /// Whether its closing was a removal.
    package let isDeleted = Flag()
    package var notices: LogNotices { committer.engine.notices }
    /// How the last write went; nil if well.
    package var errorStatus: StoreError? { notices.status }
    /// What new files begin with.
    package var head: LogHead { headShown.withLock { $0 } }

    /// Who holds the log open; and if it is blocked, whether requests are kept meanwhile.
    package var holders: (service: Bool, owners: [String: Bool], users: Int, queues: Bool?) {
        let holders = owners.holders
        return (holders.service, holders.owners, holders.users, holders.block?.queues)
    }

    func count(read chunk: LogChunk) { counters.add(.logReads, chunk.items.count) }

    func setDurability(_ durability: Durability) { promised.withLock { $0 = durability } }

    func setHead(_ head: LogHead) { headShown.withLock { $0 = head } }

    /// Overflows since info/1 was last asked for, or since the opening.
    package var overflowsSinceInfo: Int {
        view.figures.overflows - overflowsAtInfo.withLock { $0 }
    }

    /// Starts the count of `overflowsSinceInfo` again.
    package func markInfo() {
        let overflows = view.figures.overflows
        overflowsAtInfo.withLock { $0 = overflows }
    }

    /// Answers those who wait for records, or for another to unblock the log, as if their time had
    /// run out.
    package func endWaits() {
        committer.engine.endWaits()
        owners.expireAll()
    }

    // MARK: - Appending

    package typealias AppendCompletion = @Sendable (Result<Appended, StoreError>) -> Void

    /// Appends records: log/2, log_terms/2, blog/2 and blog_terms/2, and their a forms.
    ///
    /// An internal log takes encoded terms. With `accepted` the answer comes at once, and later
    /// failures reach owners that listen.
    /// - Parameters:
    ///   - areTerms: whether the records were given as terms, which an external log does not take.
    ///   - complete: called once, on another thread; at once where `accepted`, unless more was
    ///     accepted than can be kept in memory.
    package func append(
        _ append: Append, areTerms: Bool, by caller: LogCaller, waitMilliseconds: Int,
        complete: @escaping AppendCompletion
    ) {
        let isAsynchronous = append.durability == .accepted
        if mode == .readOnly {
            guard isAsynchronous else { return complete(.failure(.log(.readOnlyMode(name: name)))) }
            notices.send(.readOnly(items: append.records))
            return complete(.success(Self.accepted))
        }
        if areTerms, format == .external {
            return refuseTerms(append, caller, waitMilliseconds, complete)
        }
        // What depends on a condition is decided before it is answered.
        guard isAsynchronous, append.expectation == .none, fence?.isRequired != true else {
            owners.admit(
                .change, by: caller, waitMilliseconds: waitMilliseconds, bytes: append.bytes.count
            ) { [committer] refusal in
                Self.commit(append, committer, refusal) { result in
                    complete(isAsynchronous ? result.map { _ in Self.accepted } : result)
                }
            }
            return
        }
        var kept = Kept.yes
        let isFree = owners.whileFree { kept = keep(append, complete) }
        if !isFree { kept = keepWhenFree(append, caller) ? .yes : .no }
        switch kept {
        case .yes: complete(.success(Self.accepted))
        case .no: complete(.failure(Self.tooMuchAccepted))
        case .later: break
        }
    }

    /// Whether an append that is only accepted was taken in; `later` if it is answered once it is
    /// written.
    private enum Kept { case yes, no, later }

    /// Keeps an append until the log is free; false if too much waits for that.
    private func keepWhenFree(_ append: Append, _ caller: LogCaller) -> Bool {
        waitUnanswered(append, caller) { [self] refusal in
            switch refusal {
            // Queued, not kept in memory: others wait in the same order.
            case nil:
                queuedUnanswered.add(1, ordering: .relaxed)
                committer.take(append) { [self] _ in noteWritten() }
            case .log(.blocked): notices.send(.blockedLog(items: append.records))
            case let refusal?: notices.report(refusal)
            }
        }
    }

    /// Waits for an append whose answer is given now; false, with `turn` never called, if too much
    /// waits already.
    private func waitUnanswered(
        _ append: Append, _ caller: LogCaller, _ turn: @escaping LogOwners.Turn
    ) -> Bool {
        let refusal = owners.admit(
            .asynchronous, by: caller, waitMilliseconds: Self.asynchronousWait,
            bytes: append.bytes.count
        ) { refusal in
            if case .overloaded? = refusal { return }
            turn(refusal)
        }
        if case .overloaded? = refusal { return false }
        return true
    }

    private static let tooMuchAccepted = StoreError.overloaded(
        detail: "too many records were accepted already")

    /// Keeps an append in memory for a moment, or queues it.
    private func keep(_ append: Append, _ complete: @escaping AppendCompletion) -> Kept {
        guard append.expectation == .none, !committer.engine.mayFillUp else {
            queuedUnanswered.add(1, ordering: .relaxed)
            if queue(append, then: { [self] _ in noteWritten() }) { return .yes }
            noteWritten()
            return .no
        }
        switch committer.engine.cache.add(append) {
        case .kept: break
        case .isFirst:
            timers.schedule(afterMilliseconds: AcceptedCache.delay) { [committer] in
                committer.perform { engine in engine.writeCached() }
            }
        case .isLarge: committer.perform { engine in engine.writeCached() }
        case .full:
            // Who asks for more than can be written waits for it.
            let isQueued = queue(append) { result in
                complete(result.map { _ in Self.accepted })
            }
            return isQueued ? .later : .no
        }
        committer.observe(records: append.lengths.count, bytes: append.bytes.count)
        return .yes
    }

    /// Queues an append; false, with `written` never called, if there is no room.
    private func queue(_ append: Append, then written: @escaping AppendCompletion) -> Bool {
        do throws(StoreError) {
            try committer.append(append, complete: written)
            return true
        } catch {
            return false
        }
    }

    private func noteWritten() { queuedUnanswered.subtract(1, ordering: .relaxed) }

    /// Calls `body` when all that was accepted can be read.
    func whenWritten(_ body: @escaping @Sendable () -> Void) {
        guard
            committer.engine.cache.hasRecords || queuedUnanswered.load(ordering: .relaxed) > 0
        else { return body() }
        committer.perform { engine in
            engine.writeCached()
            body()
        }
    }

    private static func commit(
        _ append: Append, _ committer: Committer<DiskLogEngine>, _ refusal: StoreError?,
        _ complete: @escaping AppendCompletion
    ) {
        if let refusal { return complete(.failure(refusal)) }
        do throws(StoreError) {
            try committer.append(append, complete: complete)
        } catch {
            complete(.failure(error))
        }
    }

    /// How long an append waits for which nobody waits.
    private static var asynchronousWait: Int { 24 * 3_600_000 }

    /// Nobody knows yet where the records will be.
    private static let accepted = Appended(
        first: 0, next: 0, generation: 0, durability: .accepted)

    /// An external log takes no terms; whether it is blocked is asked first.
    private func refuseTerms(
        _ append: Append, _ caller: LogCaller, _ waitMilliseconds: Int,
        _ complete: @escaping AppendCompletion
    ) {
        guard append.durability == .accepted else {
            owners.admit(
                .change, by: caller, waitMilliseconds: waitMilliseconds,
                bytes: append.bytes.count
            ) { [name] refusal in
                complete(.failure(refusal ?? .log(.formatExternal(name: name))))
            }
            return
        }
        let isKept = waitUnanswered(append, caller) { [self] refusal in
            switch refusal {
            case nil: notices.send(.formatExternal(items: append.records))
            case .log(.blocked): notices.send(.blockedLog(items: append.records))
            case _: break
            }
        }
        complete(isKept ? .success(Self.accepted) : .failure(Self.tooMuchAccepted))
    }
}

extension Append {
    /// The records, each on its own.
    var records: [[UInt8]] {
        var start = 0
        return lengths.map { length in
            defer { start += length }
            return Array(bytes[start..<start + length])
        }
    }
}
