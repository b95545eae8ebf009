// A log that comes as an archive of its files.

extension Logs {
    /// A log that was imported, and what became of its files.
    package struct Imported: Sendable {
        package let log: DiskLog
        package let opened: LogOpened
    }

    /// Starts to receive the files of a log.
    package func beginImport() -> TarImport { TarImport(in: directory) { _ in true } }

    /// Makes what was received the log `name`, which must not exist, and opens it for the service;
    /// waits.
    ///
    /// The note says that the files are being removed until all is done: a crash before that leaves
    /// no log, one behind it the whole log.
    /// - Throws: `.alreadyExists`, `.badArchive`, `.importNeedsRepair`.
    package func finishImport(
        _ received: TarImport, as name: String, _ given: LogImportOptions
    ) throws(StoreError) -> Imported {
        let base = Self.defaultBase(name)
        try turns.with(name) { () throws(StoreError) in _ = try requireNew(name, base) }
        let files = try LogImport(try received.finish(), given, in: directory)
        var options = LogOptions()
        options.file = base
        options.type = files.type
        options.format = files.format
        options.size = files.size
        return try turns.with(name) { [options] () throws(StoreError) in
            let unknown = try requireNew(name, base)
            var pending = unknown
            pending.remember(options, isHeld: false)
            pending.beginDeleting()
            do throws(StoreError) {
                try pending.save(in: directory)
                try services.forget("logs", name, in: directory)
                for (suffix, path) in files.files {
                    try directory.rename(path, to: base + suffix)
                }
                try directory.syncFolder(of: base)
                let opening = try load(name, options, unknown, for: .service)
                if case .repaired(_, let badBytes, _) = files.opened {
                    services.counters.add(.repairs)
                    services.counters.add(.badBytes, badBytes)
                }
                return Imported(log: opening.log, opened: files.opened)
            } catch {
                forgetFailure(of: name)
                try? finishDeleting(name, pending)
                throw error
            }
        }
    }

    private func requireNew(_ name: String, _ base: String) throws(StoreError) -> LogMemory {
        let memory = try memory(of: name)
        guard loaded(name) == nil, !exists(name, memory), try filesOfLog(base).isEmpty,
            open.using(base).isEmpty
        else { throw .alreadyExists(name: "the log " + name) }
        return memory
    }
}
