/// A file that is being made of records, under a name that nobody looks at.
protocol RecordSink: AnyObject {
    /// Takes the next record.
    func add(_ record: UnsafeRawBufferPointer) throws(StoreError)
    /// Makes all durable, and gives it its name.
    func finish() throws(StoreError)
    /// Removes what was made.
    func abandon()
}

/// What waits to be written, in large pieces.
struct PendingBytes {
    private(set) var bytes: [UInt8] = []
    static let limit = 1 << 20

    var isLarge: Bool { bytes.count >= Self.limit }

    mutating func add(_ add: (inout [UInt8]) -> Void) { add(&bytes) }

    mutating func take() -> [UInt8] {
        defer { bytes = [] }
        return bytes
    }
}
