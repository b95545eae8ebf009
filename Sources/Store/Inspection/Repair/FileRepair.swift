import Glibc

/// The repair of a file that no engine has open: what is good is kept, and nothing is dropped
/// without a word.
package struct FileRepair {
    /// What became of one file.
    package struct Part: Sendable {
        /// Its path now.
        package let name: String
        /// Records that it holds.
        package let kept: Int
        /// Bytes that were no record, counted as the original's repair does.
        package let badBytes: Int
        package let firstBad: Int?
        /// Where what was there before, or what was cut off, can be found; nil if nothing was changed.
        package var saved: String?
    }

    package let file: RecordFile
    /// Whether whole records behind damage may go, too, where a journal has to end before it.
    package let isLossy: Bool
    let progress: (Int) -> Void

    package init(
        _ file: RecordFile, isLossy: Bool, progress: @escaping (Int) -> Void = { _ in }
    ) {
        self.file = file
        self.isLossy = isLossy
        self.progress = progress
    }

    /// Repairs a copy at `path`, which nothing may have yet, or with nil the file itself.
    ///
    /// - Throws: `.locked` if a process has it open; `.failed` where nothing can be repaired;
    ///   `.alreadyExists`.
    package func run(to path: String?) throws(StoreError) -> [Part] {
        try file.requireUnused()
        // No server may start with the files while they change.
        let lock = path == nil ? try Self.lock(file) : nil
        defer { withExtendedLifetime(lock) {} }
        switch file.kind {
        case .log: return [try LogFileRepair(self, path).run()]
        case .wrap: return try RingRepair(self, path).run()
        case .journal: return [try JournalRepair(self, path).run()]
        case .pool: throw .failed(detail: poolDetail())
        case .external:
            throw .failed(detail: "an external log has no framing that could be damaged")
        }
    }

    private func poolDetail() -> String {
        do throws(StoreError) {
            _ = try PoolFile(at: file.name, in: file.folder)
            return "the pool is in order as far as libpmemlog can tell; there is nothing to repair"
        } catch {
            guard case .notAPool(let detail) = error else { return error.summary }
            return "libpmemlog repairs no pool, and its headers are all that can be checked: "
                + "\(detail). convert --kind external takes the bytes of the file as they are"
        }
    }

    private static func lock(_ file: RecordFile) throws(StoreError) -> HeldLock? {
        guard let directory = DirectoryUse.directory(of: file.folder.path) else { return nil }
        return HeldLock(try DirectoryUse.take(directory))
    }
}

/// A lock that is held as long as this exists.
private final class HeldLock {
    private let file: File

    init(_ file: consuming File) { self.file = file }
}

extension DataDirectory {
    /// What a file in a folder around which this was made is called in the folder of the caller.
    func shown(_ name: String) -> String { path == "." ? name : absolute(name) }

    /// Copies a file to a new one with the same permissions.
    ///
    /// - Parameters:
    ///   - end: how many bytes of it.
    ///   - progress: told how many bytes are done.
    func copy(
        _ path: String, in other: DataDirectory, from start: Int = 0, end: Int = .max,
        to new: String, progress: (Int) -> Void = { _ in }
    ) throws(StoreError) {
        let source = try other.open(path, flags: O_RDONLY)
        let status = try source.status()
        let end = min(end, Int(status.st_size))
        do throws(StoreError) {
            let file = try open(new, flags: O_WRONLY | O_CREAT | O_EXCL, mode: 0o600)
            var offset = start
            while offset < end {
                let piece = try source.read(at: offset, count: min(1 << 20, end - offset))
                guard !piece.isEmpty else {
                    throw .cutShort(detail: "\(path) became shorter while it was copied")
                }
                try file.write(piece, at: offset - start)
                offset += piece.count
                progress(offset - start)
            }
            try file.setMode(status.st_mode & 0o7777)
            try file.sync()
        } catch {
            discard(new)
            throw error
        }
    }

    /// Puts a file in the place of another, which keeps its bytes under a name of its own.
    func replace(
        _ name: String, with temporary: String, keepingAs saved: String
    ) throws(StoreError) {
        do throws(StoreError) {
            try setOwner(of: temporary, before: name)
        } catch {
            discard(temporary)
            throw error
        }
        if Glibc.link(absolute(name), absolute(saved)) != 0 {
            let number = errno
            discard(temporary)
            if number == EEXIST { throw .alreadyExists(name: saved) }
            throw StoreError(call: "link", errno: number, file: saved)
        }
        try syncFolder(of: saved)
        try replace(name, with: temporary)
    }
}
