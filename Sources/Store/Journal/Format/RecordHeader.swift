/// The 16 bytes that each record of a journal begins with; `WT_LOG_RECORD`.
///
/// ```
///  0  length     the whole record, padding included
///  4  checksum   CRC32C of the whole record, these four bytes as zeros
///  8  flags      1: the body is compressed; 2: encrypted
/// 10  unused     zero
/// 12  memLength  0, or the unpadded length of the record before it was compressed
/// ```
///
/// All numbers are little-endian. Records begin at multiples of `alignment`.
package struct RecordHeader: Equatable, Sendable {
    package static let size = 16
    /// Records take a multiple of so many bytes.
    package static let alignment = 128

    static let compressed: UInt16 = 1
    static let encrypted: UInt16 = 2

    let length: Int
    let checksum: UInt32
    let flags: UInt16
    let unused: UInt16
    let memLength: Int

    /// - Parameter bytes: `size` bytes at least.
    init(_ bytes: UnsafeRawBufferPointer) {
        length = Int(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 0, as: UInt32.self)))
        checksum = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 4, as: UInt32.self))
        flags = UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt16.self))
        unused = UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: 10, as: UInt16.self))
        memLength = Int(
            UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 12, as: UInt32.self)))
    }

    var isCompressed: Bool { flags & Self.compressed != 0 }
    var isEncrypted: Bool { flags & Self.encrypted != 0 }

    /// Whether a writer could have meant it; `__log_record_verify`.
    var isSane: Bool {
        flags & ~(Self.compressed | Self.encrypted) == 0 && unused == 0
            && (isCompressed || memLength == 0) && length > Self.size
    }

    /// The length up to the next record.
    var alignedLength: Int { Self.aligned(length) }

    static func aligned(_ length: Int) -> Int { (length + alignment - 1) & ~(alignment - 1) }

    /// The checksum of a record, the field for it taken as zeros.
    static func checksum(of record: UnsafeRawBufferPointer) -> UInt32 {
        var sum = CRC32C()
        add(record, to: &sum)
        return sum.value
    }

    /// Takes in the first bytes of a record, the header among them.
    static func add(_ record: UnsafeRawBufferPointer, to sum: inout CRC32C) {
        sum.add(UnsafeRawBufferPointer(rebasing: record[..<4]))
        withUnsafeBytes(of: UInt32(0)) { sum.add($0) }
        sum.add(UnsafeRawBufferPointer(rebasing: record[8...]))
    }
}
