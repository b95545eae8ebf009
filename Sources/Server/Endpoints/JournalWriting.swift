import API
import Store

// Writing journals: messages, transactions, flushing, checkpoints, archiving.

extension Service {
    func appendToJournal(_ call: Call) throws(Problem) -> Answer {
        _ = try call.bool("atomic")
        let request = try AppendRequest(call, at: try lsn("at", call)?.position)
        let batch = try decodeRecords(call, form: MessageForm())
        guard !batch.lengths.isEmpty else {
            throw Problem(.badRecord, "nothing was sent: a batch holds a message at least")
        }
        return try onJournal(call) { _, journal throws(Problem) in
            let records = EncodedRecords(messages: batch, journal.settings.compressor)
            let append = try records.append(request, to: journal)
            return try Self.append(append, records.tally, to: journal, request) { appended in
                var writer = JSONWriter(capacity: 192)
                writer.literal("{\"first\":")
                JournalRowWriter.write(LSN(position: appended.first), to: &writer)
                writer.literal(",\"last\":")
                JournalRowWriter.write(appended.lastLSN(of: append), to: &writer)
                writer.member("count", append.lengths.count)
                writer.member("bytes", batch.bytes.count)
                writer.member("durability", appended.durability.rawValue)
                writer.member("duplicate", .bool(appended.replay != nil))
                writer.endObject()
                writer.literal("\n")
                return writer.bytes
            }
        }
    }

    func commitToJournal(_ call: Call) throws(Problem) -> Answer {
        let request = try AppendRequest(call, at: try lsn("at", call)?.position)
        let operations = try TransactionRequest(call.body).operations
        return try onJournal(call) { _, journal throws(Problem) in
            let transaction = try mapping(of: .wiredTiger) { () throws(StoreError) in
                try journal.nextTransaction()
            }
            let records = EncodedRecords(
                RecordBody.commit(transaction: transaction, operations: operations),
                journal.settings.compressor)
            let append = try records.append(
                request, to: journal, note: Int(clamping: transaction))
            return try Self.append(append, records.tally, to: journal, request) { appended in
                let body: JSONValue = [
                    "lsn": LSN(position: appended.first).json,
                    "txnid": .integer(appended.replay?.note ?? Int(clamping: transaction)),
                    "durability": .string(appended.durability.rawValue),
                    "duplicate": .bool(appended.replay != nil),
                ]
                return body.line
            }
        }
    }

    /// Appends records, and answers when they are as safe as is wanted.
    private static func append(
        _ append: Append, _ tally: RecordTally, to journal: Journal, _ request: AppendRequest,
        body: @escaping @Sendable (Appended) -> [UInt8]
    ) throws(Problem) -> Answer {
        if journal.isReadOnly { throw Problem(.readOnly(name: journal.name)) }
        let isAccepted = append.durability == .accepted
        // What depends on a condition is decided before it is answered.
        if isAccepted, append.expectation == .none, journal.fence?.isRequired != true {
            try mapping(of: .wiredTiger) { () throws(StoreError) in
                try journal.append(append, tally) { _ in }
            }
            return request.accepted(append)
        }
        return .later { complete in
            do throws(StoreError) {
                try journal.append(append, tally) { result in
                    let made = Answer.made {
                        result.mapError { Problem($0, in: journal) }.map { appended in
                            isAccepted
                                ? request.accepted(append)
                                : answer(appended, append, journal, request, body)
                        }
                    }
                    complete(.success(made))
                }
            } catch {
                complete(.failure(Problem(error, in: journal)))
            }
        }
    }

    private static func answer(
        _ appended: Appended, _ append: Append, _ journal: Journal, _ request: AppendRequest,
        _ body: (Appended) -> [UInt8]
    ) -> Answer {
        let last = appended.lastLSN(of: append)
        let tag = EntityTag(
            identity: journal.identity, generation: appended.generation, position: last.position)
        return request.answer(appended, tag, position: last.description) { body(appended) }
    }

    // MARK: - Flushing, checkpoints, archiving

