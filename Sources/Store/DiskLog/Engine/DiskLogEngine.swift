import Glibc
import Synchronization

/// The writing side of a log, and the state that readers look at.
///
/// The committer calls one function at a time. States:
///
///     open ──(a flush fails, or a write can't be taken back)──▶ failed ──close──▶ closed
///     open ──(truncate or reopen fails)──▶ closed
///     open ──close──▶ closed
final class DiskLogEngine: GatedEngine, Sendable {
    static let kind = CommitKind.log

    let notices = LogNotices()
    /// What was accepted comes before everything that is asked afterwards.
    let cache = AcceptedCache()
    let watermark: Watermark
    /// What is on stable storage.
    let durable: Watermark

    var gate: AppendGate { setting.gate }

    private let setting: LogSetting
    // Held across file calls, which is harmless: only the committer's turn takes it.
    private let writer: Locked<any LogWriter>
    private let current: Locked<DiskLog.View>
    private let isLimited: Atomic<Bool>
    /// Where readers keep pages of the log's files.
    private let pages: ReadCache?

    init(_ setting: LogSetting, writer: any LogWriter, timers: Timers, cache: ReadCache?) {
        self.setting = setting
        pages = cache
        let view = DiskLog.View(writer)
        watermark = Watermark(position: view.position, timers: timers)
        durable = Watermark(position: view.position, timers: timers)
        current = Locked(view)
        isLimited = Atomic(Self.isLimited(view.size))
        self.writer = Locked(writer)
    }

    var view: DiskLog.View { current.withLock { $0 } }

    /// Whether the log may have no room for a record.
    var mayFillUp: Bool { isLimited.load(ordering: .relaxed) }

    private static func isLimited(_ size: LogSize) -> Bool {
        if case .bytes = size { true } else { false }
    }

    // MARK: - Appending

    func write(_ asked: [Append]) -> [Result<Appended, StoreError>] {
        let cached = cache.take()
        let batch = cached.map { [$0] + asked } ?? asked
        var results: [Result<Appended, StoreError>] = []
        var told: [LogNotice] = []
        var failure: StoreError?
        writer.withLock { writer in
            let wasFull = writer.figures.isFull
            var additions = Additions(
                to: setting.base, isDurable: batch.contains { $0.durability == .synced })
            for append in batch { additions.add(append, to: &writer, self) }
            additions.finish(&writer)
            results = additions.results
            failure = additions.failure
            // The original tells nobody when a rotate log goes on.
            if writer is RingWriter { told = additions.wraps.map(LogNotice.wrap) }
            if !wasFull, writer.figures.isFull { told.append(.full) }
            publish(writer)
        }
        if let failure {
            fail(failure)
            // What was written before it is not certain either.
            let unknown = failure.asUnknown(of: setting.base)
            results = results.map { $0.flatMap { _ in .failure(unknown) } }
        }
        for notice in told { notices.send(notice) }
        reportStatus(batch, results)
        return cached == nil ? results : Array(results.dropFirst())
    }

    /// An append that is admitted to a log that is as it expects.
    fileprivate func add(
        _ append: Append, to writer: inout any LogWriter, isDurable: Bool
    ) throws(StoreError) -> Addition {
        try append.expectation.check(against: state(writer))
        try gate.fence.admit(append.expectation.token)
        let addition = try writer.add(append, isDurable: isDurable)
        if !addition.isFull {
            gate.keys.intend(
                append, first: addition.first, next: addition.next,
                generation: Int(writer.place.generation))
        }
        return addition
    }

    private func state(_ writer: any LogWriter) -> Expectation.State {
        .init(
            identity: writer.place.identityText, generation: Int(writer.place.generation),
            position: writer.position)
    }

    /// Appends of which some were not answered say how they went to those who listen.
    private func reportStatus(_ batch: [Append], _ results: [Result<Appended, StoreError>]) {
        for (append, result) in zip(batch, results) {
            switch result {
            case .failure(.log(.full)) where append.durability == .accepted: notices.report(nil)
            case .failure(.positionMismatch): break
            case .failure(let error): notices.report(error)
            case .success: notices.report(nil)
            }
        }
    }

    /// Writes what was accepted and kept in memory.
    func writeCached() {
        if cache.hasRecords { _ = write([]) }
    }

    // MARK: - Flushing

    func flush() throws(StoreError) {
        writeCached()
        try requireOpen()
        do throws(StoreError) {
            try writer.withLock { (writer) throws(StoreError) in try writer.sync() }
        } catch {
            // Whatever kept it from the disk, what was written may be there or not.
            let unknown = error.asFailedSync(of: setting.base)
            fail(unknown)
            throw unknown
        }
        let position = current.withLock { view in
            view.synced = view.position
            return view.synced
        }
        durable.advance(to: position)
    }

    // MARK: - Operations

    /// Runs what changes the log, and shows readers the outcome.
    func change<Outcome: Sendable>(
        _ body: (inout any LogWriter) throws(StoreError) -> Outcome
    ) throws(StoreError) -> Outcome {
        writeCached()
        try requireOpen()
        do throws(StoreError) {
            return try writer.withLock { (writer) throws(StoreError) -> Outcome in
                defer { publish(writer) }
                return try body(&writer)
            }
        } catch {
            if error.isFatal { fail(error) }
            throw error
        }
    }

