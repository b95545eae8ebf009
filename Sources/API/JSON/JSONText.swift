/// What strings of JSON are made of.
package enum JSONText {
    private static let ones: UInt64 = 0x0101_0101_0101_0101
    private static let highs: UInt64 = 0x8080_8080_8080_8080

    /// Marks the bytes below a bound that is at most 128; bytes from 128 on are none of them.
    @inline(__always)
    private static func below(_ bound: UInt64, in word: UInt64) -> UInt64 {
        (word &- ones &* bound) & ~word & highs
    }

    /// The first byte that a string may not hold as it is.
    static func escape(in bytes: Slice<UnsafeRawBufferPointer>) -> Int? {
        let base = bytes.base
        var place = bytes.startIndex
        while place + 8 <= bytes.endIndex {
            let word = base.loadUnaligned(fromByteOffset: place, as: UInt64.self)
            let quotes = below(1, in: word ^ ones &* 0x22)
            let backslashes = below(1, in: word ^ ones &* 0x5C)
            if below(0x20, in: word) | quotes | backslashes != 0 { break }
            place += 8
        }
        return base[place..<bytes.endIndex].firstIndex {
            $0 < 0x20 || $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "\\")
        }
    }

    /// Whether bytes are UTF-8 without a zero byte.
    package static func isText(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var place = 0
        while place + 8 <= bytes.count {
            let word = bytes.loadUnaligned(fromByteOffset: place, as: UInt64.self)
            if word & highs | below(1, in: word) != 0 { break }
            place += 8
        }
        let rest = bytes[place...]
        guard !rest.allSatisfy({ 1..<0x80 ~= $0 }) else { return true }
        return !rest.contains(0) && isUTF8(UnsafeRawBufferPointer(rebasing: rest))
    }

    private static func isUTF8(_ bytes: UnsafeRawBufferPointer) -> Bool {
        (try? UTF8Span(validating: bytes.bindMemory(to: UInt8.self).span)) != nil
    }
}
