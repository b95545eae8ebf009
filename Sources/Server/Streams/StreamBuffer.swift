/// What a stream has made and its client has not taken yet.
struct StreamBuffer {
    private(set) var bytes: [UInt8] = []
    private var taken = 0

    var isEmpty: Bool { taken == bytes.count }

    init(_ text: String = "") { bytes = Array(text.utf8) }

    /// Hands out what fits; how many bytes that was.
    mutating func take(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        let count = min(buffer.count, bytes.count - taken)
        bytes.withUnsafeBytes { all in
            buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: all[taken..<taken + count]))
        }
        taken += count
        return count
    }

    /// Makes the next bytes, once all have been taken.
    mutating func refill<Result, Failure: Error>(
        _ body: (inout [UInt8]) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        bytes.removeAll(keepingCapacity: bytes.capacity <= 1 << 20)
        taken = 0
        return try body(&bytes)
    }
}
