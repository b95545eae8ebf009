/// The writing side of a journal, and the state that readers look at.
///
/// The committer calls one function at a time. A failed flush ends all writing until the journal
/// has been closed and opened.
final class JournalEngine: GatedEngine, Sendable {
    static let kind = CommitKind.journal

    let watermark: Watermark
    /// What is on stable storage.
    let durable: Watermark
    let files: JournalFiles
    let gate: AppendGate

    private let name: String
    private let identity: String
    private let statistics: JournalStatistics
    // Held across I/O, which is harmless: only the committer's turn takes it.
    private let writer: Locked<JournalWriter?>
    private let mark: File
    private let current: Locked<Journal.View>

    init(
        _ opened: consuming JournalOpening.Opened, name: String, identity: String, gate: AppendGate,
        timers: Timers, statistics: JournalStatistics
    ) {
        self.name = name
        self.identity = identity
        self.gate = gate
        self.statistics = statistics
        files = opened.files
        watermark = Watermark(position: 0, timers: timers)
        durable = Watermark(position: 0, timers: timers)
        let end = opened.end
        current = Locked(
            .init(
                end: end, synced: end, last: opened.last, transaction: opened.transaction,
                generation: opened.generation))
        files.publish(end: end)
        mark = opened.mark
        writer = Locked(opened.writer)
    }

    var view: Journal.View { current.withLock { $0 } }

    func setGeneration(_ generation: Int) { current.withLock { $0.generation = generation } }

    /// A number for a transaction that nobody else gets.
    func nextTransaction() -> UInt64 {
        current.withLock { view in
            view.transaction &+= 1
            return view.transaction
        }
    }

    // MARK: - Writing

    /// What is to be written together, and whose it is.
    private struct Pending {
        var bytes: [UInt8] = []
        /// Their places in the batch.
        var appends: [Int] = []
        /// The last record in it.
        var last: LSN
        var records = 0
    }

    func write(_ batch: [Append]) -> [Result<Appended, StoreError>] {
        let view = self.view
        var results: [Result<Appended, StoreError>] = []
        results.reserveCapacity(batch.count)
        var place = view.end
        var pending = Pending(last: view.last)
        for (index, append) in batch.enumerated() {
            do throws(StoreError) {
                if let known = try replay(append) {
                    results.append(.success(known))
                    continue
                }
                try admit(append, &pending, &results, &place)
                if writerMustSwitch(at: place, for: append.bytes.count) {
                    finish(&pending, &results)
                    // If that has failed, neither place nor tail are what they would have been.
                    place = self.view.end
                    try requireOpen()
                    try check(append, behind: pending.last)
                    place = try switchFile()
                }
            } catch {
                results.append(.failure(error))
                continue
            }
            let next = place.advanced(by: append.bytes.count)
            results.append(
                .success(
                    Appended(
                        first: place.position, next: next.position, generation: view.generation,
                        durability: .written)))
            gate.keys.intend(
                append, first: place.position, next: next.position, generation: view.generation)
            pending.appends.append(index)
            pending.bytes += append.bytes
            pending.records += append.lengths.count
            pending.last = next.advanced(by: -(append.lengths.last ?? 0))
            place = next
        }
        finish(&pending, &results)
        return results
    }

    /// Asks whether an append may come here.
    ///
    /// One that may not is only refused because of records that are written: those before it might not
    /// come to be, and then nobody must have heard of them.
    private func admit(
        _ append: Append, _ pending: inout Pending,
        _ results: inout [Result<Appended, StoreError>], _ place: inout LSN
    ) throws(StoreError) {
        do throws(StoreError) {
            try check(append, behind: pending.last)
        } catch {
            guard !pending.bytes.isEmpty else { throw error }
            finish(&pending, &results)
            place = view.end
            try requireOpen()
            try check(append, behind: pending.last)
        }
        try gate.fence.admit(append.expectation.token)
    }

    private func check(_ append: Append, behind last: LSN) throws(StoreError) {
        try append.expectation.check(
            against: .init(
                identity: identity, generation: view.generation, position: last.position))
    }

    private func writerMustSwitch(at place: LSN, for count: Int) -> Bool {
        writer.withLock { $0?.mustSwitch(at: place, for: count) ?? false }
    }

