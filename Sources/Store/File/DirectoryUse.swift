import Glibc

/// Who uses a data directory: the server that holds the lock in it.
enum DirectoryUse {
    private static let lockName = ".tidemark/lock"

    /// Takes a data directory for this process, as long as the file is open.
    ///
    /// - Throws: `.locked` if another process has it.
    static func take(_ directory: String) throws(StoreError) -> File {
        let path = directory + "/" + lockName
        if let made = try? File(path: path, name: lockName, flags: O_RDWR | O_CREAT | O_EXCL) {
            withExtendedLifetime(made) { DataDirectory.give(path, toOwnerOf: directory) }
        }
        let file = try File(path: path, name: lockName, flags: O_RDWR | O_CREAT)
        guard flock(file.descriptor, LOCK_EX | LOCK_NB) == 0 else {
            throw .locked(detail: "another server uses the data directory \(directory)")
        }
        // What the one before has said of itself.
        try file.truncate(to: 0)
        return file
    }

    /// Where the server listens that has a data directory, if it has said so.
    static func server(of directory: String) -> ServerNote? {
        let path = directory + "/" + lockName
        guard let file = try? File.regular(path, name: lockName, flags: O_RDONLY),
            let bytes = try? file.read(at: 0, count: 16 << 10)
        else { return nil }
        return ServerNote(bytes)
    }

    /// The data directory that a path lies in, whether somebody uses it or not; nil if in none.
    static func directory(of path: String) -> String? {
        guard let absolute = realpath(path, nil) else { return nil }
        defer { free(absolute) }
        var rest = String(cString: absolute)[...]
        // The folders as they are written before a name: the topmost one is nothing at all.
        if rest == "/" { rest = "" }
        while access(String(rest) + "/" + lockName, F_OK) != 0 {
            guard let slash = rest.lastIndex(of: "/") else { return nil }
            rest = rest[..<slash]
        }
        return rest.isEmpty ? "/" : String(rest)
    }

    /// Whether a server uses a data directory now.
    static func isUsed(_ directory: String) -> Bool { isLocked(directory + "/" + lockName) }

    /// Whether a process has a file locked with flock(2).
    ///
    /// There is no way to ask but to try: the lock is shared, so that those who ask don't disturb each
    /// other, and is let go of at once.
    static func isLocked(_ path: String) -> Bool {
        guard let file = try? File(path: path, name: path, flags: O_RDONLY | O_NONBLOCK) else {
            return false
        }
        return flock(file.descriptor, LOCK_SH | LOCK_NB) != 0 && errno == EAGAIN
    }
}
