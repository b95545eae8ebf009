import API
import Store

// The endpoints of journals: decode, one call of the engine, encode.

extension Service {
    func handle(_ operation: JournalOperation, _ call: Call) throws(Problem) -> Answer {
        if operation == .list { return try listJournals(call) }
        try ResourceName.check(call.name)
        switch operation {
        case .list, .get: return try getJournal(call)
        case .create: return try openJournal(call)
        case .update: return try updateJournal(call)
        case .delete: return try deleteJournal(call)
        case .open: return try reopenJournal(call)
        case .close: return try closeJournal(call)
        case .append: return try appendToJournal(call)
        case .transact: return try commitToJournal(call)
        case .fence: return try fenceJournal(call)
        case .flush: return try flushJournal(call)
        case .checkpoint: return try checkpointJournal(call)
        case .archive: return try archiveJournal(call)
        case .record: return try getJournalRecord(call)
        case .walk: return try walkJournal(call)
        case .follow: return try followJournal(call)
        case .export: return try exportJournal(call)
        case .import: return try importJournal(call)
        case .stat:
            return try onJournal(call) { _, journal throws(Problem) in
                try Self.json(call, journal.statisticsJSON)
            }
        case .openCursor: return try openJournalCursor(call)
        case .listCursors: return try listJournalCursors(call)
        case .getCursor: return try getJournalCursor(call)
        case .compareCursors: return try compareJournalCursors(call)
        case .next: return try nextOfJournalCursor(call)
        case .search: return try searchJournalCursor(call)
        case .reset: return try resetJournalCursor(call)
        case .closeCursor: return try closeJournalCursor(call)
        }
    }

    /// Runs `body` with the open journal: here if it is open, else on a thread that may wait for its
    /// opening.
    func onJournal(
        _ call: Call, _ body: @escaping @Sendable (Service, Journal) throws(Problem) -> Answer
    ) throws(Problem) -> Answer {
        if let journal = store.journals.loaded(call.name) { return try body(self, journal) }
        return onFileThread { [self] () throws(Problem) in
            let journal = try mapping(of: .wiredTiger) { () throws(StoreError) in
                try store.journals.find(call.name)
            }
            return try body(self, journal)
        }
    }

    /// The LSN that a parameter names, if it is there.
    func lsn(_ name: String, _ call: Call) throws(Problem) -> LSN? {
        guard let text = try call.text(name) else { return nil }
        guard let lsn = LSN(text) else {
            throw Problem(.badParameter, "\(name) is an LSN: file,offset", option: name)
        }
        return lsn
    }

    // MARK: - The item

    private func getJournal(_ call: Call) throws(Problem) -> Answer {
        onFileThread { [self] () throws(Problem) in
            if let journal = store.journals.loaded(call.name)
                ?? (try? store.journals.find(call.name))
            {
                return try item(journal, call)
            }
            let closed = try mapping(of: .wiredTiger) { () throws(StoreError) in
                try store.journals.closed(call.name)
            }
            return try Self.json(
                call, headers: [.init("ETag", closed.tag.text)], closed.json)
        }
    }

    func item(
        _ journal: Journal, _ call: Call, code: Int = 200, open: JSONValue? = nil
    ) throws(Problem) -> Answer {
        let view = journal.view
        let cursors = store.journals.cursors.all(of: journal).count
        let json = try mapping(of: .wiredTiger) { () throws(StoreError) in
            try journal.json(view, cursors: cursors, open)
        }
        return try Self.json(call, status: code, headers: journal.headers(view), json)
    }

    private func listJournals(_ call: Call) throws(Problem) -> Answer {
        let page = try PageRequest(call, states: ["open", "closed", "failed"])
        return onFileThread { [self] () throws(Problem) in
            let (names, isComplete) = try page.names(call, "journals") { limit throws(Problem) in
                try mapping(of: .wiredTiger) { () throws(StoreError) in
                    try store.journals.names(prefix: page.prefix, after: page.after, limit: limit)
                }
            }
            let journals = names.compactMap(summaryOfJournal).filter {
                page.state == nil || $0["state"] == page.state.map(JSONValue.string)
            }
            return try page.answer(
                call, "/v1/journals", "journals", journals, last: isComplete ? nil : names.last)
        }
    }

    /// Nil for a journal that is being removed, or was not imported to the end.
    private func summaryOfJournal(_ name: String) -> JSONValue? {
        var state = "closed"
        if let journal = store.journals.loaded(name) {
            state = journal.view.state.word
        } else {
            do throws(StoreError) {
                let closed = try store.journals.closed(name)
                state = closed.failure != nil ? "failed" : closed.isClosed ? "closed" : "open"
            } catch {
                if case .journal(.noSuchJournal) = error { return nil }
            }
        }
        return ["name": .string(name), "state": .string(state)]
    }

    // MARK: - Opening and closing

    private func openJournal(_ call: Call) throws(Problem) -> Answer {
        _ = try call.negotiate([.json])
        let options = try JournalOptions(call.body)
        try call.require(path: options.path)
        return onFileThread { [self] () throws(Problem) in
            try requireFreeSpace(for: call)
            let quota = try quota(for: call)
            defer { quota?.release() }
            let opening = try making("journal", call, of: .wiredTiger) {
                (mustBeNew) throws(StoreError) in
                try store.journals.open(call.name, options, mustBeNew: mustBeNew)
            }
            return try item(
                opening.journal, call, code: opening.isNew ? 201 : 200, open: Self.open(opening))
        }
    }

    private static func open(_ opening: Journals.Opening) -> JSONValue {
        // Also of one that was open already: it may have been opened, and repaired, before anybody asked.
        opening.journal.opened.json
    }

    private func reopenJournal(_ call: Call) throws(Problem) -> Answer {
        _ = try call.negotiate([.json])
        return onFileThread { [self] () throws(Problem) in
            let opening = try mapping(of: .wiredTiger) { () throws(StoreError) in
                _ = try store.journals.closed(call.name)
                return try store.journals.open(call.name, JournalOptions())
            }
            return try item(opening.journal, call, open: Self.open(opening))
        }
    }

    private func closeJournal(_ call: Call) throws(Problem) -> Answer {
        _ = try call.negotiate([.json])
        return onFileThread { [self] () throws(Problem) in
            let closed = try mapping(of: .wiredTiger) { () throws(StoreError) in
                try store.journals.close(call.name)
                return try store.journals.closed(call.name)
            }
            return try Self.json(call, headers: [.init("ETag", closed.tag.text)], closed.json)
        }
    }

    private func updateJournal(_ call: Call) throws(Problem) -> Answer {
        _ = try call.negotiate([.json])
        let options = try JournalOptions(changes: call.body)
        let expectation = try Expectation(call)
        return onFileThread { [self] () throws(Problem) in
            let journal = try mapping(of: .wiredTiger) { () throws(StoreError) in
                try store.journals.find(call.name)
            }
            do throws(StoreError) {
                _ = try store.journals.change(call.name, expecting: expectation, options)
            } catch {
                throw Problem(error, in: journal)
            }
            return try item(journal, call)
        }
    }

    private func deleteJournal(_ call: Call) throws(Problem) -> Answer {
        let keepFiles = try call.bool("keep_files") ?? false
        return onFileThread { [self] () throws(Problem) in
            try mapping(of: .wiredTiger) { () throws(StoreError) in
                try store.journals.delete(call.name, keepFiles: keepFiles)
            }
            return .now(Response(status: 204))
        }
    }
}
