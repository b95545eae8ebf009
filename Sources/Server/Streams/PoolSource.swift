import Store

/// Reads a range of a pool from front to back: from the page cache if it can, else from a buffer
/// that another thread has filled.
struct PoolSource {
    /// So much is fetched at once when the page cache has nothing.
    private static let fetchSize = 128 * 1024

    private let pool: PmemLog
    private let generation: Int
    private let end: Int
    private(set) var offset: Int
    private var fetched: [UInt8] = []
    private var failure: StoreError?

    init(_ pool: PmemLog, generation: Int, range: Range<Int>) {
        self.pool = pool
        self.generation = generation
        offset = range.lowerBound
        end = range.upperBound
    }

    /// Fills as much of `buffer` as there is.
    mutating func read(
        into buffer: UnsafeMutableRawBufferPointer
    ) throws(StoreError) -> StreamStep {
        let count = min(buffer.count, end - offset)
        guard count > 0 else { return .end }
        if let failure { throw failure }
        guard fetched.isEmpty else { return .bytes(takeFetched(into: buffer)) }
        let part = UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
        guard try pool.readCached(at: offset, generation: generation, into: part) else {
            return .mustFetch
        }
        offset += count
        return .bytes(count)
    }

    private mutating func takeFetched(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        let count = min(buffer.count, fetched.count)
        buffer.copyBytes(from: fetched.prefix(count))
        fetched.removeFirst(count)
        offset += count
        return count
    }

    /// Fills the buffer from disk; may wait.
    mutating func fetch() {
        let count = min(Self.fetchSize, end - offset)
        fetched = [UInt8](repeating: 0, count: count)
        fetched.withUnsafeMutableBytes { buffer in
            do throws(StoreError) {
                try pool.read(at: offset, generation: generation, into: buffer)
            } catch {
                failure = error
            }
        }
    }
}
