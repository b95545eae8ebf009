import Store

/// The bytes of a range of a pool, as they are.
///
/// A rewind in the middle cuts the connection.
final class PoolByteStream: ByteStream, @unchecked Sendable {
    // Sendable because one thread at a time uses it: the network's, or while the connection is
    // parked the one that fetches.
    private var source: PoolSource

    init(_ pool: PmemLog, generation: Int, range: Range<Int>) {
        source = PoolSource(pool, generation: generation, range: range)
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws(StreamCut) -> StreamStep {
        do throws(StoreError) {
            return try source.read(into: buffer)
        } catch {
            throw StreamCut()
        }
    }

    func fetch() { source.fetch() }
}
