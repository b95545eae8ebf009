import Glibc

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
    /// - Throws: `.cutShort` if the file has become shorter than the pool.
    func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(StoreError) {
        _ = try forEachPart(of: buffer, at: offset) { (file, place, part) throws(StoreError) in
            let found = try file.read(at: place, into: part)
            guard found == part.count else {
                throw .cutShort(detail: "\(file.name) was cut short at byte \(place + found)")
            }
            return true
        }
    }

    /// As `read(at:into:)`, but false where it would have to wait for the disk.
    func readCached(
        at offset: Int, into buffer: UnsafeMutableRawBufferPointer
    ) throws(StoreError) -> Bool {
        try forEachPart(of: buffer, at: offset) { (file, place, part) throws(StoreError) in
            try file.readCached(at: place, into: part)
        }
    }

    /// Calls `body` for each stretch in one file, until it returns false.
    private func forEachPart(
        of buffer: UnsafeMutableRawBufferPointer, at offset: Int,
        _ body: (
            _ file: borrowing File, _ place: Int, _ part: UnsafeMutableRawBufferPointer
        ) throws(StoreError) -> Bool
    ) throws(StoreError) -> Bool {
        var done = 0
        while done < buffer.count {
            let position = offset + done
            guard
                let segment = segments.last(where: { $0.start <= position }),
                position < segment.start + segment.length
            else { throw .cutShort(detail: "byte \(position) lies behind the end of the pool") }
            let within = position - segment.start
            let count = min(buffer.count - done, segment.length - within)
            let part = UnsafeMutableRawBufferPointer(rebasing: buffer[done..<done + count])
            guard try body(segment.file, segment.fileOffset + within, part) else { return false }
            done += count
        }
        return true
    }

    /// - Throws: `.cutShort` if a file is shorter than it was.
    func requireWhole() throws(StoreError) {
        for segment in segments {
            let size = Int(try segment.file.status().st_size)
            guard size >= segment.fileOffset + segment.length else {
                throw .cutShort(detail: "\(segment.file.name) was cut short to \(size) bytes")
            }
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
