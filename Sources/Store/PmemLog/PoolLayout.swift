// The file of a pool, all integers little-endian (libpmemlog 1.12.1, x86-64 and AArch64):
//
//   0x0000     8  signature            "PMEMLOG\0"
//   0x0008     4  major version        1
//   0x000C     4  compatible features  1 (bad blocks are checked); others are ignored
//   0x0010     4  incompatible         1 SINGLEHDR, 2 CKSUM_2K, 4 SDS; others refuse the opening
//   0x0014     4  read-only compatible 0; any other: the library opens for reading only
//   0x0018    96  identifiers          pool set, this part, previous and next part and replica
//   0x0078     8  creation time        Unix seconds
//   0x0080    16  architecture         alignments 8, class 1, byte order 1, zero 4, machine 2
//   0x0090  1904  unused               0, summed
//   0x0FB8    64  shutdown state       zeros after a clean close; the library resets the rest
//   0x0FF8     8  checksum             Fletcher-64 of the page; with CKSUM_2K of its first half
//   0x1000     8  start of the data    8192
//   0x1008     8  end of the data      the pool's size, rounded down to 4096
//   0x1010     8  write offset         start + tell: one aligned store moves it
//   0x1018    56  addresses of the process that has it open: never to be shown
//   0x2000        the data; what lies behind the write offset means nothing
//
// The rules are those of pmemlog_check(3); tests hold them against the library and pmempool.

