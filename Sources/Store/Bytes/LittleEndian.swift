extension [UInt8] {
    /// The unsigned integer stored at `offset`, least significant byte first.
    func littleEndian<Integer: FixedWidthInteger & UnsignedInteger>(
        _ type: Integer.Type, at offset: Int
    ) -> Integer {
        var value: Integer = 0
        for index in (0..<MemoryLayout<Integer>.size).reversed() {
            value = value << 8 | Integer(truncatingIfNeeded: self[offset + index])
        }
        return value
    }

    /// Stores `value` at `offset`, least significant byte first.
    mutating func storeLittleEndian<Integer: FixedWidthInteger>(_ value: Integer, at offset: Int) {
        Swift.withUnsafeBytes(of: value.littleEndian) { bytes in
            for (index, byte) in bytes.enumerated() { self[offset + index] = byte }
        }
    }
}
