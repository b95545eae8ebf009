/// A file read from front to back through a buffer that moves along.
struct FileWindow: ~Copyable {
    private let file: LogFile
    /// Where the file ends for this reader.
    let end: Int
    private var buffer: [UInt8] = []
    private var start = 0

    private static var size: Int { 1 << 20 }

    init(_ file: LogFile, end: Int) {
        self.file = file
        self.end = end
    }

    /// Calls `body` with the bytes at `offset`: at least `count`, unless the file ends before.
    mutating func withBytes<Result>(
        at offset: Int, count: Int, _ body: (UnsafeRawBufferPointer) throws(StoreError) -> Result
    ) throws(StoreError) -> Result {
        let wanted = min(count, end - offset)
        if offset < start || offset + wanted > start + buffer.count {
            try fill(from: offset, count: max(wanted, min(Self.size, end - offset)))
        }
        return try buffer.withBytes { (bytes) throws(StoreError) in
            try body(UnsafeRawBufferPointer(rebasing: bytes[(offset - start)...]))
        }
    }

    private mutating func fill(from offset: Int, count: Int) throws(StoreError) {
        if buffer.count != count { buffer = [UInt8](repeating: 0, count: count) }
        start = offset
        let found = try buffer.withMutableBytes { (bytes) throws(StoreError) in
            try file.read(at: offset, into: bytes)
        }
        guard found == count else {
            throw .cutShort(detail: "\(file.path) became shorter while it was read")
        }
    }
}
