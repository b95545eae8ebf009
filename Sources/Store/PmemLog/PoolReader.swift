import Glibc

/// Reads a pool's bytes from its file or parts, without the library and without a lock.
///
/// Bytes before the durable tail never change until the pool is rewound, so a reader needs nothing
/// from the writer; and a read that fails here is an error, in the mapping it would be a SIGBUS.
package final class PoolReader: Sendable {
    private let segments: PoolSegments

    init(_ segments: PoolSegments) { self.segments = segments }

    /// Reads from `offset` of the pool, its headers included, until `buffer` is full.
    ///
    /// - Throws: `.cutShort` if the file has become shorter than the pool.
    func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(StoreError) {
        let range = offset..<offset + buffer.count
        _ = try segments.forEachPart(of: range) { (segment, place, part) throws(StoreError) in
            let found = try segment.file.read(
                at: place, into: UnsafeMutableRawBufferPointer(rebasing: buffer[part]))
            guard found == part.count else {
                throw .cutShort(
                    detail: "\(segment.file.name) was cut short at byte \(place + found)")
            }
            return true
        }
    }

    /// As `read(at:into:)`, but false where it would have to wait for the disk.
    func readCached(
        at offset: Int, into buffer: UnsafeMutableRawBufferPointer
    ) throws(StoreError) -> Bool {
        let range = offset..<offset + buffer.count
        return try segments.forEachPart(of: range) { (segment, place, part) throws(StoreError) in
            try segment.file.readCached(
                at: place, into: UnsafeMutableRawBufferPointer(rebasing: buffer[part]))
        }
    }

    /// - Throws: `.cutShort` if a file is shorter than it was.
    func requireWhole() throws(StoreError) { try segments.requireWhole() }

    func read(at offset: Int, count: Int) throws(StoreError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var failure: StoreError?
        bytes.withUnsafeMutableBytes { buffer in
            do throws(StoreError) {
                try read(at: offset, into: buffer)
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return bytes
    }
}
