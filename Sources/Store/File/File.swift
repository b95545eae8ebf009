import CLinux
package import Glibc

/// An open file: owns its descriptor and names it in errors.
package struct File: ~Copyable, Sendable {
    package let descriptor: Int32
    /// How errors call it: the path relative to the data directory.
    package let name: String

    /// Opens `path`; `open(2)`.
    package init(
        path: String, name: String, flags: Int32, mode: mode_t = 0o640
    ) throws(StoreError) {
        descriptor = try retryingSystemCall("open", name) {
            open(path, flags | O_CLOEXEC | O_NOCTTY, mode)
        }
        self.name = name
    }

    /// Opens a regular file and nothing else: a FIFO would be waited for, perhaps for good.
    ///
    /// - Throws: `.notRegular`.
    static func regular(
        _ path: String, name: String, flags: Int32, mode: mode_t = 0o640
    ) throws(StoreError) -> File {
        let file = try File(path: path, name: name, flags: flags | O_NONBLOCK, mode: mode)
        guard try file.status().st_mode & S_IFMT == S_IFREG else {
            throw .notRegular(file: name)
        }
        return file
    }

    /// Takes a descriptor that is open already, and closes it in the end.
    init(taking descriptor: Int32, name: String) {
        self.descriptor = descriptor
        self.name = name
    }

    deinit { close(descriptor) }

    /// Size, kind and blocks; `fstat(2)`.
    package func status() throws(StoreError) -> stat {
        var status = stat()
        _ = try retryingSystemCall("fstat", name) { fstat(descriptor, &status) }
        return status
    }

    /// Size in bytes; `lseek(2)`.
    ///
    /// Unlike `status` it doesn't ask for the time of change, which some file systems write down at the
    /// next write because somebody has asked.
    func size() throws(StoreError) -> Int {
        let end = lseek(descriptor, 0, SEEK_END)
        guard end >= 0 else { throw StoreError(call: "lseek", errno: errno, file: name) }
        return Int(end)
    }

    /// Whether the file system lets a file be so long; `lseek(2)`, which refuses what never can be.
    func canReach(_ end: Int) -> Bool { lseek(descriptor, end, SEEK_SET) >= 0 }

    /// Reads at `offset` until `buffer` is full or the file ends; how many bytes that was.
    package func read(
        at offset: Int, into buffer: UnsafeMutableRawBufferPointer
    ) throws(StoreError) -> Int {
        var done = 0
        while done < buffer.count {
            let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
            let count = try retryingSystemCall("pread", name) {
                pread(descriptor, rest.baseAddress, rest.count, off_t(offset + done))
            }
            if count == 0 { break }
            done += count
        }
        return done
    }

    /// Fills several buffers by one call, `preadv(2)`; how many bytes there were.
    package func read(
        at offset: Int, into parts: [UnsafeMutableRawBufferPointer]
    ) throws(StoreError) -> Int {
        let vectors = parts.map { iovec(iov_base: $0.baseAddress, iov_len: $0.count) }
        return try retryingSystemCall("preadv", name) {
            preadv(descriptor, vectors, Int32(vectors.count), off_t(offset))
        }
    }

    /// As `read(at:into:)`, but only what the page cache holds.
    ///
    /// - Returns: false if the call would have to wait for the disk; then nothing is certain about
    ///   the buffer.
    package func readCached(
        at offset: Int, into buffer: UnsafeMutableRawBufferPointer
    ) throws(StoreError) -> Bool {
        var done = 0
        while done < buffer.count {
            let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
            let count = clinux_pread_cached(
                descriptor, rest.baseAddress, UInt(rest.count), offset + done)
            // File systems that can't tell say so; then there is no way but to wait.
            if count <= 0 { return false }
            done += count
        }
        return true
    }

    /// As many of the `count` bytes at `offset` as there are.
    package func read(at offset: Int, count: Int) throws(StoreError) -> [UInt8] {
        // Nothing would be written to the one empty array that all share, which counts as a race.
        guard count > 0 else { return [] }
        var failure: StoreError?
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            do throws(StoreError) {
                initialized = try read(at: offset, into: UnsafeMutableRawBufferPointer(buffer))
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return bytes
    }

    /// Writes all of `bytes` at `offset`; a short write is carried on with, so that the failure
    /// behind it shows.
    package func write(_ bytes: [UInt8], at offset: Int) throws(StoreError) {
        try bytes.withBytes { (bytes) throws(StoreError) in try write(bytes, at: offset) }
    }

    /// As `write` of an array.
    package func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(StoreError) {
        var done = 0
        while done < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
            done += try retryingSystemCall("pwrite", name) {
                pwrite(descriptor, rest.baseAddress, rest.count, off_t(offset + done))
            }
        }
    }

    /// Whether a stretch holds nothing but zeros; holes are passed over.
    func isZero(from offset: Int, to end: Int) throws(StoreError) -> Bool {
        try firstNonZero(from: offset, to: end) == nil
    }

    /// Where the first byte of a stretch is that is no zero.
    func firstNonZero(from offset: Int, to end: Int) throws(StoreError) -> Int? {
        var first: Int?
        try eachPiece(from: offset, to: end) { place, piece in
            first = piece.firstIndex { $0 != 0 }.map { place + $0 }
            return first == nil
        }
        return first
    }

    /// Where the last byte of a stretch is that is no zero.
    func lastNonZero(from offset: Int, to end: Int) throws(StoreError) -> Int? {
        var last: Int?
        try eachPiece(from: offset, to: end) { place, piece in
            if let index = piece.lastIndex(where: { $0 != 0 }) { last = place + index }
            return true
        }
        return last
    }

    /// Runs `body` with what a stretch holds besides holes, until it returns false.
    private func eachPiece(
        from offset: Int, to end: Int, _ body: (_ place: Int, _ piece: [UInt8]) -> Bool
    ) throws(StoreError) {
        var place = offset
        while place < end {
            let data = clinux_seek_data(descriptor, place)
            // Nothing but a hole is left; other errors come from file systems that don't tell.
            if data < 0, errno == ENXIO { return }
            place = max(place, data)
            guard place < end else { return }
            let piece = try read(at: place, count: min(256 << 10, end - place))
            guard !piece.isEmpty, body(place, piece) else { return }
            place += piece.count
        }
    }

    /// Puts content and metadata on stable storage; `fsync(2)`.
    ///
    /// Never worth a second try.
    package func sync() throws(StoreError) {
        if fsync(descriptor) != 0 {
            throw .syncFailed(.init(call: "fsync", errno: errno, file: name))
        }
    }

    /// Puts content on stable storage, and what is needed to find it; `fdatasync(2)`.
    ///
    /// Never worth a second try.
    package func syncData() throws(StoreError) {
        if fdatasync(descriptor) != 0 {
            throw .syncFailed(.init(call: "fdatasync", errno: errno, file: name))
        }
    }

    /// Cuts the file off, or fills it up with zeros; `ftruncate(2)`.
    package func truncate(to size: Int) throws(StoreError) {
        _ = try retryingSystemCall("ftruncate", name) { ftruncate(descriptor, off_t(size)) }
    }

    /// Gives the first `size` bytes blocks of their own, and the file that size at least.
    package func allocate(size: Int) throws(StoreError) {
        var result: Int32
        repeat { result = posix_fallocate(descriptor, 0, off_t(size)) } while result == EINTR
        if result != 0 { throw StoreError(call: "fallocate", errno: result, file: name) }
    }

    /// Sets the permissions as given: the umask does not count.
    package func setMode(_ mode: mode_t) throws(StoreError) {
        _ = try retryingSystemCall("fchmod", name) { fchmod(descriptor, mode) }
    }

    /// Forgets what the page cache holds of a stretch, so that the next read asks the device.
    ///
    /// - Parameter length: 0 for everything from `offset` on.
    package func dropCache(from offset: Int = 0, length: Int = 0) {
        posix_fadvise(descriptor, off_t(offset), off_t(length), POSIX_FADV_DONTNEED)
    }
}

/// Runs a system call again while signals interrupt it; a negative result becomes an error.
func retryingSystemCall<Result: SignedInteger>(
    _ call: String, _ file: String, _ body: () -> Result
) throws(StoreError) -> Result {
    while true {
        let result = body()
        if result >= 0 { return result }
        let number = errno
        if number != EINTR { throw StoreError(call: call, errno: number, file: file) }
    }
}

extension StoreError {
    /// What a failed system call means for the caller.
    init(call: String, errno: Int32, file: String) {
        let fault = Fault(call: call, errno: errno, file: file)
        switch errno {
        case ENOSPC, EDQUOT:
            self = .noSpace(detail: "\(call) of \(file): \(errnoName(errno))")
        case EFBIG:
            self = .fileTooLarge(
                detail: "\(file) would be larger than the file system or a limit allows")
        case EACCES, EPERM, EROFS: self = .fileAccess(fault)
        case ENOMEM, EMFILE, ENFILE:
            self = .overloaded(detail: "\(call) of \(file): \(errnoName(errno))")
        default: self = .io(fault)
        }
    }
}
