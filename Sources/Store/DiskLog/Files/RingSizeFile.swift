import Glibc

/// The size file of a ring, `F.siz`: how large its files may be, and how many there are.
///
/// ```
/// version 2    02  max bytes:8  max files:4
/// version 1    max bytes:4  max files:4          kept for good once it is there
/// ```
/// Mirrors read_size_file_version/1 and write_size_file/5 of disk_log_1.
struct RingSizeFile: Equatable {
    var maxBytes: UInt64
    var maxFiles: UInt32
    let version: Int

    var size: LogSize {
        .files(maxBytes: Int(clamping: maxBytes), maxFiles: Int(maxFiles))
    }

    static func path(_ base: String) -> String { base + ".siz" }

    /// What the file says; nil if there is none, it has another form, or no ring has such a size.
    static func read(_ base: String, in directory: DataDirectory) throws(StoreError) -> Self? {
        try directory.contents(of: path(base), limit: 64).flatMap(read)
    }

    /// What the bytes of such a file say.
    static func read(_ bytes: [UInt8]) -> Self? {
        guard let found = parse(bytes), found.maxBytes > 0,
            (1..<LogSize.fileNumberLimit).contains(Int(found.maxFiles))
        else { return nil }
        return found
    }

    private static func parse(_ bytes: [UInt8]) -> Self? {
        switch (bytes.count, bytes.first) {
        case (13, 2):
            return Self(
                maxBytes: bytes.bigEndian(UInt64.self, at: 1),
                maxFiles: bytes.bigEndian(UInt32.self, at: 9), version: 2)
        case (8, _):
            return Self(
                maxBytes: UInt64(bytes.bigEndian(UInt32.self, at: 0)),
                maxFiles: bytes.bigEndian(UInt32.self, at: 4), version: 1)
        default: return nil
        }
    }

    /// Replaces the whole file; one that says the same already is left alone.
    func write(_ base: String, in directory: DataDirectory) throws(StoreError) {
        if try Self.read(base, in: directory) == self { return }
        try directory.replaceContents(of: Self.path(base), with: encoded)
    }

    /// The whole file.
    var encoded: [UInt8] {
        var bytes: [UInt8] = []
        if version == 1 {
            bytes.appendBigEndian(UInt32(truncatingIfNeeded: maxBytes))
        } else {
            bytes = [2]
            bytes.appendBigEndian(maxBytes)
        }
        bytes.appendBigEndian(maxFiles)
        return bytes
    }
}
