extension [UInt8] {
    /// Runs `body` with the bytes; unlike the standard library's way it keeps the type of its error.
    func withBytes<Result>(
        _ body: (UnsafeRawBufferPointer) throws(StoreError) -> Result
    ) throws(StoreError) -> Result {
        try withUnsafeBufferPointer { (buffer) throws(StoreError) in
            try body(UnsafeRawBufferPointer(buffer))
        }
    }

    /// Runs `body`, which may change them, with the bytes.
    mutating func withMutableBytes<Result>(
        _ body: (UnsafeMutableRawBufferPointer) throws(StoreError) -> Result
    ) throws(StoreError) -> Result {
        try withUnsafeMutableBufferPointer { (buffer) throws(StoreError) in
            try body(UnsafeMutableRawBufferPointer(buffer))
        }
    }
}
