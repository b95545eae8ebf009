import API
import Store

/// The rows of a walk as NDJSON, with an end object.
final class JournalWalkStream: ByteStream, @unchecked Sendable {
    // Sendable because one thread at a time uses it: the network's, or while the connection is
    // parked or not yet answered the one that fetches.
    private let journal: Journal
    private var walk: JournalWalk
    private let rows: JournalRowWriter
    private let filter: RowFilter
    private let limit: Int
    private let requestID: String
    private var output = StreamBuffer()
    private var count = 0
    private var bytes = 0
    private var isFinished = false

    /// So much is made at once.
    private static let block = 128 * 1024

    init(
        _ journal: Journal, _ walk: consuming JournalWalk, _ rows: JournalRowWriter,
        _ filter: RowFilter, limit: Int, requestID: String
    ) {
        self.journal = journal
        self.walk = walk
        self.rows = rows
        self.filter = filter
        self.limit = limit
        self.requestID = requestID
    }

    deinit { journal.release() }

    /// Whether there is a row, or something that must be told instead; looks for one.
    var hasRows: Bool {
        guard output.isEmpty, !isFinished else { return true }
        output.refill { output in
            fill(&output)
            // Nothing yet, but the end: that is for when the wait is over.
            if isFinished, count == 0, !hasFailed {
                output = []
                isFinished = false
            }
        }
        return !output.isEmpty
    }

    private var hasFailed = false

    func read(into buffer: UnsafeMutableRawBufferPointer) throws(StreamCut) -> StreamStep {
        guard output.isEmpty else { return .bytes(output.take(into: buffer)) }
        return isFinished ? .end : .mustFetch
    }

    func fetch() { output.refill { output in fill(&output) } }

    private func fill(_ output: inout [UInt8]) {
        var writer = JSONWriter()
        swap(&writer.bytes, &output)
        defer { swap(&writer.bytes, &output) }
        do throws(StoreError) {
            while writer.bytes.count < Self.block, count < limit {
                guard let row = try walk.next() else { return finish(&writer) }
                guard filter.takes(row) else { continue }
                rows.write(row, to: &writer)
                writer.literal("\n")
                count += 1
                bytes += row.withValue { $0.count }
            }
            if count >= limit { finish(&writer) }
        } catch {
            hasFailed = true
            isFinished = true
            let problem = Problem(error, of: .wiredTiger).document(
                instance: "/v1/journals/\(journal.name)/walk", requestID: requestID)
            writer.bytes +=
                JSONValue.object([
                    .init(name: "end", value: true), .init(name: "error", value: problem),
                ]).line
        }
    }

    private func finish(_ writer: inout JSONWriter) {
        isFinished = true
        let place = walk.place.description
        let end: JSONValue = [
            "end": true, "next": .string(place), "position": .string(place),
            "records": .integer(count), "bytes": .integer(bytes),
        ]
        writer.bytes += end.line
    }
}
