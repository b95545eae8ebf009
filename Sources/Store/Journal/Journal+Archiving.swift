// Checkpoints, and the removal of files that lie before them.

extension Journal {
    /// Where the records of a checkpoint lie.
    package struct Checkpoint: Sendable {
        package let lsn: LSN
        package let start: LSN
    }

    /// What was removed, and how many cursors keep the rest.
    package struct Archived: Sendable {
        package let removed: [UInt32]
        package let holders: Int
    }

    /// Writes the records of a checkpoint and flushes them; WT_SESSION::checkpoint.
    ///
    /// - Parameter remember: keeps the new checkpoint in mind for the next opening.
    func checkpoint(
        remember: @escaping @Sendable (LSN) throws(StoreError) -> Void,
        complete: @escaping @Sendable (Result<Checkpoint, StoreError>) -> Void
    ) throws(StoreError) {
        guard !isForeign || isReadOnly else {
            throw .journal(
                .foreignDatabase(
                    detail:
                        "\(path) holds a database's tables: a checkpoint that is not the database's own "
                        + "would make its recovery pass over what was logged before"))
        }
        try perform(
            { [self] (engine) throws(StoreError) in
                let (start, end) = try engine.checkpoint()
                try remember(start)
                setCheckpoint(start)
                if settings.archive { _ = archive(engine) }
                return Checkpoint(lsn: end, start: start)
            }, complete: complete)
    }

    /// Removes the files before the last checkpoint, unless a cursor is open.
    package func archive(
        complete: @escaping @Sendable (Result<Archived, StoreError>) -> Void
    ) throws(StoreError) {
        try perform({ [self] (engine) throws(StoreError) in archive(engine) }, complete: complete)
    }

    /// As `archive(complete:)`, of a journal that is set to do it by itself.
    func archiveIfSet() {
        guard settings.archive, checkpointLSN > .beginning, let committer else { return }
        // Once it is closed the files may be another's.
        committer.perform { [self] engine in
            if engine.view.state == .open { _ = archive(engine) }
        }
    }

    private func archive(_ engine: JournalEngine) -> Archived {
        let limit = min(checkpointLSN.file, engine.view.synced.file)
        let numbers = (try? files.directory.numbers()) ?? []
        let old = isForeign ? [] : numbers.filter { $0 < limit }
        let directory = files.directory
        let removed = holds.ifFree(olderThan: settings.maxCursorHoldMilliseconds) {
            Array(old.prefix { (try? directory.data.unlink(directory.logPath($0))) != nil })
        }
        guard let removed else { return Archived(removed: [], holders: holds.current.count) }
        if !removed.isEmpty {
            files.forget(filesBefore: limit)
            try? directory.data.syncFolder(of: directory.logPath(limit))
        }
        return Archived(removed: removed, holders: 0)
    }
}