/// The two leading pages of a pool, read and made without the library.
package struct PoolLayout: Equatable, Sendable {
    package static let pageSize = 4096
    /// Where the data starts in a pool's first part.
    package static let dataStart = 8192
    /// PMEMLOG_MIN_POOL: the smallest pool, and the smallest part of a pool set.
    package static let minimumSize = 2 << 20
    static let signature = Array("PMEMLOG\0".utf8)
    static let writeOffsetField = 0x1010

    /// The random identifier of the pool, kept through rewinds and renames.
    package let identity: [UInt8]
    /// Unix seconds.
    package let createdAt: Int
    package let endOffset: Int
    package let writeOffset: Int
    /// The library opens such a pool but appends nothing to it.
    package let isReadOnly: Bool

    /// Capacity in bytes.
    package var nbyte: Int { endOffset - Self.dataStart }
    /// Length of the data in bytes.
    package var tell: Int { writeOffset - Self.dataStart }

    /// The capacity of a pool of that many bytes.
    package static func nbyte(poolSize: Int) -> Int {
        poolSize / pageSize * pageSize - dataStart
    }

    /// Reads the first two pages of a pool.
    ///
    /// - Parameter poolSize: the size of the file, or of all parts together.
    /// - Throws: `.notAPool` that says what is wrong, where the library would refuse the pool.
    package init(pages: [UInt8], poolSize: Int) throws(StoreError) {
        guard pages.count >= Self.dataStart else {
            throw .notAPool(detail: "it is \(pages.count) bytes long, shorter than its headers")
        }
        try Self.checkHeader(pages)
        let start = Int(truncatingIfNeeded: pages.littleEndian(UInt64.self, at: 0x1000))
        endOffset = Int(truncatingIfNeeded: pages.littleEndian(UInt64.self, at: 0x1008))
        writeOffset = Int(truncatingIfNeeded: pages.littleEndian(UInt64.self, at: 0x1010))
        identity = Array(pages[0x18..<0x28])
        createdAt = Int(truncatingIfNeeded: pages.littleEndian(UInt64.self, at: 0x78))
        isReadOnly = pages.littleEndian(UInt32.self, at: 0x14) != 0
        let expectedEnd = poolSize / Self.pageSize * Self.pageSize
        guard start == Self.dataStart, endOffset == expectedEnd else {
            throw .notAPool(
                detail: "its data reaches from \(start) to \(endOffset), where a pool of "
                    + "\(poolSize) bytes has \(Self.dataStart) to \(expectedEnd)")
        }
        guard (start...endOffset).contains(writeOffset) else {
            throw .notAPool(detail: "its write offset \(writeOffset) lies outside its data")
        }
    }

    private static func checkHeader(_ pages: [UInt8]) throws(StoreError) {
        guard pages.starts(with: signature) else {
            let unmade = pages[..<pageSize].allSatisfy { $0 == 0 }
            throw .notAPool(
                detail: unmade
                    ? "its header is zero: its creation was cut short"
                    : "it does not start with the signature of a pmemlog pool")
        }
        let incompatible = pages.littleEndian(UInt32.self, at: 0x10)
        let sum = Fletcher64.checksum(
            Array(pages[..<pageSize]), field: 0xFF8,
            skippedFrom: incompatible & 2 != 0 ? 0x800 : nil)
        guard sum == pages.littleEndian(UInt64.self, at: 0xFF8) else {
            throw .notAPool(detail: "the checksum of its header is wrong")
        }
        let major = pages.littleEndian(UInt32.self, at: 0x08)
        guard major == 1 else {
            throw .notAPool(detail: "its major version is \(major); 1 is known")
        }
        guard incompatible & ~7 == 0 else {
            throw .notAPool(detail: "it uses incompatible features \(incompatible & ~7)")
        }
        guard Array(pages[0x80..<0x90]) == architecture else {
            throw .notAPool(detail: "it was made on another kind of machine")
        }
    }

    /// A pool of one file names itself as the part and the replica before and after it.
    static func checkStandsAlone(_ pages: [UInt8]) throws(StoreError) {
        let part = pages[0x28..<0x38]
        for place in stride(from: 0x38, to: 0x78, by: 16) {
            guard pages[place..<place + 16].elementsEqual(part) else {
                throw .notAPool(detail: "it is one part of a pool set; open it by its set file")
            }
        }
    }

    /// Alignments of C's types, 64 bits, little-endian, and the machine's ELF number.
    private static var architecture: [UInt8] {
        #if arch(arm64)
            let machine: UInt8 = 183
        #else
            let machine: UInt8 = 62
        #endif
        return [0x10, 0x73, 0x77, 0x37, 0xF7, 0x07, 0, 0, 2, 1, 0, 0, 0, 0, machine, 0]
    }

    /// The first two pages of a new, empty pool in one file.
    package static func newPages(poolSize: Int, createdAt: Int) -> [UInt8] {
        var pages = [UInt8](repeating: 0, count: dataStart)
        pages.replaceSubrange(0..<8, with: signature)
        pages.storeLittleEndian(UInt32(1), at: 0x08)
        pages.storeLittleEndian(UInt32(1), at: 0x0C)
        pages.storeLittleEndian(UInt32(6), at: 0x10)
        let part = randomIdentifier()
        pages.replaceSubrange(0x18..<0x28, with: randomIdentifier())
        for place in stride(from: 0x28, to: 0x78, by: 16) {
            pages.replaceSubrange(place..<place + 16, with: part)
        }
        pages.storeLittleEndian(UInt64(createdAt), at: 0x78)
        pages.replaceSubrange(0x80..<0x90, with: architecture)
        let sum = Fletcher64.checksum(
            Array(pages[..<pageSize]), field: 0xFF8, skippedFrom: 0x800)
        pages.storeLittleEndian(sum, at: 0xFF8)
        pages.storeLittleEndian(UInt64(dataStart), at: 0x1000)
        pages.storeLittleEndian(UInt64(poolSize / pageSize * pageSize), at: 0x1008)
        pages.storeLittleEndian(UInt64(dataStart), at: writeOffsetField)
        return pages
    }

    /// Gives a pool's first page another identifier of the pool; the rest stays what it was.
    static func renew(_ page: inout [UInt8]) {
        page.replaceSubrange(0x18..<0x28, with: randomIdentifier())
        let isHalf = page.littleEndian(UInt32.self, at: 0x10) & 2 != 0
        let sum = Fletcher64.checksum(page, field: 0xFF8, skippedFrom: isHalf ? 0x800 : nil)
        page.storeLittleEndian(sum, at: 0xFF8)
    }

    /// A version 4 UUID in the byte order of a GUID, as PMDK stores it.
    private static func randomIdentifier() -> [UInt8] {
        var bytes = (0..<16).map { _ in UInt8.random(in: .min ... .max) }
        bytes[7] = bytes[7] & 0x0F | 0x40
        bytes[8] = bytes[8] & 0x3F | 0x80
        return bytes
    }
}
