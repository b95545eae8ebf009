/// Integers of one to nine bytes that sort as their values do; `__wt_vpack_uint`.
enum PackedInteger {
    /// Values of one byte end here, those of two bytes at `twoByteLimit`.
    private static let oneByteLimit: UInt64 = 0x40
    private static let twoByteLimit: UInt64 = 0x2040

    /// Appends the packed form.
    static func append(_ value: UInt64, to bytes: inout [UInt8]) {
        if value < oneByteLimit {
            bytes.append(0x80 | UInt8(value))
        } else if value < twoByteLimit {
            let rest = value - oneByteLimit
            bytes.append(0xC0 | UInt8(rest >> 8))
            bytes.append(UInt8(truncatingIfNeeded: rest))
        } else {
            let rest = value - twoByteLimit
            let count = max(1, (64 - rest.leadingZeroBitCount + 7) / 8)
            bytes.append(0xE0 | UInt8(count))
            for index in (0..<count).reversed() {
                bytes.append(UInt8(truncatingIfNeeded: rest >> (8 * UInt64(index))))
            }
        }
    }

    /// How many bytes the packed form has.
    static func length(of value: UInt64) -> Int {
        if value < oneByteLimit { return 1 }
        if value < twoByteLimit { return 2 }
        return 1 + max(1, (64 - (value - twoByteLimit).leadingZeroBitCount + 7) / 8)
    }
}

/// Takes packed values out of bytes, one after the other.
struct PackedReader {
    private let bytes: UnsafeRawBufferPointer
    private(set) var offset: Int
    private let end: Int

    init(_ bytes: UnsafeRawBufferPointer, from offset: Int = 0, to end: Int? = nil) {
        self.bytes = bytes
        self.offset = offset
        self.end = end ?? bytes.count
    }

    var isAtEnd: Bool { offset == end }

    /// The next integer; nil if there is none; `__wt_vunpack_uint`.
    mutating func unsigned() -> UInt64? {
        guard offset < end else { return nil }
        let first = bytes[offset]
        switch first {
        case 0x80...0xBF:
            offset += 1
            return UInt64(first & 0x3F)
        case 0xC0...0xDF:
            guard offset + 1 < end else { return nil }
            defer { offset += 2 }
            return UInt64(first & 0x1F) << 8 + UInt64(bytes[offset + 1]) + 0x40
        case 0xE0...0xEF: return long(Int(first & 0x0F)).map { $0 &+ 0x2040 }
        default: return nil
        }
    }

    /// The next integer of the signed format, as its 64 bits; `__wt_vunpack_int`.
    mutating func signed() -> UInt64? {
        guard offset < end else { return nil }
        let first = bytes[offset]
        switch first {
        case 0x10...0x1F: return long(8 - Int(first & 0x0F), filledWith: .max)
        case 0x20...0x3F:
            guard offset + 1 < end else { return nil }
            defer { offset += 2 }
            return (UInt64(first & 0x1F) << 8 | UInt64(bytes[offset + 1])) &- 0x2040
        case 0x40...0x7F:
            offset += 1
            return UInt64(first & 0x3F) &- 0x40
        default: return unsigned()
        }
    }

    private mutating func long(_ count: Int, filledWith start: UInt64 = 0) -> UInt64? {
        guard (0...8).contains(count), offset + count < end else { return nil }
        var value = start
        for index in 0..<count { value = value << 8 | UInt64(bytes[offset + 1 + index]) }
        offset += 1 + count
        return value
    }

    /// The next integer of at most 32 bits.
    mutating func unsigned32() -> UInt32? { unsigned().flatMap { UInt32(exactly: $0) } }

    /// The next byte string, whose length stands before it; where it lies.
    mutating func item() -> Range<Int>? {
        guard let length = unsigned(), length <= UInt64(end - offset) else { return nil }
        defer { offset += Int(length) }
        return offset..<offset + Int(length)
    }

    /// All bytes that are left.
    mutating func rest() -> Range<Int> {
        defer { offset = end }
        return offset..<end
    }
}
