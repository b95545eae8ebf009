/// Puts bits after each other.
struct BitWriter {
    private var bytes: [UInt8] = []
    /// Bits of the last byte that are used, 0 if all are.
    private var used = 0

    /// The most bits of one integer.
    static let maximumSize = 1 << 16

    /// The lowest bits of an integer, the most significant one first.
    mutating func append(_ value: Int, count: Int) {
        for bit in (0..<count).reversed() {
            let isSet = value >> min(bit, Int.bitWidth - 1) & 1 == 1
            if used == 0 { bytes.append(0) }
            if isSet { bytes[bytes.count - 1] |= 0x80 >> UInt8(used) }
            used = (used + 1) % 8
        }
    }

    mutating func append(utf8 character: Unicode.Scalar) {
        for byte in character.utf8 { append(Int(byte), count: 8) }
    }

    var term: Term { used == 0 ? .binary(bytes) : .bitString(bytes, bitsInLastByte: used) }
}