    func flushJournal(_ call: Call) throws(Problem) -> Answer {
        enum Sync: String, CaseIterable { case on, off, background }
        _ = try call.negotiate([.json])
        var sync = Sync.on
        if !call.body.isEmpty {
            var object = try JSONObject(try JSONDocument(call.body, depth: 64).root)
            sync = try object.choice("sync") ?? .on
            try object.finish()
        }
        return try onJournal(call) { [sync] _, journal throws(Problem) in
            if sync == .background {
                try mapping(of: .wiredTiger) { () throws(StoreError) in
                    try journal.flush(isDurable: true) { _ in }
                }
                return .now(Response(status: 202, json: Self.flushed(journal.view)))
            }
            return Self.later(
                of: journal,
                { (complete) throws(StoreError) in
                    try journal.flush(isDurable: sync == .on, complete: complete)
                }
            ) { .now(Response(json: Self.flushed($0))) }
        }
    }

    private static func flushed(_ view: Journal.View) -> JSONValue {
        ["written_lsn": view.end.json, "synced_lsn": view.synced.json]
    }

    func checkpointJournal(_ call: Call) throws(Problem) -> Answer {
        _ = try call.negotiate([.json])
        return try onJournal(call) { service, journal in
            Self.later(
                of: journal,
                { (complete) throws(StoreError) in
                    try service.store.journals.checkpoint(journal, complete: complete)
                }
            ) { checkpoint in
                .now(
                    Response(json: [
                        "lsn": checkpoint.lsn.json, "start_lsn": checkpoint.start.json,
                    ]))
            }
        }
    }

    func archiveJournal(_ call: Call) throws(Problem) -> Answer {
        _ = try call.negotiate([.json])
        return try onJournal(call) { _, journal in
            Self.later(
                of: journal,
                { (complete) throws(StoreError) in
                    try journal.archive(complete: complete)
                }
            ) { archived in
                .now(
                    Response(json: [
                        "removed": .array(archived.removed.map { .integer(Int($0)) }),
                        "held_by_cursors": .integer(archived.holders),
                    ]))
            }
        }
    }

    /// Answers when an operation in the journal's queue has been done.
    private static func later<Outcome: Sendable>(
        of journal: Journal,
        _ start:
            @escaping @Sendable (
                @escaping @Sendable (Result<Outcome, StoreError>) -> Void
            ) throws(StoreError) -> Void,
        _ answer: @escaping @Sendable (Outcome) -> Answer
    ) -> Answer {
        .later { complete in
            do throws(StoreError) {
                try start { result in
                    complete(result.mapError { Problem($0, in: journal) }.map(answer))
                }
            } catch {
                complete(.failure(Problem(error, in: journal)))
            }
        }
    }
}

/// Records as they will stand in the file, made by the connection's own thread.
private struct EncodedRecords {
    private(set) var bytes: [UInt8] = []
    private(set) var lengths: [Int] = []
    private(set) var tally = RecordTally()

    init(messages batch: RecordBatch, _ compressor: JournalCompressor) {
        bytes.reserveCapacity(batch.bytes.count + batch.lengths.count * 128)
        var start = 0
        for length in batch.lengths {
            add(RecordBody.message(batch.bytes[start..<start + length]), compressor)
            start += length
        }
    }

    init(_ body: [UInt8], _ compressor: JournalCompressor) { add(body, compressor) }

    private mutating func add(_ body: [UInt8], _ compressor: JournalCompressor) {
        let start = bytes.count
        RecordEncoder(compressor: compressor).append(body: body, to: &bytes, &tally)
        lengths.append(bytes.count - start)
    }

    func append(
        _ request: AppendRequest, to journal: Journal, note: Int = 0
    ) throws(Problem) -> Append {
        var key = request.key
        key?.note = note
        return Append(
            bytes: bytes, lengths: lengths, expectation: request.expectation,
            durability: try request.durability(promised: journal.settings.durability), key: key)
    }
}

extension Appended {
    /// Where the last record of `append` lies.
    fileprivate func lastLSN(of append: Append) -> LSN {
        LSN(position: next - (replay?.lastLength ?? append.lengths.last ?? 0))
    }
}
