import Glibc
import Synchronization

/// One file of a log: written at its end by the log's turn, read by anyone below that.
///
/// What was handed to the operating system counts as written; `sync` makes it durable.
final class LogFile: Sendable {
    /// Relative to the data directory.
    let path: String
    let format: LogFormat
    private let file: File
    private let length: Atomic<Int>
    private let needsSync = Atomic(false)
    /// Whether the opened mark is known to be on the device, so that a power loss can't leave a
    /// closed mark on a file whose last bytes were lost.
    private let markIsDurable = Atomic(false)

    private init(_ file: consuming File, path: String, format: LogFormat, length: Int) {
        self.file = file
        self.path = path
        self.format = format
        self.length = Atomic(length)
    }

    /// Where the next byte goes.
    var end: Int { length.load(ordering: .acquiring) }

    /// Whether something was written since the last `sync`.
    var isDirty: Bool { needsSync.load(ordering: .relaxed) }

    /// Makes the file, or empties the one that is there, and writes its header and head.
    static func create(
        _ path: String, format: LogFormat, head: [UInt8]?, in directory: DataDirectory
    ) throws(StoreError) -> LogFile {
        let file = try directory.open(path, flags: O_RDWR | O_CREAT)
        let start = start(format, head)
        // Emptied and marked before anything else: whatever was there must not look whole.
        try file.truncate(to: 0)
        let log = LogFile(file, path: path, format: format, length: 0)
        do throws(StoreError) {
            try log.append(start)
        } catch {
            directory.discard(path)
            throw error
        }
        return log
    }

    /// Makes the file elsewhere and puts it at its place, durable but for its name: at no time is
    /// there one without its header, or none where there was one.
    ///
    /// - Parameter announce: called before that.
    static func replace(
        _ path: String, format: LogFormat, head: [UInt8]?, in directory: DataDirectory,
        announce: () throws(StoreError) -> Void = {}
    ) throws(StoreError) -> LogFile {
        let temporary = directory.temporaryName()
        let file = try directory.open(temporary, flags: O_RDWR | O_CREAT | O_EXCL)
        do throws(StoreError) {
            let log = LogFile(file, path: path, format: format, length: 0)
            try log.append(start(format, head))
            try log.sync()
            try announce()
            try directory.rename(temporary, to: path)
            return log
        } catch {
            directory.discard(temporary)
            throw error
        }
    }

    /// What a file begins with: its header, and the head.
    private static func start(_ format: LogFormat, _ head: [UInt8]?) -> [UInt8] {
        guard format == .internal else { return head ?? [] }
        var start = LogMark.opened.header
        head?.withUnsafeBytes { LogItem.append($0, to: &start) }
        return start
    }

    /// How long a file is that holds nothing but its head.
    static func startSize(_ format: LogFormat, head: [UInt8]?) -> Int {
        start(format, head).count
    }

    /// Opens what is there; the caller has looked at its header.
    static func open(
        _ path: String, format: LogFormat, mode: LogMode, in directory: DataDirectory
    ) throws(StoreError) -> LogFile {
        let file = try directory.open(path, flags: mode == .readOnly ? O_RDONLY : O_RDWR)
        let size = Int(try file.status().st_size)
        return LogFile(file, path: path, format: format, length: size)
    }

    /// The mark of an internal file.
    ///
    /// - Throws: `.notALogFile`.
    func mark() throws(StoreError) -> LogMark {
        let header = try file.read(at: 0, count: LogMark.headerSize)
        guard let mark = LogMark(header: header) else { throw .log(.notALogFile(file: path)) }
        return mark
    }

    /// Writes the mark in place; external files have none.
    func mark(_ mark: LogMark) throws(StoreError) {
        guard format == .internal else { return }
        try file.write(mark.bytes, at: 4)
        needsSync.store(true, ordering: .relaxed)
    }

    /// Writes at the end; a write that fails leaves nothing behind.
    func append(_ bytes: [UInt8]) throws(StoreError) {
        let start = end
        if start > 0, !markIsDurable.load(ordering: .relaxed), format == .internal {
            try sync()
        }
        do throws(StoreError) {
            needsSync.store(true, ordering: .relaxed)
            try file.write(bytes, at: start)
        } catch {
            do throws(StoreError) {
                try file.truncate(to: start)
            } catch {
                // Nobody knows what is in the file now.
                throw error.poisoning
            }
            throw error
        }
        length.store(start + bytes.count, ordering: .releasing)
    }

    /// Copies a stretch of another file to the end.
    func append(copying range: Range<Int>, of other: LogFile) throws(StoreError) {
        var offset = range.lowerBound
        while offset < range.upperBound {
            let piece = try other.file.read(
                at: offset, count: min(1 << 20, range.upperBound - offset))
            guard !piece.isEmpty else { throw .cutShort(detail: other.path) }
            try append(piece)
            offset += piece.count
        }
    }

    /// Removes everything behind `size`.
    func truncate(to size: Int) throws(StoreError) {
        needsSync.store(true, ordering: .relaxed)
        try file.truncate(to: size)
        length.store(size, ordering: .releasing)
    }

    /// Puts on stable storage what was written; `fdatasync(2)`.
    func sync() throws(StoreError) {
        needsSync.store(false, ordering: .relaxed)
        try file.syncData()
        markIsDurable.store(true, ordering: .relaxed)
    }

    /// Marks the file closed, behind everything that is in it.
    func close() throws(StoreError) {
        if isDirty { try sync() }
        try mark(.closed)
    }

    /// As many of the bytes at `offset` as there are before `end`.
    func read(
        at offset: Int, into buffer: UnsafeMutableRawBufferPointer
    ) throws(StoreError) -> Int {
        try file.read(at: offset, into: buffer)
    }

    /// Forgets what the page cache holds, so that the next read asks the device.
    func dropCache() { file.dropCache() }
}
