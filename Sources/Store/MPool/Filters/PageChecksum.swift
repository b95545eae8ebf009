/// CRC-32C (Castagnoli) of pages, eight bytes at a time.
enum PageChecksum {
    private static let tables: [[UInt32]] = {
        var first = (0..<256).map { (byte: UInt32) -> UInt32 in
            (0..<8).reduce(byte) { sum, _ in sum >> 1 ^ (sum & 1 == 1 ? 0x82F6_3B78 : 0) }
        }
        var tables = [first]
        for _ in 1..<8 {
            first = first.map { $0 >> 8 ^ tables[0][Int($0 & 0xFF)] }
            tables.append(first)
        }
        return tables
    }()

    private static let flat: [UInt32] = tables.flatMap(\.self)

    /// The checksum of `bytes`.
    ///
    /// - Parameter previous: of what comes before them.
    static func crc32c(_ bytes: UnsafeRawBufferPointer, previous: UInt32 = 0) -> UInt32 {
        var sum = ~previous
        flat.withUnsafeBufferPointer { table in
            var place = 0
            while place + 8 <= bytes.count {
                let word =
                    UInt64(
                        littleEndian: bytes.loadUnaligned(fromByteOffset: place, as: UInt64.self))
                    ^ UInt64(sum)
                sum = 0
                for byte in 0..<8 {
                    sum ^= table[(7 - byte) << 8 | Int(word >> UInt64(byte * 8) & 0xFF)]
                }
                place += 8
            }
            while place < bytes.count {
                sum = sum >> 8 ^ table[Int((sum ^ UInt32(bytes[place])) & 0xFF)]
                place += 1
            }
        }
        return ~sum
    }
}
