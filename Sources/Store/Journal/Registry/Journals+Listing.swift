import Glibc

// Which journals there are, open or not, and what a crash has cut short.

extension Journals {
    /// A journal that is not open, as far as it is known.
    package struct Closed: Sendable {
        package let name: String
        package let settings: JournalSettings
        package let path: String
        package let identity: String
        package let generation: Int
        package let checkpoint: LSN
        /// Whether it was closed by request: else whatever is asked of it opens it.
        package let isClosed: Bool
        /// Why the last opening failed, if it did.
        package let failure: StoreError?
    }

    /// What is known of a journal that is not open; waits.
    package func closed(_ name: String) throws(StoreError) -> Closed {
        let memory = try JournalMemory(of: name, in: directory)
        guard memory.isKnown, !memory.isDeleting else {
            throw .journal(.noSuchJournal(name: name, isKnown: false))
        }
        return Closed(
            name: name, settings: JournalSettings(memory.options),
            path: memory.options.path ?? Self.defaultPath(name), identity: memory.identity,
            generation: memory.generation, checkpoint: memory.checkpoint, isClosed: memory.isClosed,
            failure: failure(of: name))
    }

    /// Names of all journals after `last`, in order, at most `limit`; waits.
    package func names(
        prefix: String, after last: String?, limit: Int
    ) throws(StoreError) -> (names: [String], isComplete: Bool) {
        let all = try directory.names(in: ".tidemark/journals").filter(ResourceName.isValid)
        let wanted = all.filter { $0.hasPrefix(prefix) && $0 > last ?? "" }.sorted()
        return (Array(wanted.prefix(limit)), wanted.count <= limit)
    }

    /// Opens the journals that were not closed by request.
    func openHeld() {
        let names = (try? directory.names(in: ".tidemark/journals")) ?? []
        reopening.start(names, on: services.files) { [self] name in
            do throws(StoreError) {
                let memory = try unopened.noting(name) { () throws(StoreError) in
                    try JournalMemory(of: name, in: directory)
                }
                guard !memory.isClosed else { return }
                // Carries on with a removal, or takes back an import.
                guard memory.isDeleting else {
                    _ = try find(name)
                    return
                }
                try turns.with(name) { () throws(StoreError) in _ = try self.memory(of: name) }
            } catch {
                services.report("journal \(name) could not be opened: \(error.summary)")
            }
        }
    }

    /// What is remembered of the journal, once nothing is half done; in the name's turn.
    func memory(of name: String) throws(StoreError) -> JournalMemory {
        let memory = try JournalMemory(of: name, in: directory)
        guard memory.isDeleting, loaded(name) == nil else { return memory }
        try finishDeleting(name, memory)
        return try JournalMemory(of: name, in: directory)
    }

    /// Removes the files that are made here, and the directory if nothing else lies in it.
    func finishDeleting(_ name: String, _ memory: JournalMemory) throws(StoreError) {
        let place = JournalDirectory(
            data: directory, path: memory.options.path ?? Self.defaultPath(name))
        // One that is gone was removed before.
        let isOwn = try services.owners.isFree(place.path, for: Self.owner(name))
        let isThere = isOwn && directory.exists(place.path)
        let names = isThere ? try directory.names(in: place.path) : []
        for path in names.filter(Self.isOurs).map(place.path)
        where try services.owners.isFree(path, for: Self.owner(name)) {
            try directory.unlink(path)
        }
        if rmdir(directory.absolute(place.path)) == 0 {
            try directory.syncFolder(of: place.path)
        }
        try forget(name)
    }

    private static func isOurs(_ file: String) -> Bool {
        JournalDirectory.number(file) != nil || StubDatabase.names.contains(file)
            || file.hasPrefix(JournalDirectory.preparedPrefix)
            || file.hasPrefix(JournalDirectory.unfinishedPrefix)
    }

    /// The note goes first: without it the mark means nothing.
    func forget(_ name: String) throws(StoreError) {
        try directory.remove(JournalMemory.path(of: name))
        directory.discard(JournalMark.path(of: name))
        try? services.forget("journals", name, in: directory)
        services.owners.release(Self.owner(name))
    }
}

extension Journal {
    /// - Throws: `.argumentMismatch` for the first option that is set otherwise.
    func compare(_ given: JournalOptions) throws(StoreError) {
        func check(_ option: String, _ given: String?, _ current: String) throws(StoreError) {
            guard let given, given != current else { return }
            throw .argumentMismatch(option: option, expected: current, actual: given)
        }
        let settings = settings
        try check("path", given.path, path)
        try check("mode", given.mode?.rawValue, settings.mode.rawValue)
        try check("file_max", given.fileMax.map { "\($0)" }, "\(settings.fileMax)")
        try check("compressor", given.compressor?.rawValue, settings.compressor.rawValue)
        try check("archive", given.archive.map { "\($0)" }, "\(settings.archive)")
        try check("prealloc", given.prealloc.map { "\($0)" }, "\(settings.prealloc)")
        try check("durability", given.durability?.rawValue, settings.durability.rawValue)
        try check(
            "max_cursor_hold_ms", given.maxCursorHoldMilliseconds.map { "\($0)" },
            "\(settings.maxCursorHoldMilliseconds)")
    }
}
