import CZlib
import Glibc

/// The archives of a rotate log: `F.0.gz` is the newest, the highest number the oldest.
///
/// A file `F.0` is the log's own between its renaming and its compression; what a crash leaves of it
/// is compressed at the next opening.
struct RotateArchives {
    let base: String
    let directory: DataDirectory

    private func plain(_ number: Int) -> String { "\(base).\(number)" }
    private func archive(_ number: Int) -> String { "\(base).\(number).gz" }

    /// Finishes what was cut short, and removes archives beyond the limit.
    func tidy(maxFiles: Int) throws(StoreError) {
        for number in 0..<maxFiles where directory.exists(plain(number)) {
            try compress(number)
        }
        try removeBeyond(maxFiles)
    }

    /// Removes archives from number `maxFiles` on, up to the first that is missing.
    ///
    /// - Parameter former: below it one may be missing: a push that failed has left its place.
    func removeBeyond(_ maxFiles: Int, former: Int = 0) throws(StoreError) {
        var number = maxFiles
        while number < former || directory.exists(archive(number)) {
            try directory.unlink(archive(number))
            number += 1
        }
        if number > maxFiles { try directory.syncFolder(of: base) }
    }

    /// Moves the archives up by one, over the oldest, and makes the log's file the newest.
    ///
    /// Where one is missing, as a push that failed leaves it, those above stay.
    func push(maxFiles: Int) throws(StoreError) {
        // Left over where a compression has failed.
        if directory.exists(plain(0)) { try compress(0) }
        let last = maxFiles - 1
        var number = (0..<last).first { !directory.exists(archive($0)) } ?? last
        while number > 0 {
            try directory.rename(archive(number - 1), to: archive(number))
            number -= 1
        }
        try directory.rename(base, to: plain(0))
    }

    /// Gives the log's file its name back if `push` has taken it.
    func takeBack() throws(StoreError) {
        if !directory.exists(base), directory.exists(plain(0)) {
            try directory.rename(plain(0), to: base)
        }
    }

    /// Compresses what `push` has moved away.
    func compressNewest() throws(StoreError) { try compress(0) }

    /// Archives the log's file, if it is there still, and gives all archives another base name.
    func moveAway(to other: String, maxFiles: Int) throws(StoreError) {
        if directory.exists(base) { try push(maxFiles: maxFiles) }
        if directory.exists(plain(0)) { try compress(0) }
        for number in 0..<maxFiles where directory.exists(archive(number)) {
            try directory.rename(archive(number), to: "\(other).\(number).gz")
        }
        try directory.syncFolder(of: other)
        try directory.syncFolder(of: base)
    }

    /// Removes all archives.
    func removeAll(maxFiles: Int) throws(StoreError) {
        for path in [plain(0)] + (0..<maxFiles).map(archive) { try directory.unlink(path) }
    }

    private func compress(_ number: Int) throws(StoreError) {
        let temporary = directory.temporaryName()
        do throws(StoreError) {
            try GzipFile.compress(plain(number), to: temporary, in: directory)
            try directory.replace(archive(number), with: temporary)
            try directory.remove(plain(number))
        } catch {
            directory.discard(temporary)
            throw error
        }
    }
}

/// Makes gzip members as Erlang's file module does: default level, no name, no time.
enum GzipFile {
    private static let pieceSize = 64 * 1024

    /// Compresses a file into a new one, which is on stable storage afterwards.
    static func compress(
        _ source: String, to target: String, in directory: DataDirectory
    ) throws(StoreError) {
        let input = try directory.open(source, flags: O_RDONLY)
        let output = try directory.open(target, flags: O_WRONLY | O_CREAT | O_EXCL)
        var stream = z_stream()
        let gzipWindow: Int32 = 31
        let status = deflateInit2_(
            &stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, gzipWindow, 8, Z_DEFAULT_STRATEGY,
            ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        guard status == Z_OK else { throw .overloaded(detail: "no memory to compress \(source)") }
        defer { deflateEnd(&stream) }
        var read = 0
        var written = 0
        var isLast = false
        while !isLast {
            var piece = try input.read(at: read, count: pieceSize)
            read += piece.count
            isLast = piece.count < pieceSize
            let packed = deflated(&piece, &stream, isLast)
            try output.write(packed, at: written)
            written += packed.count
        }
        try output.sync()
    }

    /// What comes out when `piece` goes in.
    private static func deflated(
        _ piece: inout [UInt8], _ stream: inout z_stream, _ isLast: Bool
    ) -> [UInt8] {
        var packed: [UInt8] = []
        piece.withUnsafeMutableBufferPointer { input in
            stream.next_in = input.baseAddress
            stream.avail_in = UInt32(input.count)
            var isFull = true
            while isFull {
                let room = [UInt8](unsafeUninitializedCapacity: pieceSize) { buffer, count in
                    stream.next_out = buffer.baseAddress
                    stream.avail_out = UInt32(buffer.count)
                    _ = deflate(&stream, isLast ? Z_FINISH : Z_NO_FLUSH)
                    count = buffer.count - Int(stream.avail_out)
                }
                packed += room
                isFull = room.count == pieceSize
            }
        }
        return packed
    }
}
