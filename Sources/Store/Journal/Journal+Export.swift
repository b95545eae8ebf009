extension Journal {
    /// A journal's files up to one LSN.
    package struct Export: Sendable {
        package let archive: ExportArchive
        /// The state that they are.
        package let view: View
    }

    /// Takes the log files up to the end that the journal has in this call's turn.
    ///
    /// What was asked before is in them and on stable storage. Writers wait while the files are
    /// given second names; nothing is archived until the export has ended. Of a journal that is only
    /// read it is the end of the last whole record; that waits for the disk.
    package func export(complete: @escaping @Sendable (Result<Export, StoreError>) -> Void) {
        let hold = ArchiveHold(self)
        let take = { @Sendable [self] (engine: JournalEngine?) in
            do throws(StoreError) {
                try engine?.flush()
                let view = engine?.view ?? self.view
                let end = try engine == nil ? foundEnd() : view.synced
                let archive = ExportArchive(
                    try exportedFiles(before: end), exportNotes(end), keeping: hold)
                complete(.success(Export(archive: archive, view: view)))
            } catch {
                complete(.failure(error))
            }
        }
        guard let committer else { return take(nil) }
        committer.perform { engine in take(engine) }
    }

    /// Behind the last record, where others write.
    private func foundEnd() throws(StoreError) -> LSN {
        guard let newest = try files.directory.numbers().last else {
            throw .journal(.noLogFiles(path: path))
        }
        var reader = JournalReader(files, from: LSN(file: newest, offset: 0))
        while try reader.next() != nil {}
        // A file that was just begun has no record, and nothing that could be cut off.
        let isFound = reader.place.file == newest && reader.place.offset > 0
        return isFound ? reader.place : LSN(file: newest, offset: .max)
    }

    private func exportedFiles(before end: LSN) throws(StoreError) -> [ExportedFile] {
        let directory = files.directory
        var exported = StubDatabase.files.map { file in
            ExportedFile(name: file.name, content: .bytes(file.bytes))
        }
        exported.append(
            ExportedFile(
                name: StubDatabase.lockName, content: .bytes(Array(StubDatabase.lockText.utf8))))
        for number in try directory.numbers() where number <= end.file {
            let held = try HeldFile(directory.logPath(number), in: directory.data)
            let size = number == end.file ? min(held.size, Int(end.offset)) : held.size
            exported.append(
                ExportedFile(
                    name: JournalDirectory.name(JournalDirectory.logPrefix, number),
                    content: .file(held, size: size, closed: false)))
        }
        return exported
    }

    /// What an import needs and the files don't tell.
    private func exportNotes(_ end: LSN) -> ArchiveNotes {
        var notes = ArchiveNotes()
        notes.values = [
            "kind": "journal", "position": end.description, "file_max": "\(settings.fileMax)",
            "compressor": settings.compressor.rawValue,
        ]
        return notes
    }
}

/// Keeps a journal's files from being archived as long as it is there.
private final class ArchiveHold: Sendable {
    private let journal: Journal

    init(_ journal: Journal) {
        self.journal = journal
        journal.holds.take()
    }

    deinit {
        journal.release()
        journal.archiveIfSet()
    }
}