    /// Writes what is pending; if that fails, so do the appends that are in it.
    private func finish(
        _ pending: inout Pending, _ results: inout [Result<Appended, StoreError>]
    ) {
        guard !pending.bytes.isEmpty else { return }
        do throws(StoreError) {
            try gate.keys.commit()
            let end = try append(pending.bytes)
            gate.keys.confirm()
            publish(end: end, last: pending.last, records: pending.records)
        } catch {
            if error.isFatal { fail(error.summary) }
            let told = error.isFatal ? error.asUnknown(of: name) : error
            for place in pending.appends { results[place] = .failure(told) }
            pending.last = view.last
        }
        pending.bytes = []
        pending.appends = []
        pending.records = 0
    }

    /// Writes bytes behind the last record; where they end.
    private func append(_ bytes: [UInt8]) throws(StoreError) -> LSN {
        do throws(StoreError) {
            let end = try writer.withLock { [bytes] writer throws(StoreError) in
                try writer?.append(bytes)
                return writer?.end
            }
            guard let end else { throw .journal(.noSuchJournal(name: name, isKnown: true)) }
            return end
        } catch {
            // Of records that could not be taken back the next opening decides.
            if !error.isFatal { try gate.keys.revoke() }
            throw error
        }
    }

    private func publish(end: LSN, last: LSN, records: Int) {
        current.withLock { view in
            view.end = end
            view.last = last
            view.records += records
        }
        files.publish(end: end)
        statistics.add(.records, records)
        watermark.advance(to: view.records)
    }

    private func switchFile() throws(StoreError) -> LSN {
        do throws(StoreError) {
            let end = try writer.withLock { (writer) throws(StoreError) in
                try writer?.switchFile()
                return writer?.end
            }
            guard let end else { throw .journal(.noSuchJournal(name: name, isKnown: true)) }
            let records = current.withLock { view in
                view.end = end
                view.synced = end
                view.syncedRecords = view.records
                return view.records
            }
            files.publish(end: end)
            durable.advance(to: records)
            return end
        } catch {
            if case .syncFailed = error { fail(error.summary) }
            throw error
        }
    }

    func flush() throws(StoreError) {
        try requireOpen()
        let view = view
        do throws(StoreError) {
            try writer.withLock { (writer) throws(StoreError) in try writer?.sync() }
        } catch {
            fail(error.summary)
            throw error
        }
        current.withLock { current in
            current.synced = view.end
            current.syncedRecords = view.records
        }
        durable.advance(to: view.records)
        note(isClosed: false)
    }

    /// Writes down how far everything is durable; failing to costs an opening its hint.
    private func note(isClosed: Bool) {
        let view = view
        let noted = JournalMark(
            end: view.synced, last: view.last, transaction: view.transaction, isClosed: isClosed)
        try? noted.write(to: mark)
    }

    // MARK: - Checkpoints

    /// Writes the two records of a checkpoint and flushes them; where they lie.
    func checkpoint() throws(StoreError) -> (start: LSN, end: LSN) {
        var tally = RecordTally()
        let start = try writeOwn(RecordBody.checkpointStart, &tally)
        let end = try writeOwn(RecordBody.checkpoint(of: start), &tally)
        try flush()
        statistics.count(tally)
        return (start, end)
    }

    /// Writes a record that no client has sent, whoever may append.
    private func writeOwn(_ body: [UInt8], _ tally: inout RecordTally) throws(StoreError) -> LSN {
        var bytes: [UInt8] = []
        RecordEncoder().append(body: body, to: &bytes, &tally)
        let append = Append(
            bytes: bytes, lengths: [bytes.count], expectation: .init(token: gate.fence.current))
        return LSN(position: try write([append])[0].get().first)
    }

    // MARK: - Closing

    func close() -> StoreError? {
        let wasOpen = view.state == .open
        current.withLock { $0.state = .closed }
        var failure: StoreError?
        do throws(StoreError) {
            try writer.withLock { (writer) throws(StoreError) in
                guard let open = writer.take() else { return }
                try open.close()
            }
        } catch {
            failure = error
        }
        if wasOpen, failure == nil {
            current.withLock { $0.synced = $0.end }
            note(isClosed: true)
        }
        watermark.end()
        durable.end()
        return failure
    }

    func requireOpen() throws(StoreError) {
        switch view.state {
        case .open: break
        case .closed: throw .journal(.noSuchJournal(name: name, isKnown: true))
        case .failed(let detail): throw .failed(detail: detail)
        }
    }

    /// Takes nothing more: after a failed flush no later success means anything.
    private func fail(_ detail: String) {
        current.withLock { $0.state = .failed(detail) }
        watermark.interrupt()
        durable.interrupt()
    }
}
