import Glibc

/// A folder of log files that is made under a hidden name.
struct JournalFolder {
    let directory: JournalDirectory

    init(_ temporary: String, in folder: DataDirectory) {
        directory = JournalDirectory(data: folder, path: temporary)
    }

    /// Lets `fill` make the log files, adds what makes the real library open them, and gives it its name.
    func make(
        as name: String, _ fill: (JournalDirectory) throws(StoreError) -> Void
    ) throws(StoreError) {
        try begin()
        do throws(StoreError) {
            try fill(directory)
            try finish(as: name)
        } catch {
            abandon()
            throw error
        }
    }

    func begin() throws(StoreError) {
        guard mkdir(directory.data.absolute(directory.path), 0o750) == 0 else {
            throw StoreError(call: "mkdir", errno: errno, file: directory.path)
        }
    }

    /// - Throws: `.alreadyExists` if something has the name.
    func finish(as name: String) throws(StoreError) {
        try StubDatabase.make(in: directory)
        for file in try directory.data.names(in: directory.path) {
            DataDirectory.give(
                directory.data.absolute(directory.path(file)), toOwnerOf: directory.data.path)
        }
        try directory.data.syncFolder(of: directory.path("x"))
        guard !directory.data.exists(name) else {
            throw .alreadyExists(name: directory.data.shown(name))
        }
        DataDirectory.give(
            directory.data.absolute(directory.path), toOwnerOf: directory.data.path)
        try directory.data.rename(directory.path, to: name)
        try directory.data.syncFolder(of: name)
    }

    func abandon() {
        for name in (try? directory.data.names(in: directory.path)) ?? [] {
            directory.data.discard(directory.path(name))
        }
        rmdir(directory.data.absolute(directory.path))
    }
}
