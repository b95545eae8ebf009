import Glibc

/// One file of an archive that is being sent.
struct ExportedFile: Sendable {
    enum Content: Sendable {
        case bytes([UInt8])
        /// The first so many bytes of a file; if asked for, with the mark of a log that was closed.
        case file(HeldFile, size: Int, closed: Bool)
    }

    let name: String
    let content: Content

    var size: Int {
        switch content {
        case .bytes(let bytes): bytes.count
        case .file(_, let size, _): size
        }
    }
}

/// A file whose bytes can be had whatever becomes of its name.
///
/// Files of logs are never emptied in place: another one takes their name. A second name, of our
/// own, keeps the bytes without a descriptor for each.
final class HeldFile: Sendable {
    private let path: String
    private let isOwnName: Bool
    private let inode: UInt
    /// The length when it was taken.
    let size: Int
    private let directory: DataDirectory

    init(_ path: String, in directory: DataDirectory) throws(StoreError) {
        let status = try directory.open(path, flags: O_RDONLY).status()
        inode = UInt(status.st_ino)
        size = Int(status.st_size)
        self.directory = directory
        let name = directory.temporaryName()
        // Of files of others the system may allow none, and some file systems have none.
        isOwnName = directory.link(path, to: name)
        self.path = isOwnName ? name : path
    }

    deinit { if isOwnName { directory.discard(path) } }

    /// - Throws: `.cutShort` if another file has taken the name.
    func open() throws(StoreError) -> File {
        let file = try directory.open(path, flags: O_RDONLY)
        guard UInt(try file.status().st_ino) == inode else {
            throw .cutShort(detail: "\(path) was replaced while it was read")
        }
        return file
    }
}

/// The files of a log at one moment, as a tar archive that is made while it is read.
package final class ExportArchive: Sendable {
    private struct State: ~Copyable {
        var files: [ExportedFile?]
        var next = 0
        /// How much of the file at `next` was read, and the file if that has begun.
        var done = 0
        var file: File?
        var hasStarted = false
    }

    /// In bytes, the end mark included.
    package let length: Int
    private let start: [UInt8]
    private let time: Int
    private let state: Locked<State>
    /// What must be there until the archive has been sent.
    private let keeps: (any AnyObject & Sendable)?

    private static let pieceSize = 128 << 10
    private static let endMark = 2 * TarHeader.blockSize

    init(_ files: [ExportedFile], _ notes: ArchiveNotes, keeping: (any AnyObject & Sendable)? = nil)
    {
        var records: [UInt8] = []
        PaxRecords.append("comment", notes.comment, to: &records)
        let time = WallClock.nowMilliseconds / 1000
        start = TarHeader.records(records, as: .global, time: time)
        length =
            start.count + Self.endMark
            + files.reduce(0) { sum, file in
                sum + TarHeader.blocks(of: file.name, size: file.size, time: time).count
                    + file.size + TarHeader.padding(file.size)
            }
        self.time = time
        keeps = keeping
        state = Locked(State(files: files))
    }

    /// Appends the next bytes, at least one until `length` have come; waits for the disk.
    ///
    /// - Throws: what keeps the rest from being had.
    package func read(into output: inout [UInt8]) throws(StoreError) {
        try state.withLock { (state) throws(StoreError) in
            if !state.hasStarted { output += start }
            state.hasStarted = true
            while output.count < Self.pieceSize {
                guard state.next < state.files.count, let file = state.files[state.next] else {
                    if state.next == state.files.count {
                        output += [UInt8](repeating: 0, count: Self.endMark)
                        state.next += 1
                    }
                    return
                }
                try add(file, &state, to: &output)
            }
        }
    }

    /// Forgets what was not read; waits.
    package func discard() {
        let left = state.withLock { state in
            defer { state.files = [] }
            return state.files
        }
        withExtendedLifetime(left) {}
    }

    private func add(
        _ file: ExportedFile, _ state: inout State, to output: inout [UInt8]
    ) throws(StoreError) {
        if state.done == 0 {
            output += TarHeader.blocks(of: file.name, size: file.size, time: time)
        }
        switch file.content {
        case .bytes(let bytes):
            output += bytes
            state.done = bytes.count
        case .file(let held, let size, let closed):
            if state.done == 0 { state.file = try held.open() }
            let count = min(Self.pieceSize, size - state.done)
            let piece = try state.file?.read(at: state.done, count: count) ?? []
            guard piece.count == count else {
                throw .cutShort(detail: "\(file.name) became shorter while it was read")
            }
            let offset = output.count
            output += piece
            if closed, state.done == 0, count >= LogMark.headerSize {
                output.replaceSubrange(
                    offset..<offset + LogMark.headerSize, with: LogMark.closed.header)
            }
            state.done += count
        }
        guard state.done == file.size else { return }
        output += [UInt8](repeating: 0, count: TarHeader.padding(file.size))
        state.file = nil
        // Gives back the name that kept it.
        state.files[state.next] = nil
        state.next += 1
        state.done = 0
    }
}
