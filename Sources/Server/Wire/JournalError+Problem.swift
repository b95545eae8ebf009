import API
import Store

extension Problem {
    /// What WiredTiger's own reasons are for a client.
    init(_ error: JournalError) {
        switch error {
        case .noSuchJournal(let name, let isKnown):
            self.init(
                .noSuchJournal,
                isKnown
                    ? "the journal \(name) is closed; PUT /v1/journals/\(name) opens it"
                    : "there is no journal \(name); PUT /v1/journals/\(name) makes it")
            if isKnown { add("state", "closed") }
        case .notFound(let lsn): self.init(.wtNotFound, "no record begins at \(lsn)")
        case .corrupt(let lsn, let detail):
            self.init(.corruptLogFile, detail)
            add("position", .string(lsn.description))
        case .importNeedsRepair(let lsn, let detail):
            self.init(.needRepair, "at \(lsn) is \(detail); repair=true cuts it off")
            add("position", .string(lsn.description))
        case .noCompressor(let lsn, let detail):
            self.init(.noCompressor, detail)
            add("position", .string(lsn.description))
        case .unpositioned:
            self.init(.cursorUnpositioned, "the cursor has given no row yet; POST .../next first")
        case .noLogFiles(let path): self.init(.noLogging, "there are no log files in \(path)")
        case .noSuchDirectory(let path): self.init(.noSuchFile, "there is no directory \(path)")
        case .archived(let first):
            self.init(
                .positionGone, "what was there has been archived; the journal starts at \(first)")
            add("oldest", .string(first.description))
        case .readOnly(let name):
            self.init(.readOnlyMode, "the journal \(name) is open for reading only")
        case .busy(let detail): self.init(.locked, detail)
        case .noSuchCursor(let id): self.init(.noSuchCursor, "there is no cursor \(id)")
        case .cursorExpired(let id):
            self.init(.cursorExpired, "the cursor \(id) was not used in time; open another one")
        case .tooManyCursors(let name, let limit):
            self.init(.rateLimited, "the journal \(name) has \(limit) cursors already")
            add("limit", .integer(limit))
        case .foreignDatabase(let detail): self.init(.foreignDatabase, detail)
        }
        engine = EngineWords.wiredTiger.name
        reason = error.reason
    }
}

extension JournalError {
    /// What WiredTiger answers, by name.
    var reason: String? {
        switch self {
        case .notFound: "WT_NOTFOUND"
        case .corrupt, .importNeedsRepair, .noCompressor: "WT_ERROR"
        case .unpositioned: "EINVAL"
        case .noLogFiles, .readOnly: "ENOTSUP"
        case .noSuchDirectory: "ENOENT"
        case .busy: "EBUSY"
        case .noSuchJournal, .archived, .noSuchCursor, .cursorExpired, .tooManyCursors,
            .foreignDatabase:
            nil
        }
    }
}

extension Problem {
    /// As `init(_:of:)`, with the LSN and the entity tag where the last record is not the one that
    /// was expected.
    init(_ error: StoreError, in journal: Journal) {
        self.init(error, of: .wiredTiger)
        guard case .positionMismatch(let position, let generation) = error else { return }
        let tag = EntityTag(
            identity: journal.identity, generation: generation, position: position)
        let lsn = LSN(position: position).description
        detail = "the journal's last record is \(lsn)"
        members.removeAll { $0.name == "position" }
        add("position", .string(lsn))
        add("etag", .string(tag.text))
        headers = [.init("ETag", tag.text), .init("Log-Position", lsn)]
    }
}
