import Glibc

/// The few files that make a directory of logs one that the real library opens.
enum StubDatabase {
    static let lockName = "WiredTiger.lock"
    static let lockText = "WiredTiger lock file\n"
    private static let turtleName = "WiredTiger.turtle"
    private static let release = "WiredTiger 3.2.1: (August 27, 2019)"

    private static let turtle = """
        WiredTiger version string
        \(release)
        WiredTiger version
        major=3,minor=2,patch=1
        file:WiredTiger.wt
        checkpoint=,checkpoint_lsn=,id=0,key_format=S,value_format=S,version=(major=1,minor=1)

        """

    /// Whether tables of somebody else lie in the directory: then it is not we who may end its log.
    static func isForeign(_ directory: JournalDirectory) throws(StoreError) -> Bool {
        guard
            let text = try directory.data.contents(
                of: directory.path(turtleName), limit: 1 << 20)
        else { return false }
        return text != Array(turtle.utf8)
    }

    /// Refuses log files without the database that they belong to: it may lie elsewhere, and have them
    /// open.
    static func requireDatabase(_ directory: JournalDirectory) throws(StoreError) {
        guard !directory.data.exists(directory.path(turtleName)),
            try !directory.numbers().isEmpty
        else { return }
        throw .journal(
            .foreignDatabase(
                detail:
                    "\(directory.path) holds log files, but not the database that they belong to, which "
                    + "may lie elsewhere and be writing them: open them as mode read_only, or import "
                    + "a copy"))
    }

    /// The files without which the real library opens no directory.
    static var files: [(name: String, bytes: [UInt8])] {
        [
            ("WiredTiger.wt", metadata), (turtleName, Array(turtle.utf8)),
            ("WiredTiger", Array("WiredTiger\n\(release)\n".utf8)),
        ]
    }

    /// Makes the files that are missing.
    static func make(in directory: JournalDirectory) throws(StoreError) {
        for (name, bytes) in files where !directory.data.exists(directory.path(name)) {
            try directory.data.replaceContents(of: directory.path(name), with: bytes)
        }
    }

    /// The names of all files that are made here, besides log files.
    static let names = ["WiredTiger.wt", turtleName, "WiredTiger", lockName]

    /// An empty table: one block with its checksum.
    private static var metadata: [UInt8] {
        var block = [UInt8](repeating: 0, count: 4096)
        block.storeLittleEndian(UInt32(120_897), at: 0)
        block.storeLittleEndian(UInt16(1), at: 4)
        let sum = block.withUnsafeBytes { CRC32C.checksum(of: $0) }
        block.storeLittleEndian(sum, at: 8)
        return block
    }

    /// Takes the lock that the real library takes, for as long as the file is open.
    ///
    /// - Throws: `.busy` if another process has it.
    static func lock(_ directory: JournalDirectory) throws(StoreError) -> DirectoryLock {
        let path = directory.path(lockName)
        let file = try directory.data.open(path, flags: O_RDWR | O_CREAT)
        var range = flock()
        range.l_type = Int16(F_WRLCK)
        range.l_whence = Int16(SEEK_SET)
        range.l_start = 0
        range.l_len = 1
        while fcntl(file.descriptor, F_SETLK, &range) != 0 {
            if errno == EINTR { continue }
            guard errno == EACCES || errno == EAGAIN else {
                throw StoreError(call: "fcntl", errno: errno, file: path)
            }
            throw .journal(
                .busy(detail: "another process has the database in \(directory.path) open"))
        }
        if try file.status().st_size == 0 {
            try file.write(Array(lockText.utf8), at: 0)
        }
        return DirectoryLock(file)
    }
}

extension StubDatabase {
    /// The process that has the database open, if one has; nothing is locked to find out.
    static func holder(of directory: JournalDirectory) -> Int? {
        let path = directory.path(lockName)
        guard let file = try? directory.data.open(path, flags: O_RDONLY) else { return nil }
        var range = flock()
        range.l_type = Int16(F_WRLCK)
        range.l_whence = Int16(SEEK_SET)
        range.l_start = 0
        range.l_len = 1
        guard fcntl(file.descriptor, F_GETLK, &range) == 0, range.l_type != Int16(F_UNLCK) else {
            return nil
        }
        return Int(range.l_pid)
    }
}

/// The lock of a database's directory, held as long as this exists.
final class DirectoryLock: Sendable {
    private let file: File

    init(_ file: consuming File) { self.file = file }
}
