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

    /// Makes a file with its header and head beside the one whose place it is to take.
    ///
    /// It has no name that anybody looks at before `publish`.
    static func make(
        _ path: String, format: LogFormat, head: [UInt8]?, in directory: DataDirectory
    ) throws(StoreError) -> LogFile {
        let file = try directory.open(temporary(path), flags: O_RDWR | O_CREAT)
        var start: [UInt8] = format == .internal ? LogMark.opened.header : []
        if let head {
            if format == .internal {
                head.withUnsafeBytes { LogItem.append($0, to: &start) }
            } else {
                start += head
            }
        }
        try file.truncate(to: 0)
        let log = LogFile(file, path: path, format: format, length: 0)
        do throws(StoreError) {
            try log.append(start)
        } catch {
            directory.discard(temporary(path))
            throw error
        }
        return log
    }

    /// Gives a file that was made its name, at once and in the place of what has it.
    func publish(in directory: DataDirectory) throws(StoreError) {
        try directory.rename(Self.temporary(path), to: path)
    }

    /// Forgets a file that was made and is not wanted.
    func abandon(in directory: DataDirectory) { directory.discard(Self.temporary(path)) }

    private static func temporary(_ path: String) -> String { path + ".TMP" }

    /// Tells the file from others that have or had its name.
    func inode() throws(StoreError) -> Int { Int(try file.status().st_ino) }

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

    /// Makes a mark whole of which a power failure has left a part: others take no such file.
    func mendMark() throws(StoreError) {
        guard try file.read(at: 0, count: LogMark.headerSize) != LogMark.opened.header else {
            return
        }
        try mark(.opened)
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
                throw .failed(detail: "a write to \(path) failed and could not be taken back")
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
        try file.syncData()
        needsSync.store(false, ordering: .relaxed)
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
