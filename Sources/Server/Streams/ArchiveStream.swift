import API
import Store

/// The files of a log as a tar archive.
///
/// What cannot be had in the middle cuts the connection, before the length that was announced.
final class ArchiveStream: ByteStream, @unchecked Sendable {
    // Sendable because one thread at a time uses it: the network's, or while the connection is
    // parked the one that fetches.
    private let archive: ExportArchive
    private let workers: Workers
    private var fetched = StreamBuffer()
    private var left: Int
    private var hasFailed = false

    init(_ archive: ExportArchive, _ workers: Workers) {
        self.archive = archive
        self.workers = workers
        left = archive.length
    }

    /// Giving back the names of files that were not read takes time where there are many.
    deinit { workers.submit { [archive] in archive.discard() } }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws(StreamCut) -> StreamStep {
        if hasFailed { throw StreamCut() }
        guard fetched.isEmpty else { return .bytes(fetched.take(into: buffer)) }
        return left > 0 ? .mustFetch : .end
    }

    func fetch() {
        fetched.refill { fetched in
            do throws(StoreError) {
                try archive.read(into: &fetched)
                left -= fetched.count
            } catch {
                hasFailed = true
            }
        }
    }
}
