extension DiskLog {
    /// A log's files at one position.
    package struct Export: Sendable {
        package let archive: ExportArchive
        /// The state that they are.
        package let view: View
    }

    /// Takes the files at the position that the log has in this call's turn.
    ///
    /// What was asked before is in them and on stable storage, and nothing else. Writers wait while
    /// the files are given second names, and not while they are read.
    package func export(complete: @escaping Completion<Export>) {
        committer.perform { [self] engine in
            do throws(StoreError) {
                if mode == .readWrite { try committer.flush() }
                let files = try engine.exportedFiles()
                let view = engine.view
                complete(
                    .success(
                        Export(archive: ExportArchive(files, exportNotes(view)), view: view)))
            } catch {
                complete(.failure(error))
            }
        }
    }

    /// What an import needs and the files don't tell.
    private func exportNotes(_ view: View) -> ArchiveNotes {
        var notes = ArchiveNotes()
        notes.values = [
            "kind": "log", "type": type.rawValue, "format": format.rawValue,
            "position": "\(view.position)",
        ]
        switch view.size {
        case .infinity: break
        case .bytes(let bytes): notes.values["max_no_bytes"] = "\(bytes)"
        case .files(let bytes, let files):
            notes.values["max_no_bytes"] = "\(bytes)"
            notes.values["max_no_files"] = "\(files)"
        }
        return notes
    }
}
