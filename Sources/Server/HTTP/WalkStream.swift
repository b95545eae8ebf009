import API
import Store

/// A walk as NDJSON or frames: encodes a piece at a time, so that neither the pool nor a chunk is
/// ever held whole.
final class WalkStream<Encoder: ChunkEncoder>: ByteStream, @unchecked Sendable {
    // Sendable because only the one network thread of its connection reads it.
    private let pool: PmemLog
    private let plan: WalkPlan
    private var encoder: Encoder
    private var index = 0
    private var chunk: Range<Int>?
    private var offset: Int
    private var isFinished = false
    private var isCut = false
    private var output: [UInt8] = []
    private var sent = 0

    private static var pieceSize: Int { 48 * 1024 }

    private let requestID: String

    init(_ pool: PmemLog, _ plan: WalkPlan, _ encoder: Encoder, requestID: String) {
        self.requestID = requestID
        self.pool = pool
        self.plan = plan
        self.encoder = encoder
        offset = plan.range.lowerBound
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws(StreamCut) -> Int {
        while output.count - sent < buffer.count, !isFinished { produce() }
        let count = min(buffer.count, output.count - sent)
        if count == 0, isCut { throw StreamCut() }
        output.withUnsafeBytes { bytes in
            buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[sent..<sent + count]))
        }
        sent += count
        if sent == output.count {
            output.removeAll(keepingCapacity: true)
            sent = 0
        } else if sent > 1 << 18 {
            output.removeFirst(sent)
            sent = 0
        }
        return count
    }

    /// Reads before it writes: what fails at the start of a chunk ends the walk between chunks.
    private func produce() {
        guard let current = chunk ?? plan.chunk(index) else { return finish() }
        let count = min(Self.pieceSize, current.upperBound - offset)
        do throws(StoreError) {
            try withPiece(count) { piece in
                if chunk == nil {
                    encoder.begin(offset: current.lowerBound, length: current.count, to: &output)
                }
                encoder.piece(piece, to: &output)
            }
        } catch {
            return fail(Problem(error))
        }
        chunk = current
        offset += count
        guard offset == current.upperBound else { return }
        encoder.end(to: &output)
        chunk = nil
        index += 1
    }

    private func withPiece(
        _ count: Int, _ body: (UnsafeRawBufferPointer) -> Void
    ) throws(StoreError) {
        var failure: StoreError?
        withUnsafeTemporaryAllocation(byteCount: count, alignment: 1) { piece in
            do throws(StoreError) {
                try pool.read(at: offset, generation: plan.generation, into: piece)
                body(UnsafeRawBufferPointer(piece))
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
    }

    /// Ends with the problem; inside a chunk only where its form can say that it is cut.
    private func fail(_ problem: Problem) {
        isFinished = true
        if chunk != nil, !encoder.cut(to: &output) {
            isCut = true
            return
        }
        let document = problem.document(
            instance: "/v1/pools/\(pool.name)/walk", requestID: requestID)
        encoder.finish(EndObject(problem: document), to: &output)
    }

    private func finish() {
        isFinished = true
        let token = PoolToken(
            identity: pool.identity, generation: plan.generation, position: plan.end)
        encoder.finish(
            EndObject(
                next: token.text, position: plan.end, records: index,
                bytes: plan.end - plan.range.lowerBound), to: &output)
    }
}
