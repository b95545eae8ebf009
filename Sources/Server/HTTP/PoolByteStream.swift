import Store

/// The bytes of a range of a pool, as they are.
///
/// A rewind in the middle cuts the connection.
final class PoolByteStream: ByteStream, @unchecked Sendable {
    // Sendable because only the one network thread of its connection reads it.
    private let pool: PmemLog
    private let generation: Int
    private var offset: Int
    private let end: Int

    init(_ pool: PmemLog, generation: Int, range: Range<Int>) {
        self.pool = pool
        self.generation = generation
        offset = range.lowerBound
        end = range.upperBound
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws(StreamCut) -> Int {
        let count = min(buffer.count, end - offset)
        guard count > 0 else { return 0 }
        let part = UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
        do throws(StoreError) {
            try pool.read(at: offset, generation: generation, into: part)
        } catch {
            throw StreamCut()
        }
        offset += count
        return count
    }
}
