/// An open pool with its appenders and readers.
///
/// Appends, rewinds and the closing run one after the other on the committer; readers read the file
/// below the watermark and hold nothing that a writer needs.
package final class PmemLog: FencedLog, Sendable {
    package typealias State = LogState

    /// The state at one moment; positions before `tell` are durable.
    package struct View: Sendable {
        package var state: State
        package var tell: Int
        /// Rises by one with each rewind.
        package var generation: Int
    }

    package let name: String
    /// Relative to the data directory.
    package let path: String
    /// Eight hexadecimal digits of the pool's own identifier, which a pool made anew does not have.
    package let identity: String
    /// Size of the file, or of all parts together, in bytes.
    package let poolSize: Int
    /// Permissions of the file.
    package let mode: UInt32
    /// Unix seconds.
    package let createdAt: Int
    /// Capacity in bytes.
    package let nbyte: Int
    /// Rises with every append; set back by a rewind.
    package let watermark: Watermark

    /// Whether its closing was a removal.
    package let isDeleted = Flag()

    private let counters: StoreCounters
    private let reader: PoolReader
    private let committer: Committer<PmemEngine>

    init(
        name: String, file: PoolFile, engine: PmemEngine, services: LogServices
    ) {
        self.name = name
        counters = services.counters
        path = file.path
        identity = PoolStatus.identity(of: file.layout)
        poolSize = file.poolSize
        mode = file.mode
        createdAt = file.layout.createdAt
        nbyte = engine.nbyte
        watermark = engine.watermark
        reader = file.reader
        committer = Committer(
            engine: engine, workers: services.committers, budget: services.budget)
    }

    /// Counts chunks that were told.
    package func count(readChunks count: Int) { counters.add(.poolReads, count) }

    /// Which writers may append.
    package var fence: Fence? { committer.engine.gate.fence }

    package func raiseFence(
        to token: Int?, isRequired: Bool?,
        complete: @escaping @Sendable (Result<Int, StoreError>) -> Void
    ) {
        committer.raiseFence(to: token, isRequired: isRequired, complete: complete)
    }

    /// State, length and generation as they are now.
    package var view: View { committer.engine.view }

    /// Appends the records as one piece of bytes; `complete` is called when they are durable or
    /// refused, on another thread.
    ///
    /// - Parameter append: asks to be synced; a pool shows nobody what is less.
    /// - Throws: what is known at once; then `complete` is not called.
    package func append(
        _ append: Append,
        complete: @escaping @Sendable (Result<Appended, StoreError>) -> Void
    ) throws(StoreError) {
        guard append.bytes.count <= nbyte else {
            throw .recordTooLarge(size: append.bytes.count, limit: nbyte)
        }
        try committer.append(append, complete: complete)
    }

    /// Empties the pool; `complete` gets the number of bytes lost and the new generation.
    package func rewind(
        expecting expectation: Expectation,
        complete: @escaping @Sendable (Result<(lost: Int, generation: Int), StoreError>) -> Void
    ) {
        committer.perform { engine in
            do throws(StoreError) {
                complete(.success(try engine.rewind(expecting: expectation)))
            } catch {
                complete(.failure(error))
            }
        }
    }

    /// Closes the pool after everything that was queued before, and returns when that is done.
    func close() {
        let done = Locked(false)
        committer.perform { engine in
            engine.close()
            done.withLock { $0 = true }
            done.wakeAll()
        }
        done.whenReady({ $0 }) { _ in }
    }

    /// Reads bytes of the data into `buffer`, all of which must lie before `tell`.
    ///
    /// - Throws: `.positionGone` if the pool is not of that generation any more.
    package func read(
        at offset: Int, generation: Int, into buffer: UnsafeMutableRawBufferPointer
    ) throws(StoreError) {
        try reader.read(at: PoolLayout.dataStart + offset, into: buffer)
        try requireCurrent(generation)
    }

    /// As `read(at:generation:into:)`, into bytes of its own.
    package func read(
        at offset: Int, generation: Int, count: Int
    ) throws(StoreError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        try bytes.withMutableBytes { (buffer) throws(StoreError) in
            try read(at: offset, generation: generation, into: buffer)
        }
        return bytes
    }

    /// Notices a file that was cut short underneath before an answer is begun.
    package func requireWhole() throws(StoreError) { try reader.requireWhole() }

    /// As `read(at:generation:into:)`, but false where it would have to wait for the disk.
    package func readCached(
        at offset: Int, generation: Int, into buffer: UnsafeMutableRawBufferPointer
    ) throws(StoreError) -> Bool {
        guard try reader.readCached(at: PoolLayout.dataStart + offset, into: buffer) else {
            return false
        }
        try requireCurrent(generation)
        return true
    }

    /// Checked after the reading: bytes that a rewind set free may have been written over.
    private func requireCurrent(_ generation: Int) throws(StoreError) {
        let now = view
        guard now.generation == generation else { throw .positionGone(oldest: 0) }
        guard now.state != .closed else { throw .poolClosed(name: name) }
    }

    /// Resumes readers that wait for more, as if their time had run out.
    package func endWaits() { watermark.interrupt() }

    /// Examines the headers of the open pool as they are in the file, without the library.
    package func checkLive() throws(StoreError) -> String? {
        // Before the headers: they may be ahead of it, unless the pool is emptied meanwhile.
        let before = view
        do throws(StoreError) {
            let pages = try reader.read(at: 0, count: PoolLayout.dataStart)
            let layout = try PoolLayout(pages: pages, poolSize: poolSize)
            let isSame = view.generation == before.generation
            return layout.tell >= before.tell || !isSame
                ? nil : "its write offset lies before durable data"
        } catch {
            guard case .notAPool(let detail) = error else { throw error }
            return detail
        }
    }
}
