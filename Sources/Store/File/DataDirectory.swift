import Glibc

/// The folder in which everything lies: one server's at a time.
///
/// ```
/// pools/NAME       logs/NAME.LOG       journals/NAME/       mpools/NAME/
/// .tidemark/lock          held by the server that uses the directory
/// .tidemark/pools/NAME    what the service must remember about a pool
/// .tidemark/logs/NAME     and about a log
/// .tidemark/places/NAME   where a log stands in the count of all it ever held
/// .tidemark/journals/NAME about a journal
/// .tidemark/marks/NAME    and how far it was on stable storage
/// .tidemark/fences/KIND-NAME the highest token of its writers
/// .tidemark/tokens        who may do what
/// .tidemark/keys/KIND-NAME   what clients called their appends
/// .tidemark/calls/KIND-NAME  and their other calls, where these outlive the process
/// .tidemark/new/          files being made; what lies here at the start was never finished
/// ```
package final class DataDirectory: Sendable {
    package let path: String
    /// Nil for a folder that is nobody's data directory.
    private let lock: File?
    /// Names this use of the directory: of two at the same address only one is the right server.
    package let instance = RandomName.digits() + RandomName.digits() + RandomName.digits()
    /// Whether a server works in it, and not a tool beside files that lie anywhere.
    let isServed: Bool
    /// What the names of files being made begin with.
    private let newPrefix: String
    private let folders = Folders()

    /// The four kinds' folders, in which only their own files lie.
    package static let kinds = ["pools", "logs", "journals", "mpools"]

    /// Makes what is missing and takes the directory for this process.
    ///
    /// - Throws: `.locked` if another server uses it.
    package init(path: String) throws(StoreError) {
        try Self.makeFolders(of: path + "/x")
        self.path =
            realpath(path, nil).map { absolute in
                defer { free(absolute) }
                return String(cString: absolute)
            } ?? path
        let notes = ["pools", "logs", "places", "journals", "marks", "fences", "calls", "new"].map {
            ".tidemark/" + $0
        }
        for folder in Self.kinds + [".tidemark"] + notes
        where try Self.makeFolder(path + "/" + folder) {
            Self.give(path + "/" + folder, toOwnerOf: path)
        }
        newPrefix = ".tidemark/new/"
        lock = try DirectoryUse.take(path)
        isServed = true
        try Self.sync(folder: path + "/.tidemark", name: ".tidemark")
        try Self.sync(folder: path, name: ".")
    }

    /// A folder that is nobody's data directory, with files that are looked at, or made, by their own.
    ///
    /// Nothing is made in it and no lock is taken; files being made have hidden names beside the others.
    package init(around folder: String) {
        path = folder
        lock = nil
        isServed = false
        newPrefix = ".tidemark-new-"
    }

    /// Notes where the server listens that uses the directory, for commands on the same machine.
    package func announce(host: String, port: Int, certificate: String) throws(StoreError) {
        let note = ServerNote(
            host: host, port: port, instance: instance, certificate: certificate)
        try lock?.write(note.encoded, at: 0)
    }

    /// Where the server listens that uses the directory at `path`, if it has said so.
    package static func server(of path: String) -> ServerNote? { DirectoryUse.server(of: path) }

    /// The absolute path of a file named relative to the directory.
    package func absolute(_ relative: String) -> String { path + "/" + relative }

    /// Opens a regular file below the directory.
    ///
    /// - Throws: `.notRegular` for anything else.
    package func open(
        _ relative: String, flags: Int32, mode: UInt32 = 0o640
    ) throws(StoreError) -> File {
        try File.regular(absolute(relative), name: relative, flags: flags, mode: mode)
    }

    /// True if there is something at that place, whatever it is.
    package func exists(_ relative: String) -> Bool {
        var status = stat()
        return lstat(absolute(relative), &status) == 0
    }

    /// True if a symbolic link is at that place.
    func isLink(_ relative: String) -> Bool {
        var status = stat()
        return lstat(absolute(relative), &status) == 0 && status.st_mode & S_IFMT == S_IFLNK
    }

    /// Makes the folders above a file, each on stable storage.
    package func makeFolders(above relative: String) throws(StoreError) {
        try Self.makeFolders(of: absolute(relative))
    }

    /// Gives a file its final name, which nothing may have yet, and makes that durable.
    ///
    /// - Throws: `.alreadyExists` if something has the name.
    package func publish(_ temporary: String, as relative: String) throws(StoreError) {
        if !isServed { try setOwner(of: temporary, before: relative) }
        // Unlike rename(2), link(2) never replaces what another process put there meanwhile.
        if Glibc.link(absolute(temporary), absolute(relative)) != 0 {
            if errno == EEXIST { throw .alreadyExists(name: relative) }
            throw StoreError(call: "link", errno: errno, file: relative)
        }
        do throws(StoreError) {
            try syncFolder(of: relative)
        } catch {
            discard(relative)
            throw error
        }
        discard(temporary)
    }

    /// Puts a file in the place of another, atomically and durably.
    package func replace(_ relative: String, with temporary: String) throws(StoreError) {
        try setOwner(of: temporary, before: relative)
        _ = try retryingSystemCall("rename", relative) {
            Glibc.rename(absolute(temporary), absolute(relative))
        }
        try syncFolder(of: relative)
    }

    /// Gives a file another name, in the place of what may have it; not yet durable.
    package func rename(_ relative: String, to other: String) throws(StoreError) {
        _ = try retryingSystemCall("rename", relative) {
            Glibc.rename(absolute(relative), absolute(other))
        }
    }

    /// Gives a file a second name, if the file system has such and allows it.
    func link(_ relative: String, to other: String) -> Bool {
        Glibc.link(absolute(relative), absolute(other)) == 0
    }

    /// What a small file holds; nil if there is none.
    ///
    /// - Parameter limit: how many bytes are looked at.
    package func contents(of relative: String, limit: Int) throws(StoreError) -> [UInt8]? {
        do throws(StoreError) {
            return try open(relative, flags: O_RDONLY).read(at: 0, count: limit)
        } catch {
            guard case .io(let fault) = error, fault.errno == ENOENT else { throw error }
            return nil
        }
    }

    /// Puts bytes in the place of a small file's, at once for every reader.
    package func replaceContents(
        of relative: String, with bytes: [UInt8]
    ) throws(StoreError) {
        try replace(relative, withPrepared: try prepare(bytes))
    }

    /// As `replace`; if that fails, what was prepared is gone too.
    package func replace(
        _ relative: String, withPrepared temporary: String
    ) throws(StoreError) {
        do throws(StoreError) {
            try replace(relative, with: temporary)
        } catch {
            discard(temporary)
            throw error
        }
    }

    /// Puts bytes on stable storage under a name that nothing has yet: for `replace`, or `discard`.
    package func prepare(_ bytes: [UInt8]) throws(StoreError) -> String {
        let temporary = temporaryName()
        do throws(StoreError) {
            let file = try open(temporary, flags: O_WRONLY | O_CREAT | O_EXCL)
            try file.write(bytes, at: 0)
            try file.sync()
            return temporary
        } catch {
            discard(temporary)
            throw error
        }
    }

    /// Removes a file and makes that durable; one that is not there is no error.
    package func remove(_ relative: String) throws(StoreError) {
        try unlink(relative)
        do throws(StoreError) {
            try syncFolder(of: relative)
        } catch {
            throw .afterEffect(error)
        }
    }

    /// Removes a file, durably once its folder is synced; one that is not there is no error.
    package func unlink(_ relative: String) throws(StoreError) {
        if Glibc.unlink(absolute(relative)) != 0, errno != ENOENT {
            throw StoreError(call: "unlink", errno: errno, file: relative)
        }
    }

    /// Removes a file that nobody was told of; failing to is no error.
    package func discard(_ relative: String) { _ = Glibc.unlink(absolute(relative)) }

    /// A name for a file being made that nothing has yet.
    package func temporaryName() -> String {
        newPrefix + String(UInt64.random(in: .min ... .max), radix: 36)
    }

    /// The visible names in a folder, in no order.
    package func names(in relative: String) throws(StoreError) -> [String] {
        guard let stream = opendir(absolute(relative)) else {
            throw StoreError(call: "opendir", errno: errno, file: relative)
        }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names
    }

    /// Bytes that the file system of the directory has left for this process.
    package func freeBytes() throws(StoreError) -> Int {
        var status = statvfs()
        _ = try retryingSystemCall("statvfs", ".") { statvfs(path, &status) }
        return Int(status.f_bavail) * Int(status.f_frsize)
    }

    /// Removes files whose making was cut short before anyone was told of them; their number.
    package func discardUnfinished() throws(StoreError) -> Int {
        let names = try names(in: ".tidemark/new")
        for name in names { discard(".tidemark/new/" + name) }
        return names.count
    }

    /// Makes durable which names there are in the folder of a file.
    package func syncFolder(of relative: String) throws(StoreError) {
        let name = Self.folder(of: relative)
        if let folder = folders.find(absolute(name)) { return try folder.sync() }
        try Self.sync(folder: absolute(name), name: name)
    }

    /// Keeps the folder of a file open as long as the result is there: `syncFolder` of its files then
    /// can't fail for want of a descriptor.
    func keepFolder(of relative: String) throws(StoreError) -> Folder {
        let name = Self.folder(of: relative)
        return try folders.keep(absolute(name), name: name)
    }

    private static func makeFolders(of absolute: String) throws(StoreError) {
        var path = absolute.hasPrefix("/") ? "" : "."
        for segment in absolute.split(separator: "/").dropLast() {
            path += "/" + segment
            _ = try makeFolder(path)
        }
    }

    /// - Returns: whether it was not there.
    private static func makeFolder(_ path: String) throws(StoreError) -> Bool {
        if mkdir(path, 0o750) == 0 {
            let parent = path.split(separator: "/", omittingEmptySubsequences: false).dropLast()
            let folder = parent.joined(separator: "/")
            try sync(folder: folder.isEmpty ? "/" : folder, name: folder)
            return true
        }
        guard errno != EEXIST else { return false }
        throw StoreError(call: "mkdir", errno: errno, file: path)
    }

    private static func sync(folder: String, name: String) throws(StoreError) {
        try File(path: folder, name: name, flags: O_RDONLY | O_DIRECTORY).sync()
    }
}
