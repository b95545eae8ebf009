import API
import Store

// Cursors of journals, each a resource with a lease.

extension Service {
    func openJournalCursor(_ call: Call) throws(Problem) -> Answer {
        _ = try call.negotiate([.json])
        var ttl = 60_000
        if !call.body.isEmpty {
            var object = try JSONObject(try JSONDocument(call.body, depth: 64).root)
            ttl = try object.integer("ttl_ms") ?? ttl
            try object.finish()
        }
        guard (1000...3_600_000).contains(ttl) else {
            throw Problem(
                .badParameter, "ttl_ms is 1000 to 3600000 milliseconds", option: "ttl_ms")
        }
        return try onJournal(call) { [ttl] service, journal throws(Problem) in
            let cursor = try mapping(of: .wiredTiger) { () throws(StoreError) in
                try service.store.journals.cursors.open(
                    on: journal, ttlMilliseconds: ttl, holder: call.holder)
            }
            let location = "/v1/journals/\(journal.name)/cursors/\(cursor.id)"
            return try Self.json(
                call, status: 201, headers: [.init("Location", location)], cursor.json)
        }
    }

    func listJournalCursors(_ call: Call) throws(Problem) -> Answer {
        try onJournal(call) { service, journal in
            service.onFileThread { () throws(Problem) in
                let cursors = service.store.journals.cursors.all(of: journal).map(\.json)
                return try Self.json(call, ["cursors": .array(cursors)])
            }
        }
    }

    /// Runs `body` with the cursor that the path names, on a thread that may wait.
    private func onCursor(
        _ call: Call, _ body: @escaping @Sendable (JournalCursors.Open) throws(Problem) -> Answer
    ) throws(Problem) -> Answer {
        let cursor = try cursor(named: call.route.captures.last ?? "", call)
        return onFileThread { [self] () throws(Problem) in
            store.journals.cursors.begin(cursor)
            defer { store.journals.cursors.end(cursor) }
            return try body(cursor)
        }
    }

    private func cursor(named id: String, _ call: Call) throws(Problem) -> JournalCursors.Open {
        try mapping(of: .wiredTiger) { () throws(StoreError) in
            guard call.owns(id) else { throw .journal(.noSuchCursor(id: id)) }
            return try store.journals.cursors.use(id, of: call.name)
        }
    }

    func getJournalCursor(_ call: Call) throws(Problem) -> Answer {
        _ = try call.negotiate([.json])
        let rows = try rowWriter(call)
        return try onCursor(call) { cursor throws(Problem) in
            guard let row = cursor.cursor.withLock({ $0.row }) else {
                throw Problem(JournalError.unpositioned)
            }
            return Self.answer(row, rows)
        }
    }

    private static func answer(_ row: JournalRow, _ rows: JournalRowWriter) -> Answer {
        var writer = JSONWriter(capacity: 512)
        rows.write(row, to: &writer)
        writer.literal("\n")
        return .now(Response(type: .json, body: writer.bytes))
    }

    func compareJournalCursors(_ call: Call) throws(Problem) -> Answer {
        _ = try call.negotiate([.json])
        guard let other = try call.text("with") else {
            throw Problem(.badParameter, "with names the other cursor", option: "with")
        }
        let right = try cursor(named: other, call)
        return try onCursor(call) { left throws(Problem) in
            let first = left.cursor.withLock { $0.compared }
            let second = right.cursor.withLock { $0.compared }
            return try Self.json(
                call, ["order": .integer(first == second ? 0 : first < second ? -1 : 1)])
        }
    }

    // MARK: - Moving

    func nextOfJournalCursor(_ call: Call) throws(Problem) -> Answer {
        _ = try call.negotiate([.json])
        let rows = try rowWriter(call)
        let limit = try call.integer("n", in: 1...1000) ?? 1
        let wait = try call.integer("wait_ms", in: 0...settings.waitLimit) ?? 0
        let after = try call.text("after").map { text throws(Problem) in try RowKey(text) }
        let deadline = Instant.now.advanced(milliseconds: wait)
        return try onCursor(call) { [self] cursor throws(Problem) in
            try next(cursor, rows, limit, behind: after, until: deadline)
        }
    }

    /// The rows behind a place, or behind where the cursor stands when it is looked.
    ///
    /// With a place also after each wait: another request may have moved the cursor meanwhile, such as
    /// one that its client has given up.
    private func next(
        _ cursor: JournalCursors.Open, _ rows: JournalRowWriter, _ limit: Int,
        behind place: RowKey?, until deadline: Instant
    ) throws(Problem) -> Answer {
        let seen = cursor.journal.watermarkSeen
        let page = try mapping(of: .wiredTiger) { () throws(StoreError) in
            try cursor.cursor.withLock { (cursor) throws(StoreError) in
                if let place { try Self.goBehind(place, &cursor) }
                return try RowPage(&cursor, rows, limit: limit)
            }
        }
        let left = deadline.millisecondsLeft
        guard page.count == 0, page.isEnd, left > 0, !isDraining else { return page.answer }
        try mapping(of: .wiredTiger) { () throws(StoreError) in
            try cursor.journal.requireNotClosed()
        }
        return .later { [self] complete in
            store.journals.cursors.begin(cursor)
            cursor.journal.waitForMore(than: seen, milliseconds: left) {
                complete(
                    .success(
                        self.onFileThread { () throws(Problem) in
                            defer { self.store.journals.cursors.end(cursor) }
                            return try self.next(
                                cursor, rows, limit, behind: place, until: deadline)
                        }))
            }
            if isDraining { cursor.journal.endWaits() }
        }
    }

