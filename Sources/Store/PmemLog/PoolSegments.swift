import Glibc

/// Where a pool's bytes lie: in one file, or in the parts of a set one after the other.
final class PoolSegments: Sendable {
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

        /// - Throws: `.cutShort` if the file is shorter than it was.
        func requireWhole() throws(StoreError) {
            let size = try file.size()
            guard size >= fileOffset + length else {
                throw .cutShort(detail: "\(file.name) was cut short to \(size) bytes")
            }
        }
    }

    let all: [Segment]

    init(_ all: [Segment]) { self.all = all }

    /// Calls `body` for each stretch of the range in one file, until it returns false.
    ///
    /// - Parameter body: gets the segment, the place in its file, and what part of the range lies there,
    ///   counted from the range's start.
    /// - Throws: `.cutShort` if the range goes beyond the pool.
    func forEachPart(
        of range: Range<Int>,
        _ body: (_ segment: Segment, _ place: Int, _ part: Range<Int>) throws(StoreError) -> Bool
    ) throws(StoreError) -> Bool {
        var done = 0
        while done < range.count {
            let position = range.lowerBound + done
            guard
                let segment = all.last(where: { $0.start <= position }),
                position < segment.start + segment.length
            else { throw .cutShort(detail: "byte \(position) lies behind the end of the pool") }
            let within = position - segment.start
            let count = min(range.count - done, segment.length - within)
            guard try body(segment, segment.fileOffset + within, done..<done + count) else {
                return false
            }
            done += count
        }
        return true
    }

    /// - Throws: `.cutShort` if a file is shorter than it was.
    func requireWhole() throws(StoreError) {
        for segment in all { try segment.requireWhole() }
    }
}
