import API
import Store

/// The rows of a walk as NDJSON, with an end object.
final class JournalWalkStream: ByteStream, @unchecked Sendable {
    // Sendable because one thread at a time uses it: the network's, or while the connection is
    // parked or not yet answered the one that fetches.
    private let service: Service
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

    private var hasFailed = false
    /// Whether the last piece was ended before a row was found.
    private var isSearching = false

    /// So much is made at once.
    private static let block = 128 * 1024
    /// So long a piece may be looked for, in milliseconds: a client that leaves meanwhile is not seen.
    private static let pieceTime = 50
    /// The clock is asked behind so many rows that were not wanted.
    private static let glance = 16

    init(
        _ service: Service, _ journal: Journal, _ walk: consuming JournalWalk,
        _ rows: JournalRowWriter, _ filter: RowFilter, limit: Int, requestID: String
    ) {
        self.service = service
        self.journal = journal
        self.walk = walk
        self.rows = rows
        self.filter = filter
        self.limit = limit
        self.requestID = requestID
    }

    deinit { journal.release() }

    /// Whether there is a row, or something that must be told instead; looks for one until
    /// `deadline`, behind which it is the client's to wait.
    func hasRows(until deadline: Instant) -> Bool {
        while output.isEmpty, !isFinished {
            output.refill { output in
                fill(&output)
                // Nothing yet, but the end: that is for when the wait is over.
                if isFinished, count == 0, !hasFailed {
                    output = []
                    isFinished = false
                }
            }
            guard isSearching else { break }
            if service.isDraining || deadline < Instant.now { return true }
        }
        return !output.isEmpty || isFinished
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws(StreamCut) -> StreamStep {
        guard output.isEmpty else { return .bytes(output.take(into: buffer)) }
        if isFinished { return .end }
        // Whoever waits is asked whether it is still there; this wait is over at once.
        defer { isSearching = false }
        return isSearching ? .mustWait : .mustFetch
    }

    func fetch() {
        output.refill { output in
            fill(&output)
            if isSearching, service.isDraining {
                fail(Problem(.draining, "the service is about to stop"), &output)
            }
        }
    }

    private func fill(_ output: inout [UInt8]) {
        var writer = JSONWriter()
        swap(&writer.bytes, &output)
        defer { swap(&writer.bytes, &output) }
        do throws(StoreError) {
            try write(until: Instant.now.advanced(milliseconds: Self.pieceTime), to: &writer)
        } catch {
            fail(Problem(error, of: .wiredTiger), &writer.bytes)
        }
    }

    /// Writes the next rows, and the end if it comes.
    private func write(until deadline: Instant, to writer: inout JSONWriter) throws(StoreError) {
        isSearching = false
        var passed = 0
        while writer.bytes.count < Self.block, count < limit {
            guard let row = try walk.next() else { return finish(&writer) }
            guard filter.takes(row) else {
                passed += 1
                guard passed % Self.glance == 0, deadline < Instant.now else { continue }
                isSearching = writer.bytes.isEmpty
                return
            }
            rows.write(row, to: &writer)
            writer.literal("\n")
            count += 1
            bytes += row.withValue { $0.count }
        }
        if count >= limit { finish(&writer) }
    }

    private func fail(_ problem: Problem, _ output: inout [UInt8]) {
        hasFailed = true
        isFinished = true
        let document = problem.document(
            instance: "/v1/journals/\(journal.name)/walk", requestID: requestID)
        output +=
            JSONValue.object([
                .init(name: "end", value: true), .init(name: "error", value: document),
            ]).line
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