    /// Puts the cursor behind a row, if it does not stand there already.
    private static func goBehind(
        _ key: RowKey, _ cursor: inout JournalCursor
    ) throws(StoreError) {
        if let row = cursor.row, key == RowKey(row) { return }
        var row = try cursor.search(key.lsn)
        while row.operationCounter < key.operationCounter {
            guard let next = try cursor.next(), next.lsn == key.lsn else {
                throw .journal(.notFound(key.lsn))
            }
            row = next
        }
    }

    func searchJournalCursor(_ call: Call) throws(Problem) -> Answer {
        _ = try call.negotiate([.json])
        let rows = try rowWriter(call)
        var object = try JSONObject(try JSONDocument(call.body, depth: 64).root)
        let file = try object.integer("file").flatMap { UInt32(exactly: $0) }
        let offset = try object.integer("offset").flatMap { UInt32(exactly: $0) }
        _ = try object.integer("opctr")
        try object.finish()
        guard let file, let offset else {
            throw Problem(
                .badParameter, "file and offset are needed: numbers of 32 bits", option: "file")
        }
        return try onCursor(call) { cursor throws(Problem) in
            let row = try mapping(of: .wiredTiger) { () throws(StoreError) in
                try cursor.cursor.withLock { (cursor) throws(StoreError) in
                    try cursor.search(LSN(file: file, offset: offset))
                }
            }
            return Self.answer(row, rows)
        }
    }

    func resetJournalCursor(_ call: Call) throws(Problem) -> Answer {
        try onCursor(call) { cursor in
            cursor.cursor.withLock { $0.reset() }
            return .now(Response(status: 204))
        }
    }

    func closeJournalCursor(_ call: Call) throws(Problem) -> Answer {
        try onCursor(call) { [self] cursor in
            store.journals.cursors.close(cursor)
            return .now(Response(status: 204))
        }
    }
}

/// Which row of a journal: `file,offset,opctr`.
private struct RowKey: Equatable, Sendable {
    let lsn: LSN
    let operationCounter: Int

    init(_ text: String) throws(Problem) {
        let parts = text.split(separator: ",", omittingEmptySubsequences: false)
        guard parts.count == 3, let lsn = LSN(parts[..<2].joined(separator: ",")),
            let counter = LSN("0,\(parts[2])")?.offset
        else {
            throw Problem(.badParameter, "after is a row: file,offset,opctr", option: "after")
        }
        self.lsn = lsn
        operationCounter = Int(counter)
    }

    init(_ row: JournalRow) {
        lsn = row.lsn
        operationCounter = row.operationCounter
    }
}

/// Some rows of a cursor, as the answer that tells them.
private struct RowPage: Sendable {
    private(set) var count = 0
    private(set) var isEnd = false
    private var writer = JSONWriter(capacity: 1024)

    private static let bytes = 1 << 20

    /// - Throws: what is wrong with the first row; a later one's is left to the next page.
    init(
        _ cursor: inout JournalCursor, _ rows: JournalRowWriter, limit: Int
    ) throws(StoreError) {
        writer.literal("{\"rows\":[")
        do throws(StoreError) {
            while count < limit, writer.bytes.count < Self.bytes {
                guard let row = try cursor.next() else {
                    isEnd = true
                    break
                }
                if count > 0 { writer.literal(",") }
                rows.write(row, to: &writer)
                count += 1
            }
        } catch {
            if count == 0 { throw error }
        }
        writer.literal("]")
        writer.member("end", .bool(isEnd))
        writer.endObject()
        writer.literal("\n")
    }

    var answer: Answer { .now(Response(type: .json, body: writer.bytes)) }
}

extension JournalCursors.Open {
    var json: JSONValue {
        let (row, place) = cursor.withLock { ($0.row, $0.place) }
        return [
            "cursor": .string(id), "state": row == nil ? "unpositioned" : "positioned",
            "position": (row?.lsn ?? place).json, "ttl_ms": .integer(ttlMilliseconds),
            "created_at": .string(WallClock.text(ofMilliseconds: createdAt)),
            "last_used_at": .string(WallClock.text(ofMilliseconds: lastUsedAt)),
            "expires_at": .string(WallClock.text(ofMilliseconds: expiresAt)),
        ]
    }
}
