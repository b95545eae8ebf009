import Glibc

/// How far a journal was on stable storage, in a small file that is written over and over.
///
/// The file is not flushed: after a power loss it may be old, and it never says too much. So what
/// is damaged before `end` was whole once, and a torn record behind it was never promised to
/// anyone.
struct JournalMark: Equatable, Sendable {
    /// Behind the last record that was flushed.
    var end: LSN
    /// The last record that somebody wrote; not those that files begin with.
    var last: LSN
    /// The highest transaction identifier so far.
    var transaction: UInt64
    /// Whether the journal was closed, with nothing behind `end`.
    var isClosed: Bool

    private static let magic: UInt32 = 0x314D_4A54
    private static let size = 48

    static func path(of name: String) -> String { ".tidemark/marks/" + name }

    private var bytes: [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Self.size)
        bytes.storeLittleEndian(Self.magic, at: 0)
        bytes.storeLittleEndian(end.number, at: 8)
        bytes.storeLittleEndian(last.number, at: 16)
        bytes.storeLittleEndian(transaction, at: 24)
        bytes.storeLittleEndian(UInt64(isClosed ? 1 : 0), at: 32)
        let sum = bytes.withUnsafeBytes {
            CRC32C.checksum(of: UnsafeRawBufferPointer(rebasing: $0[8...]))
        }
        bytes.storeLittleEndian(sum, at: 4)
        return bytes
    }

    private init?(_ bytes: [UInt8]) {
        guard bytes.count == Self.size, bytes.littleEndian(UInt32.self, at: 0) == Self.magic else {
            return nil
        }
        let sum = bytes.withUnsafeBytes {
            CRC32C.checksum(of: UnsafeRawBufferPointer(rebasing: $0[8...]))
        }
        guard bytes.littleEndian(UInt32.self, at: 4) == sum else { return nil }
        end = LSN(number: bytes.littleEndian(UInt64.self, at: 8))
        last = LSN(number: bytes.littleEndian(UInt64.self, at: 16))
        transaction = bytes.littleEndian(UInt64.self, at: 24)
        isClosed = bytes.littleEndian(UInt64.self, at: 32) == 1
    }

    init(end: LSN, last: LSN, transaction: UInt64, isClosed: Bool) {
        self.end = end
        self.last = last
        self.transaction = transaction
        self.isClosed = isClosed
    }

    /// What was noted last; nil if nothing was, or nothing that can be read.
    static func read(of name: String, in directory: DataDirectory) throws(StoreError) -> Self? {
        try directory.contents(of: path(of: name), limit: size).flatMap(Self.init)
    }

    /// Opens the file to be written to.
    static func open(of name: String, in directory: DataDirectory) throws(StoreError) -> File {
        try directory.open(path(of: name), flags: O_RDWR | O_CREAT)
    }

    func write(to file: borrowing File) throws(StoreError) { try file.write(bytes, at: 0) }
}
