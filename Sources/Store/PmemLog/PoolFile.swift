import Glibc

/// A pool's file or files, examined before the library sees them: it dies of some.
///
/// libpmemlog raises SIGBUS on an empty file and on a hole when the disk is full, leaks a lock when
/// a part has another size than its set says, and aborts when a flush fails while it creates.
struct PoolFile: Sendable {
    /// Relative to the data directory.
    let path: String
    let layout: PoolLayout
    /// Size of all parts together in bytes, without the headers of all but the first.
    let poolSize: Int
    /// Permissions of the file.
    let mode: UInt32
    /// Absolute paths of the parts of a set; empty for a pool of one file.
    let parts: [String]
    /// As the file or files were opened.
    let segments: PoolSegments

    var reader: PoolReader { PoolReader(segments) }

    /// The longest file name that the library can open again: it adds a suffix.
    static let longestName = 235

    /// Reads the headers of the pool at `path`; changes nothing.
    ///
    /// - Parameter access: what else the files are opened for, such as `O_RDWR`.
    init(
        at path: String, in directory: DataDirectory, access: Int32 = O_RDONLY
    ) throws(StoreError) {
        let file = try Self.openRegular(path, in: directory, access)
        let status = try file.status()
        let size = Int(status.st_size)
        let start = try file.read(at: 0, count: PoolLayout.dataStart)
        self.path = path
        mode = status.st_mode & 0o7777
        guard start.starts(with: PoolSet.signature) else {
            try Self.checkSize(size)
            layout = try PoolLayout(pages: start, poolSize: size)
            try PoolLayout.checkStandsAlone(start)
            poolSize = size
            parts = []
            segments = PoolSegments([.init(start: 0, length: size, fileOffset: 0, file: file)])
            return
        }
        // Elsewhere it may have been written as a log, by who may not know of the files that it names.
        guard path.hasPrefix("pools/") || !directory.isServed else {
            throw .notAPool(
                detail: "a set is taken from the folder pools only, and this is \(path)")
        }
        guard size <= 64 * 1024 else {
            throw .notAPool(detail: "the set file is \(size) bytes long")
        }
        let text = String(decoding: try file.read(at: 0, count: size), as: UTF8.self)
        let set = try PoolSet(text: text)
        segments = try Self.open(set, access)
        parts = set.parts.map(\.path)
        poolSize = set.extents.reduce(0) { $0 + $1.length }
        let pages = try PoolReader(segments).read(at: 0, count: PoolLayout.dataStart)
        layout = try PoolLayout(pages: pages, poolSize: poolSize)
    }

    /// Gives every byte of the pool a block of its own: a store into a hole kills the process when
    /// the disk is full.
    ///
    /// Pools that the service or the library made have no holes.
    func fillHoles(in directory: DataDirectory) throws(StoreError) {
        for absolute in parts.isEmpty ? [directory.absolute(path)] : parts {
            let file = try File(path: absolute, name: path, flags: O_RDWR)
            let status = try file.status()
            guard status.st_blocks * 512 < status.st_size else { continue }
            try file.allocate(size: Int(status.st_size))
        }
    }

    /// Makes the next reading of the headers and of the end of the data ask the device.
    ///
    /// After a failed flush the page cache holds bytes that the device does not have, as if all were
    /// well, also for the next process; and writing to such pages again may not put them there. What
    /// lies further back than any one append was flushed before it.
    func askDevice(in directory: DataDirectory) throws(StoreError) {
        let longestAppend = 1 << 30
        for absolute in parts.isEmpty ? [directory.absolute(path)] : parts {
            let file = try File(path: absolute, name: path, flags: O_RDONLY)
            try file.sync()
            guard parts.isEmpty, layout.writeOffset > longestAppend else {
                file.dropCache()
                continue
            }
            file.dropCache(length: PoolLayout.dataStart)
            file.dropCache(from: layout.writeOffset - longestAppend)
        }
    }

