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

    /// Runs `body`, which may fail, with the bytes.
    func withUnsafeBytesThrowing<Result>(
        _ body: (UnsafeRawBufferPointer) throws(StoreError) -> Result
    ) throws(StoreError) -> Result {
        try withUnsafeBufferPointer { (buffer) throws(StoreError) in
            try body(UnsafeRawBufferPointer(buffer))
        }
    }

    /// Appends `value`, most significant byte first.
    mutating func appendBigEndian(_ value: some FixedWidthInteger) {
        Swift.withUnsafeBytes(of: value.bigEndian) { append(contentsOf: $0) }
    }
}