    /// The files as closing would leave them now.
    func exportedFiles() throws(StoreError) -> [ExportedFile] {
        try requireOpen()
        return try writer.withLock { (writer) throws(StoreError) in try writer.exportedFiles() }
    }

    /// Checks the state that a caller expects, in the log's turn.
    func check(_ expectation: Expectation) throws(StoreError) {
        writeCached()
        try writer.withLock { (writer) throws(StoreError) in
            try expectation.check(against: state(writer))
        }
    }

    /// Closes the log; one that has failed is left marked as open, to be repaired.
    func close() throws(StoreError) {
        writeCached()
        let before = current.withLock { view in
            defer { view.state = .closed }
            return view.state
        }
        endForGood()
        guard before == .open else { return }
        try writer.withLock { (writer) throws(StoreError) in try writer.close() }
    }

    /// Ends the log as it is: its files have been closed, or are being moved away.
    func abandon() {
        current.withLock { $0.state = .closed }
        endForGood()
    }

    private func endForGood() {
        watermark.end()
        durable.end()
    }

    /// Answers those who wait for records as if their time had run out.
    func endWaits() {
        watermark.interrupt()
        durable.interrupt()
    }

    /// A read-only log, and one that failed, takes nothing.
    func requireOpen() throws(StoreError) {
        switch view.state {
        case .open: break
        case .closed: throw .log(.noSuchLog(name: setting.name, isKnown: true))
        case .failed(let detail): throw .failed(detail: detail)
        }
    }

    private func fail(_ error: StoreError) {
        guard view.state == .open else { return }
        // The next opening must ask the device, not the page cache, what is there.
        writer.withLock { writer in
            var place = writer.place
            place.isSuspect = true
            try? setting.place.write(place)
        }
        current.withLock { view in
            view.state = .failed("\(error.summary); close the log and open it again")
        }
        endWaits()
    }

    private func publish(_ writer: any LogWriter) {
        let position = writer.position
        let isSetBack = current.withLock { view in
            let before = view
            let generation = view.generation
            view = DiskLog.View(writer)
            view.state = before.state
            view.synced = before.synced
            return view.generation != generation
        }
        let wasEmptied = setting.emptied.withLock { emptied in
            defer { emptied = [:] }
            return !emptied.isEmpty
        }
        // A file that was replaced would keep its disk space for as long as pages of it are kept.
        if wasEmptied { pages?.forget(where: view.hasEnded) }
        isLimited.store(Self.isLimited(writer.size), ordering: .relaxed)
        if isSetBack {
            watermark.interrupt(restartingAt: position)
            durable.interrupt()
        } else {
            watermark.advance(to: position)
        }
    }
}

/// One batch on its way into the files.
private struct Additions {
    private(set) var results: [Result<Appended, StoreError>] = []
    private(set) var wraps: [Int] = []
    /// What nothing may be written after, if it has happened.
    private(set) var failure: StoreError?
    private let base: String
    private let isDurable: Bool
    /// Of those whose records, or the last of them, are gathered and not written yet.
    private var unwritten: [(index: Int, addition: Addition)] = []
    private var writes = 0

    init(to base: String, isDurable: Bool) {
        self.base = base
        self.isDurable = isDurable
    }

    mutating func add(
        _ append: Append, to writer: inout any LogWriter, _ engine: DiskLogEngine
    ) {
        if let failure { return results.append(.failure(.failed(detail: failure.summary))) }
        do throws(StoreError) {
            if let known = try engine.replay(append) { return results.append(.success(known)) }
        } catch {
            return results.append(.failure(error))
        }
        do throws(StoreError) {
            let addition = try engine.add(append, to: &writer, isDurable: isDurable)
            noteWrites(writer)
            wraps += addition.wraps
            if addition.count > 0 { unwritten.append((results.count, addition)) }
            results.append(Self.result(addition, append, writer))
        } catch {
            // What was gathered before may have been lost with what was to be written behind it.
            noteWrites(writer)
            if !writer.appender.hasPending { lose(error) }
            results.append(.failure(told(error)))
            if error.isFatal { failure = error }
        }
    }

    private static func result(
        _ addition: Addition, _ append: Append, _ writer: any LogWriter
    ) -> Result<Appended, StoreError> {
        if addition.isFull {
            var full = writer.full
            full.count = addition.count
            full.first = addition.first
            full.next = addition.next
            return .failure(.log(.full(full)))
        }
        return .success(
            Appended(
                first: addition.first, next: addition.next,
                generation: Int(writer.place.generation), durability: .written))
    }

    private mutating func noteWrites(_ writer: any LogWriter) {
        guard writer.appender.writes != writes else { return }
        writes = writer.appender.writes
        unwritten = []
    }

    /// Of a write that could not be taken back nobody knows how far it came.
    private func told(_ error: StoreError) -> StoreError {
        error.isFatal ? error.asUnknown(of: base) : error
    }

    private mutating func lose(_ error: StoreError) {
        for (index, addition) in unwritten {
            results[index] = .failure(told(addition.failure(error)))
        }
        unwritten = []
    }

    mutating func finish(_ writer: inout any LogWriter) {
        do throws(StoreError) {
            try writer.writePending()
        } catch {
            lose(error)
            if error.isFatal { failure = error }
        }
    }
}