    /// Takes back an append whose flush failed: the pool's write offset becomes that of `tell`, the
    /// last one known to be durable.
    ///
    /// To be called after `askDevice`, so that it is the device's offset which is looked at.
    /// - Returns: how many bytes were cut off.
    func cutBack(toTell tell: Int, in directory: DataDirectory) throws(StoreError) -> Int {
        let first = parts.first ?? directory.absolute(path)
        let file = try File(path: first, name: path, flags: O_RDWR)
        let field = try file.read(at: PoolLayout.writeOffsetField, count: 8)
        let found = field.count == 8 ? Int(field.littleEndian(UInt64.self, at: 0)) : 0
        let durable = PoolLayout.dataStart + tell
        guard found > durable else { return 0 }
        var bytes = [UInt8](repeating: 0, count: 8)
        bytes.storeLittleEndian(UInt64(durable), at: 0)
        try file.write(bytes, at: PoolLayout.writeOffsetField)
        try file.sync()
        return found - durable
    }

    /// Makes a pool of one file, complete and on stable storage before it gets its name.
    ///
    /// pmemlog_create(3) without its two flaws: it aborts the process when a flush fails, and after
    /// a power cut the file may be there without its permissions.
    static func create(
        _ path: String, size: Int, mode: UInt32, createdAt: Int, in directory: DataDirectory
    ) throws(StoreError) {
        try checkName(path)
        let temporary = directory.temporaryName()
        do throws(StoreError) {
            let file = try directory.open(
                temporary, flags: O_RDWR | O_CREAT | O_EXCL, mode: 0o600)
            try file.allocate(size: size)
            try file.write(PoolLayout.newPages(poolSize: size, createdAt: createdAt), at: 0)
            try file.setMode(mode)
            try file.sync()
            try directory.makeFolders(above: path)
            try directory.publish(temporary, as: path)
        } catch {
            directory.discard(temporary)
            guard case .fileTooLarge(let detail) = error else { throw error }
            throw .badArgument(option: "pool_size", detail: detail)
        }
    }

    /// - Throws: `.badArgument` if the library could not open a file of that name.
    static func checkName(_ path: String) throws(StoreError) {
        let name = path.split(separator: "/").last ?? ""
        guard name.utf8.count <= longestName else {
            throw .badArgument(
                option: "file",
                detail:
                    "a pool's file name has at most \(longestName) bytes, not \(name.utf8.count)")
        }
    }

    private static func openRegular(
        _ path: String, in directory: DataDirectory, _ access: Int32
    ) throws(StoreError) -> File {
        try checkName(path)
        do throws(StoreError) {
            return try directory.open(path, flags: access)
        } catch {
            if case .notRegular = error { throw .notAPool(detail: "it is not a regular file") }
            guard case .io(let fault) = error, [ENOENT, ENOTDIR].contains(fault.errno) else {
                throw error
            }
            throw .noSuchPool(name: path)
        }
    }

    private static func checkSize(_ size: Int) throws(StoreError) {
        guard size >= PoolLayout.minimumSize else {
            throw .notAPool(
                detail: "it is \(size) bytes long; a pool has at least \(PoolLayout.minimumSize)")
        }
    }

    /// Opens the parts of a set, each of which must be as long as the set says.
    private static func open(
        _ set: PoolSet, _ access: Int32
    ) throws(StoreError) -> PoolSegments {
        var segments: [PoolSegments.Segment] = []
        for (part, extent) in zip(set.parts, set.extents) {
            let name = part.path.split(separator: "/").last.map(String.init) ?? part.path
            let file: File
            do throws(StoreError) {
                file = try File(path: part.path, name: name, flags: access | O_NONBLOCK)
            } catch {
                guard case .io(let fault) = error, fault.errno == ENOENT else { throw error }
                throw .notAPool(detail: "its part \(name) is missing")
            }
            let status = try file.status()
            guard status.st_mode & S_IFMT == S_IFREG, Int(status.st_size) == part.size else {
                throw .notAPool(
                    detail: "its part \(name) is not a file of \(part.size) bytes, as the set says")
            }
            try checkSize(part.size)
            segments.append(
                .init(
                    start: extent.start, length: extent.length, fileOffset: extent.fileOffset,
                    file: file))
        }
        return PoolSegments(segments)
    }
}
