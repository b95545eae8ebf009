import Glibc

/// All journals of a data directory: which are open, and the ways to open, close and remove them.
///
/// A journal is open from its PUT until it is closed by request, and is opened again whenever the
/// service starts.
///
/// Functions marked *waits* do I/O and must not be called on a network thread.
package final class Journals: Sendable {
    package struct Opening: Sendable {
        package let journal: Journal
        package let isNew: Bool
        /// False if the journal was open already.
        package let wasOpened: Bool
    }

    let directory: DataDirectory
    let services: LogServices
    package let cursors: JournalCursors
    private let open = Locked<[String: Journal]>([:])
    /// Why the last opening of a journal failed.
    private let failures = Locked<[String: StoreError]>([:])
    /// Those that are not closed and could not be opened.
    package let unopened = UnopenedNames()
    let turns: NameTurns
    /// Held over a change of a note and its saving.
    private let saving = Locked(())
    let reopening = Reopening()

    init(directory: DataDirectory, services: LogServices) {
        self.directory = directory
        self.services = services
        turns = NameTurns(on: services.files)
        cursors = JournalCursors(timers: services.timers, files: services.files)
    }

    static func defaultPath(_ name: String) -> String { "journals/" + name }

    static func owner(_ name: String) -> FileOwners.Owner { .init(kind: "journals", name: name) }

    /// The journal if it is open now.
    package func loaded(_ name: String) -> Journal? { open.withLock { $0[name] } }

    /// All journals that are open now.
    package var allLoaded: [Journal] { open.withLock { Array($0.values) } }

    /// Why the last opening of a journal failed, if it did.
    func failure(of name: String) -> StoreError? { failures.withLock { $0[name] } }

    func forgetFailure(of name: String) {
        failures.withLock { $0[name] = nil }
        unopened.remove(name)
    }

    /// The journal, which must not have been closed by request; waits if it is not open yet.
    package func find(_ name: String) throws(StoreError) -> Journal {
        if let journal = loaded(name) { return journal }
        return try turns.with(name) { () throws(StoreError) in try held(name) }
    }

    /// As `find`, in the name's turn.
    private func held(_ name: String) throws(StoreError) -> Journal {
        if let journal = loaded(name) { return journal }
        let memory = try memory(of: name)
        guard memory.isKnown, !memory.isClosed else {
            unopened.remove(name)
            throw .journal(.noSuchJournal(name: name, isKnown: memory.isKnown))
        }
        if let failure = failures.withLock({ $0[name] }), !failure.mayPass { throw failure }
        return try unopened.noting(name) { () throws(StoreError) in
            try load(name, try memory.checkedOptions(), memory).journal
        }
    }

    /// Opens the journal, or makes it; wiredtiger_open; waits.
    ///
    /// - Throws: `.alreadyExists` if there is one and `mustBeNew`; `.argumentMismatch` if an open
    ///   one is set otherwise; what keeps it from being opened.
    package func open(
        _ name: String, _ given: JournalOptions, mustBeNew: Bool = false
    ) throws(StoreError) -> Opening {
        try given.check()
        return try turns.with(name) { () throws(StoreError) in
            let memory = try memory(of: name)
            guard !mustBeNew || !memory.isKnown else {
                throw .alreadyExists(name: "the journal " + name)
            }
            if let journal = loaded(name) {
                try journal.compare(given)
                return Opening(journal: journal, isNew: false, wasOpened: false)
            }
            let known = memory.options
            if let path = given.path, let was = known.path, path != was {
                throw .argumentMismatch(option: "path", expected: was, actual: path)
            }
            var options = given.completed(by: known)
            options.path = options.path ?? Self.defaultPath(name)
            try options.check()
            return try load(name, options, memory)
        }
    }

    func load(
        _ name: String, _ options: JournalOptions, _ known: JournalMemory
    ) throws(StoreError) -> Opening {
        let isNew = !known.isKnown || known.note.values["identity"] == nil
        if isNew { services.forgetCalls("journals", name) }
        do throws(StoreError) {
            var memory = known
            let journal = try make(name, options, &memory)
            forgetFailure(of: name)
            open.withLock { $0[name] = journal }
            journal.opened.report(of: name).map(services.report)
            return Opening(journal: journal, isNew: isNew, wasOpened: true)
        } catch {
            failures.withLock { $0[name] = isNew ? nil : error }
            throw error
        }
    }

    private func make(
        _ name: String, _ options: JournalOptions, _ memory: inout JournalMemory
    ) throws(StoreError) -> Journal {
        let path = options.path ?? Self.defaultPath(name)
        let settings = JournalSettings(options)
        let place = JournalDirectory(data: directory, path: path)
        let before = memory
        memory.isClosed = false
        memory.options = options
        memory.begin()
        if settings.mode == .readOnly {
            _ = try place.numbers()
            if memory != before { try memory.save(in: directory) }
            return Journal(
                JournalFiles(
                    place, compressor: settings.compressor,
                    statistics: JournalStatistics(services.counters)),
                name: name,
                identity: memory.identity, settings: settings, generation: memory.generation,
                services: services)
        }
        try requireFree(path, for: name)
        let isClaimed = try services.owners.claim(path, for: Self.owner(name))
        do throws(StoreError) {
            return try write(name, place, settings, &memory, before)
        } catch {
            // What never was there is not there now either, unless its files have to be looked after.
            if !before.isKnown, error.mayPass || error.isForeign {
                try? directory.remove(JournalMemory.path(of: name))
            }
            // As long as there is a note the files are the journal's, also if they can't be opened.
            if isClaimed, (try? JournalMemory(of: name, in: directory))?.isKnown != true {
                services.owners.release(path, of: Self.owner(name))
            }
            throw error
        }
    }

    private func write(
        _ name: String, _ place: JournalDirectory, _ settings: JournalSettings,
        _ memory: inout JournalMemory, _ before: JournalMemory
    ) throws(StoreError) -> Journal {
        if try place.isNew() { try AppendGate.forget("journals", name, in: directory) }
        let gate = try AppendGate(of: "journals", name, in: directory)
        let statistics = JournalStatistics(services.counters)
        // Before the files: a crash in between leaves a journal that the next opening finishes.
        if memory != before { try memory.save(in: directory) }
        var opened = try JournalOpening(
            name: name, directory: place,
            isOurs: before.isKnown || place.path == Self.defaultPath(name),
            settings: settings, keys: gate.keys,
            workers: services.makers, statistics: statistics
        ).open()
        if opened.result != .ok {
            memory.generation += 1
            try memory.save(in: directory)
        }
        opened.generation = memory.generation
        return Journal(
            opened, name: name, identity: memory.identity, settings: settings,
            checkpoint: memory.checkpoint, gate: gate,
            statistics: statistics, services: services)
    }

    /// The lock of a directory does not keep out others of the same process.
    private func requireFree(_ path: String, for name: String) throws(StoreError) {
        let other = open.withLock { open in
            open.values.first { $0.path == path && !$0.isReadOnly && $0.name != name }
        }
        if let other {
            throw .journal(
                .busy(detail: "\(path) is being written under the name \(other.name)"))
        }
    }

    // MARK: - Changing

    /// Changes what can change while a journal is open; waits.
    package func change(
        _ name: String, expecting expectation: Expectation, _ given: JournalOptions
    ) throws(StoreError) -> Journal {
        try given.check()
        return try turns.with(name) { () throws(StoreError) in
            let journal = try held(name)
            let view = journal.view
            try expectation.check(
                against: .init(
                    identity: journal.identity, generation: view.generation,
                    position: view.last.position))
            var memory = try memory(of: name)
            let options = given.completed(by: memory.options)
            try options.check()
            memory = try remember(name) {
                $0.options = options
                $0.generation += 1
            }
            journal.change(JournalSettings(options), generation: memory.generation)
            journal.archiveIfSet()
            return journal
        }
    }

    /// Writes a checkpoint; waits until it is in the queue.
    package func checkpoint(
        _ journal: Journal,
        complete: @escaping @Sendable (Result<Journal.Checkpoint, StoreError>) -> Void
    ) throws(StoreError) {
        try journal.checkpoint(
            remember: { [self] (lsn) throws(StoreError) in
                try remember(journal.name) { $0.checkpoint = lsn }
            }, complete: complete)
    }

    /// Changes the journal's note; of two changes at once neither is lost.
    @discardableResult
    private func remember(
        _ name: String, _ change: (inout JournalMemory) -> Void
    ) throws(StoreError) -> JournalMemory {
        try saving.withLock { _ throws(StoreError) in
            var memory = try JournalMemory(of: name, in: directory)
            change(&memory)
            try memory.save(in: directory)
            return memory
        }
    }

    // MARK: - Closing

    /// Closes the journal until it is opened by request; waits.
    package func close(_ name: String) throws(StoreError) {
        try turns.with(name) { () throws(StoreError) in
            let memory = try memory(of: name)
            guard memory.isKnown else {
                throw .journal(.noSuchJournal(name: name, isKnown: false))
            }
            if !memory.isClosed { try remember(name) { $0.isClosed = true } }
            forgetFailure(of: name)
            if let journal = loaded(name) { try unload(journal) }
        }
    }

    func unload(_ journal: Journal) throws(StoreError) {
        open.withLock { $0[journal.name] = nil }
        cursors.removeAll(of: journal)
        if let failure = journal.close() { throw failure }
    }

    /// Closes the journal and removes its files, or forgets it; waits.
    package func delete(_ name: String, keepFiles: Bool) throws(StoreError) {
        try turns.with(name) { () throws(StoreError) in
            var memory = try memory(of: name)
            guard memory.isKnown else {
                throw .journal(.noSuchJournal(name: name, isKnown: false))
            }
            let place = JournalDirectory(
                data: directory, path: memory.options.path ?? Self.defaultPath(name))
            let isRead = memory.options.mode == .readOnly
            if !keepFiles, !isRead, (try? StubDatabase.isForeign(place)) == true {
                throw .journal(
                    .foreignDatabase(
                        detail:
                            "\(place.path) holds a database's tables; keep_files=true forgets the "
                            + "journal and leaves them alone"))
            }
            let keepsFiles = keepFiles || isRead
            if !keepsFiles {
                // From here on the journal is gone, whatever happens.
                memory.isDeleting = true
                try memory.save(in: directory)
            }
            if let journal = loaded(name) {
                journal.isDeleted.set()
                try? unload(journal)
            }
            forgetFailure(of: name)
            try keepsFiles ? forget(name) : finishDeleting(name, memory)
        }
    }

    /// Closes every journal cleanly, for the end of the process; waits.
    func closeAll() {
        for journal in allLoaded {
            try? turns.with(journal.name) { () throws(StoreError) in try unload(journal) }
        }
    }
}
