/// Reads a pool's bytes from its file or parts, without the library and without a lock.
///
/// Bytes before the durable tail never change until the pool is rewound, so a reader needs nothing
/// from the writer; and a read that fails here is an error, in the mapping it would be a SIGBUS.
package final class PoolReader: Sendable {
    /// A stretch of the pool that lies in one file.
    final class Segment: Sendable {
        let start: Int
        let length: Int
        let fileOffset: Int
        let file: File

        init(start: Int, length: Int, fileOffset: Int, file: consuming File) {
            self.start = start
            self.length = length
            self.fileOffset = fileOffset
            self.file = file
        }
    }

    private let segments: [Segment]

    init(_ segments: [Segment]) { self.segments = segments }

    /// Reads from `offset` of the pool, its headers included, until `buffer` is full.
    ///
    /// - Throws: `.failed` if the file has become shorter than the pool.
    func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(StoreError) {
        var done = 0
        while done < buffer.count {
            let position = offset + done
            guard
                let segment = segments.last(where: { $0.start <= position }),
                position < segment.start + segment.length
            else { throw .failed(detail: "byte \(position) lies behind the end of the pool") }
            let within = position - segment.start
            let count = min(buffer.count - done, segment.length - within)
            let part = UnsafeMutableRawBufferPointer(rebasing: buffer[done..<done + count])
            let found = try segment.file.read(at: segment.fileOffset + within, into: part)
            guard found == count else {
                throw .failed(
                    detail: "\(segment.file.name) was cut short at byte \(within + found)")
            }
            done += count
        }
    }

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
