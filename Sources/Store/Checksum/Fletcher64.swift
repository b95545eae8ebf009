/// The checksum in the headers of PMDK's pools, over little-endian 32-bit words.
enum Fletcher64 {
    /// The sum over `bytes`, whose eight bytes at `field` (the sum's own place) and all from
    /// `skippedFrom` on count as zero.
    static func checksum(_ bytes: [UInt8], field: Int, skippedFrom: Int? = nil) -> UInt64 {
        var low: UInt32 = 0
        var high: UInt32 = 0
        for offset in stride(from: 0, to: bytes.count - bytes.count % 4, by: 4) {
            let counts = !(field..<field + 8).contains(offset) && offset < skippedFrom ?? .max
            if counts { low &+= bytes.littleEndian(UInt32.self, at: offset) }
            high &+= low
        }
        return UInt64(high) << 32 | UInt64(low)
    }
}
