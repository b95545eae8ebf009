import CZlib

/// zlib, as far as compressed terms need it.
enum Inflater {
    /// zlib makes no more than so many bytes of one.
    static let maximumRatio = 1032

    /// The bytes that a zlib stream holds, if they are exactly `length` and the stream is whole.
    ///
    /// What follows the stream is not looked at.
    static func inflate(_ stream: UnsafeRawBufferPointer, length: Int) -> [UInt8]? {
        guard length > 0, length / maximumRatio <= stream.count else { return nil }
        var isWhole = false
        let bytes = [UInt8](unsafeUninitializedCapacity: length) { buffer, count in
            isWhole = fill(buffer, from: stream)
            count = isWhole ? length : 0
        }
        return isWhole ? bytes : nil
    }

    private static func fill(
        _ buffer: UnsafeMutableBufferPointer<UInt8>, from stream: UnsafeRawBufferPointer
    ) -> Bool {
        var state = z_stream()
        let size = Int32(MemoryLayout<z_stream>.size)
        guard inflateInit_(&state, ZLIB_VERSION, size) == Z_OK else { return false }
        defer { inflateEnd(&state) }
        // Lengths of terms have 32 bits, as zlib's have.
        guard let available = UInt32(exactly: stream.count),
            let room = UInt32(exactly: buffer.count)
        else { return false }
        let input = stream.bindMemory(to: UInt8.self).baseAddress
        state.next_in = UnsafeMutablePointer(mutating: input)
        state.avail_in = available
        state.next_out = buffer.baseAddress
        state.avail_out = room
        return CZlib.inflate(&state, Z_FINISH) == Z_STREAM_END && state.avail_out == 0
    }
}
