/// How an item lies in an internal file.
///
/// ```
/// size < 65528     size:4  magic:4  term
/// size >= 65528    size:4  magic:4  MD5 of the four size bytes:16  term
/// old              size:4  old magic:4  term                          read, never written
/// ```
enum LogItem {
    static let magic: UInt32 = 0x6257_4C41
    static let oldMagic: UInt32 = 0x0C21_2C37
    static let headerSize = 8
    static let digestSize = 16
    /// An item of this size or more has a digest.
    static let largeSize = 65_528
    /// The size has four bytes.
    static let sizeLimit = Int(UInt32.max)

    /// What lies at some place of a file.
    enum Frame: Equatable {
        /// A whole item whose term is there, in bytes from the item's start.
        case item(term: Range<Int>, isOld: Bool)
        /// An item of which so many bytes are needed, from its start; its size can be trusted.
        case incomplete(needed: Int)
        /// Fewer bytes than an item's header.
        case noHeader
        /// A large item that ends within its digest.
        case noDigest
        /// A large item whose size does not fit its digest.
        case badDigest
        /// No item.
        case badMagic
    }

    /// What lies at the start of `bytes`, all there is of a file from there or a part of it.
    static func frame(_ bytes: UnsafeRawBufferPointer) -> Frame {
        guard bytes.count >= headerSize else { return .noHeader }
        let size = bytes.bigEndian(UInt32.self, at: 0)
        switch bytes.bigEndian(UInt32.self, at: 4) {
        case magic where size < largeSize: return body(size, after: headerSize, bytes, isOld: false)
        case magic:
            guard bytes.count >= headerSize + digestSize else { return .noDigest }
            let digest = bytes[headerSize..<headerSize + digestSize]
            guard digest.elementsEqual(MD5.digest(ofBigEndian: size)) else { return .badDigest }
            return body(size, after: headerSize + digestSize, bytes, isOld: false)
        case oldMagic: return body(size, after: headerSize, bytes, isOld: true)
        default: return .badMagic
        }
    }

    private static func body(
        _ size: UInt32, after start: Int, _ bytes: UnsafeRawBufferPointer, isOld: Bool
    ) -> Frame {
        let end = start + Int(size)
        return end <= bytes.count
            ? .item(term: start..<end, isOld: isOld) : .incomplete(needed: end)
    }

    /// Appends the item that holds `term`.
    static func append(_ term: UnsafeRawBufferPointer, to bytes: inout [UInt8]) {
        let size = UInt32(term.count)
        bytes.appendBigEndian(UInt64(size) << 32 | UInt64(magic))
        if size >= largeSize { bytes.append(contentsOf: MD5.digest(ofBigEndian: size)) }
        bytes.append(contentsOf: term)
    }

    /// What an item adds to the byte count that limits a file: never its digest.
    static func countedSize(_ termSize: Int) -> Int { headerSize + termSize }

    /// How long an item is in its file.
    static func fileSize(_ termSize: Int) -> Int {
        headerSize + termSize + (termSize >= largeSize ? digestSize : 0)
    }
}

/// The first eight bytes of an internal file.
enum LogMark: Equatable {
    /// Since its opening it has not been closed.
    case opened
    case closed

    static let headerSize = 8
    private static let fileMagic: [UInt8] = [1, 2, 3, 4]

    /// What goes at offset 4.
    var bytes: [UInt8] {
        switch self {
        case .opened: [6, 7, 8, 9]
        case .closed: [99, 88, 77, 11]
        }
    }

    /// The whole header.
    var header: [UInt8] { Self.fileMagic + bytes }

    /// What a file's first bytes say; nil if it is no log file.
    init?(header: [UInt8]) {
        switch header {
        case Self.opened.header: self = .opened
        case Self.closed.header: self = .closed
        default:
            guard header.starts(with: Self.fileMagic), Self.isTorn(Array(header.dropFirst(4)))
            else { return nil }
            self = .opened
        }
    }

    /// Whether a power failure has left the first bytes of one mark before the last of the other, and
    /// so nobody has closed the file.
    private static func isTorn(_ bytes: [UInt8]) -> Bool {
        let (opened, closed) = (Self.opened.bytes, Self.closed.bytes)
        return (1...3).contains { count in
            bytes == Array(opened.prefix(count) + closed.dropFirst(count))
                || bytes == Array(closed.prefix(count) + opened.dropFirst(count))
        }
    }
}
