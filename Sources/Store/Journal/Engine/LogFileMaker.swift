import Glibc

/// Makes log files: under another name first, so that none is ever seen half made.
struct LogFileMaker: Sendable {
    let directory: JournalDirectory
    let fileMax: Int

    /// Makes the log file of a number; its names are durable.
    ///
    /// - Parameters:
    ///   - previous: what its prev_lsn holds.
    ///   - prepared: one that was made in advance.
    func make(
        _ number: UInt32, previous: LSN, prepared: String?
    ) throws(StoreError) -> File {
        let name = JournalDirectory.name(JournalDirectory.unfinishedPrefix, number)
        let temporary = directory.path(name)
        do throws(StoreError) {
            if let prepared {
                try directory.data.rename(prepared, to: temporary)
            } else {
                try create(temporary)
            }
            let path = directory.logPath(number)
            do {
                let file = try directory.data.open(temporary, flags: O_RDWR)
                try file.write(
                    JournalFileHead.bytes(fileMax: fileMax, previous: previous), at: 0)
                try file.sync()
            }
            try directory.data.rename(temporary, to: path)
            do throws(StoreError) {
                try directory.data.syncFolder(of: path)
                return try directory.data.open(path, flags: O_RDWR)
            } catch {
                // The log goes on in the file before: nobody must find this one behind it.
                directory.data.discard(path)
                throw error
            }
        } catch {
            directory.data.discard(temporary)
            throw error
        }
    }

    /// Makes a file for later; where it lies.
    func prepare(_ number: UInt32) throws(StoreError) -> String {
        let temporary = directory.path(
            JournalDirectory.name(JournalDirectory.unfinishedPrefix, number))
        let path = directory.path(
            JournalDirectory.name(JournalDirectory.preparedPrefix, number))
        do throws(StoreError) {
            try create(temporary)
            try directory.data.rename(temporary, to: path)
            return path
        } catch {
            directory.data.discard(temporary)
            throw error
        }
    }

    private func create(_ path: String) throws(StoreError) {
        let file = try directory.data.open(path, flags: O_RDWR | O_CREAT | O_TRUNC)
        try file.write(JournalFileHead.bytes(fileMax: fileMax, previous: .beginning), at: 0)
        try file.truncate(to: max(fileMax, JournalFileHead.firstRecord))
        try file.sync()
    }

    /// Removes what was made in advance and what was never finished.
    func discardAll() throws(StoreError) {
        for name in try directory.data.names(in: directory.path)
        where name.hasPrefix(JournalDirectory.preparedPrefix)
            || name.hasPrefix(JournalDirectory.unfinishedPrefix)
        {
            directory.data.discard(directory.path(name))
        }
    }
}
