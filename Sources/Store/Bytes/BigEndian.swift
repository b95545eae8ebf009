extension UnsafeRawBufferPointer {
    /// The unsigned integer stored at `offset`, most significant byte first.
    func bigEndian<Integer: FixedWidthInteger & UnsignedInteger>(
        _ type: Integer.Type, at offset: Int
    ) -> Integer {
        Integer(bigEndian: loadUnaligned(fromByteOffset: offset, as: type))
    }
}

extension [UInt8] {
    /// The unsigned integer stored at `offset`, most significant byte first.
    func bigEndian<Integer: FixedWidthInteger & UnsignedInteger>(
        _ type: Integer.Type, at offset: Int
    ) -> Integer {
        withUnsafeBytes { $0.bigEndian(type, at: offset) }
    }

    /// Appends `value`, most significant byte first.
    mutating func appendBigEndian(_ value: some FixedWidthInteger) {
        Swift.withUnsafeBytes(of: value.bigEndian) { append(contentsOf: $0) }
    }
}
