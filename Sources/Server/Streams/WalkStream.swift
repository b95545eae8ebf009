import API
import Store

/// A walk as NDJSON or frames: encodes a piece at a time, so that neither the pool nor a chunk is
/// ever held whole.
final class WalkStream<Encoder: ChunkEncoder>: ByteStream, @unchecked Sendable {
    // Sendable because one thread at a time uses it: the network's, or while the connection is
    // parked the one that fetches.
    private enum State { case running, finished, cut }

    private let pool: PmemLog
    private let plan: WalkPlan
    private let requestID: String
    private var source: PoolSource
    private var encoder: Encoder
    private var index = 0
    /// The chunk that has been begun.
    private var chunk: Range<Int>?
    private var state = State.running
    private var output: [UInt8] = []
    private var sent = 0

    private static var pieceSize: Int { 12 * 1024 }

    init(_ pool: PmemLog, _ plan: WalkPlan, _ encoder: Encoder, requestID: String) {
        self.pool = pool
        self.plan = plan
        self.encoder = encoder
        self.requestID = requestID
        source = PoolSource(
            pool, generation: plan.generation, range: plan.range.lowerBound..<plan.end)
    }

    deinit { pool.count(readChunks: index) }

    func fetch() { source.fetch() }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws(StreamCut) -> StreamStep {
        // What is left over is less than one piece.
        output.removeFirst(sent)
        sent = 0
        while output.count < buffer.count, state == .running {
            if !produce() { break }
        }
        let count = min(buffer.count, output.count)
        guard count > 0 else {
            switch state {
            case .running: return .mustFetch
            case .finished: return .end
            case .cut: throw StreamCut()
            }
        }
        output.withUnsafeBytes { bytes in
            buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<count]))
        }
        sent = count
        return .bytes(count)
    }

    /// Appends something to the output; false if that would have to wait for the disk.
    ///
    /// Reads before it writes: what fails at the start of a chunk ends the walk between chunks.
    private func produce() -> Bool {
        guard let current = chunk ?? plan.chunk(index) else {
            finish()
            return true
        }
        let count = min(Self.pieceSize, current.upperBound - source.offset)
        do throws(StoreError) {
            return try withPiece(count) { append($0, of: current) }
        } catch {
            fail(Problem(error))
            return true
        }
    }

    private func append(_ piece: UnsafeRawBufferPointer, of current: Range<Int>) {
        if chunk == nil {
            encoder.begin(offset: current.lowerBound, length: current.count, to: &output)
            chunk = current
        }
        encoder.piece(piece, to: &output)
        guard source.offset == current.upperBound else { return }
        encoder.end(to: &output)
        chunk = nil
        index += 1
    }

    /// Calls `body` with at most `count` bytes; false if they would have to come from disk.
    private func withPiece(
        _ count: Int, _ body: (UnsafeRawBufferPointer) -> Void
    ) throws(StoreError) -> Bool {
        var failure: StoreError?
        var isThere = true
        withUnsafeTemporaryAllocation(byteCount: count, alignment: 1) { piece in
            do throws(StoreError) {
                switch try source.read(into: piece) {
                case .bytes(let found):
                    body(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(piece)[..<found]))
                case .end: body(UnsafeRawBufferPointer(start: nil, count: 0))
                case .mustFetch, .mustWait: isThere = false
                }
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return isThere
    }

    /// Ends with the problem; inside a chunk only where its form can say that it is cut.
    private func fail(_ problem: Problem) {
        if chunk != nil, !encoder.cut(to: &output) {
            state = .cut
            return
        }
        state = .finished
        let document = problem.document(
            instance: "/v1/pools/\(pool.name)/walk", requestID: requestID)
        encoder.finish(EndObject(problem: document), to: &output)
    }

    private func finish() {
        state = .finished
        let token = PoolToken(
            identity: pool.identity, generation: plan.generation, position: plan.end)
        encoder.finish(
            EndObject(
                next: token.text, position: plan.end, records: index,
                bytes: plan.end - plan.range.lowerBound), to: &output)
    }
}
