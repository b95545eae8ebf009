import Glibc

/// A file that was opened for its pages, before the pool knows it.
final class FoundFile: Sendable {
    /// Absolute, as far as that can be told.
    let path: String
    let size: Int
    /// The user's 20 bytes, or inode and device; the last number tells the two apart.
    let identity: (UInt64, UInt64, UInt64)
    let isWritable: Bool
    private let name: String
    private let file: File

    /// Opens `options.path`, and makes it if that is asked for.
    init(_ options: PageFileOptions, name: String) throws(StoreError) {
        let given = options.path ?? name
        // A FIFO would be waited for.
        var flags = O_NONBLOCK | (options.readOnly ? O_RDONLY : O_RDWR)
        if options.create, !options.readOnly { flags |= O_CREAT }
        do throws(StoreError) {
            file = try File(path: given, name: name, flags: flags, mode: options.mode)
        } catch {
            if case .io(let fault) = error, fault.errno == ENOENT {
                throw .mpool(.noSuchFile(name: name))
            }
            throw error
        }
        let status = try file.status()
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw .badArgument(option: "path", detail: "\(name) is not a file")
        }
        size = Int(status.st_size)
        guard options.oddSize || size % options.pageSize == 0 else {
            throw .badArgument(
                option: "pagesize",
                detail: "\(name) has \(size) bytes, no multiple of the page size")
        }
        path = FoundFile.absolute(given)
        guard path.utf8.count < PageFileEntry.longestPath,
            name.utf8.count < PageFileEntry.longestName
        else { throw .badArgument(option: "path", detail: "the name of \(name) is too long") }
        identity = FoundFile.identity(options.uid, status)
        isWritable = !options.readOnly
        self.name = name
    }

    private static func absolute(_ path: String) -> String {
        guard let absolute = realpath(path, nil) else { return path }
        defer { free(absolute) }
        return String(cString: absolute)
    }

    /// Whether an identity is one that a user gave.
    static func isUID(_ identity: (UInt64, UInt64, UInt64)) -> Bool { identity.2 & 3 == 2 }

    var hasUID: Bool { Self.isUID(identity) }

    static func identity(_ uid: [UInt8]?, _ status: stat) -> (UInt64, UInt64, UInt64) {
        guard let uid else { return (UInt64(status.st_ino), UInt64(status.st_dev), 1) }
        let first: UInt64 = uid.bigEndian(UInt64.self, at: 0)
        let second: UInt64 = uid.bigEndian(UInt64.self, at: 8)
        let third: UInt32 = uid.bigEndian(UInt32.self, at: 16)
        return (first, second, UInt64(third) << 2 | 2)
    }

    /// The same file once more, whatever its name has become.
    func reopened() throws(StoreError) -> File {
        let copy = fcntl(file.descriptor, F_DUPFD_CLOEXEC, 0)
        if copy < 0 { throw StoreError(call: "fcntl", errno: errno, file: name) }
        return File(taking: copy, name: name)
    }
}
