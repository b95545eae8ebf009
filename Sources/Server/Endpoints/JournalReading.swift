import API
import Store

// Reading journals: one record, and walks.

extension Service {
    /// How rows are to be shown.
    func rowWriter(_ call: Call) throws(Problem) -> JournalRowWriter {
        let shape = try shape(call)
        guard [.auto, .b64, .text].contains(shape) else {
            throw Problem(.badParameter, "as is one of auto, b64, text", option: "as")
        }
        return JournalRowWriter(shape: shape, isRaw: try call.bool("raw") ?? false)
    }

    func getJournalRecord(_ call: Call) throws(Problem) -> Answer {
        _ = try call.negotiate([.json])
        let rows = try rowWriter(call)
        guard let lsn = LSN(call.route.captures.last ?? "") else {
            throw Problem(.badParameter, "a record is named by its LSN: file,offset", option: "lsn")
        }
        return try onJournal(call) { service, journal in
            service.onFileThread { () throws(Problem) in
                let found = try mapping(of: .wiredTiger) { () throws(StoreError) in
                    try journal.rows(at: lsn)
                }
                var writer = JSONWriter(capacity: 512)
                writer.literal("{\"rows\":[")
                for (index, row) in found.rows.enumerated() {
                    if index > 0 { writer.literal(",") }
                    rows.write(row, to: &writer)
                }
                writer.literal("]")
                writer.member("next", found.next?.json ?? .null)
                writer.endObject()
                writer.literal("\n")
                return .now(Response(type: .json, body: writer.bytes))
            }
        }
    }

    func walkJournal(_ call: Call) throws(Problem) -> Answer {
        _ = try call.negotiate([.ndjson])
        let rows = try rowWriter(call)
        let filter = try RowFilter(call)
        let backwards = try call.bool("backwards") ?? false
        let from = try call.text("from") == "start" ? nil : try lsn("from", call)
        let to = try lsn("to", call)
        let limit = try call.integer("limit", in: 1...Int.max) ?? .max
        let wait = try call.integer("wait_ms", in: 0...settings.waitLimit) ?? 0
        let deadline = Instant.now.advanced(milliseconds: wait)
        return try onJournal(call) { service, journal in
            service.onFileThread { () throws(Problem) in
                let seen = journal.watermarkSeen
                let walk = try mapping(of: .wiredTiger) { () throws(StoreError) in
                    try journal.openWalk(from: from, to: to, backwards: backwards)
                }
                let stream = JournalWalkStream(
                    service, journal, walk, rows, filter, limit: limit, requestID: call.requestID)
                let answer = Answer.stream(
                    Response(headers: journal.headers(journal.view), type: .ndjson), stream,
                    length: nil)
                guard wait > 0, !backwards else { return answer }
                return try service.waiting(for: journal, seen, until: deadline, answer) {
                    stream.hasRows(until: deadline)
                }
            }
        }
    }

    /// Answers as soon as `isReady` holds, asked again whenever the journal grows, or at the
    /// deadline.
    ///
    /// - Throws: `no_such_journal` if it was closed.
    func waiting(
        for journal: Journal, _ seen: Int, until deadline: Instant, _ answer: Answer,
        isReady: @escaping @Sendable () -> Bool
    ) throws(Problem) -> Answer {
        let left = deadline.millisecondsLeft
        if isDraining || left <= 0 || isReady() { return answer }
        try mapping(of: .wiredTiger) { () throws(StoreError) in try journal.requireNotClosed() }
        return .later { [self] complete in
            journal.waitForMore(than: seen, milliseconds: left) {
                complete(
                    .success(
                        self.onFileThread { () throws(Problem) in
                            try self.waiting(
                                for: journal, journal.watermarkSeen, until: deadline, answer,
                                isReady: isReady)
                        }))
            }
            if self.isDraining { journal.endWaits() }
        }
    }
}

/// Which rows of a walk are wanted.
struct RowFilter: Sendable {
    private let recordType: UInt32?
    private let operationType: UInt32?
    private let fileID: UInt32?

    init(_ call: Call) throws(Problem) {
        recordType = try Self.type("rectype", call, in: Self.recordTypes)
        operationType = try Self.type("op", call, in: OperationType.names)
        fileID = try call.integer("fileid", in: 0...Int(UInt32.max)).map { UInt32($0) }
    }

    private static let recordTypes = (RecordType.checkpoint...RecordType.system).compactMap {
        type in RecordType.name(of: type).map { (type: type, name: $0) }
    }

    private static func type(
        _ parameter: String, _ call: Call, in known: [(type: UInt32, name: StaticString)]
    ) throws(Problem) -> UInt32? {
        guard let text = try call.text(parameter) else { return nil }
        if let found = known.first(where: { "\($0.name)" == text }) { return found.type }
        let names = known.map { "\($0.name)" }.joined(separator: ", ")
        throw Problem(.badParameter, "\(parameter) is one of \(names)", option: parameter)
    }

    func takes(_ row: JournalRow) -> Bool {
        if let recordType, row.recordType != recordType { return false }
        if let operationType,
            row.operationCounter == 0 || row.operationType != operationType
        {
            return false
        }
        if let fileID, row.operationCounter == 0 || row.fileID != fileID { return false }
        return true
    }
}
