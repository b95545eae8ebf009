import Glibc

/// The writing side of a pool: the library's handle, and the state that readers look at.
///
/// In persistent memory the library appends, and what it has appended is durable. In a file a batch is
/// durable after two flushes, as with the library: the first takes its data to the device, the second the
/// write offset that was moved behind it. The second is the next batch's first.
///
/// The committer calls one function at a time. States:
///
///     open ──(a write, a flush or the mapping fails)──▶ failed ──close──▶ closed
///     open ──close──▶ closed
final class PmemEngine: GatedEngine, Sendable {
    static let kind = CommitKind.pool
    static let flushesToSettle = 2

    let nbyte: Int
    let watermark: Watermark
    let gate: AppendGate

    private let name: String
    private let identity: String
    private let memory: PoolMemory
    /// The library opens such a pool, and appends nothing to it.
    private let isReadOnly: Bool
    // Held across the library's calls, which is harmless: only the committer's turn takes it.
    private let handle: Locked<PmemPool?>
    /// Nil where the pool lies in persistent memory.
    private let writer: PoolWriter?
    private let current: Locked<PmemLog.View>
    private let progress: Locked<Progress>

    /// How far what was appended has come; the view's `tell` is what is durable of it.
    private struct Progress {
        /// Behind what the write offset in memory says.
        var announced: Int
        /// What became of all that was on its way when the pool failed: nobody knows.
        var failure: StoreError?
        /// Behind what was written.
        var staged: Int
    }

    init(
        name: String, identity: String, pool: consuming PmemPool, writer: PoolWriter,
        isReadOnly: Bool, generation: Int, memory: PoolMemory, gate: AppendGate, timers: Timers
    ) {
        let tell = pool.tell
        self.writer = pool.isPersistentMemory ? nil : writer
        self.isReadOnly = isReadOnly
        progress = Locked(Progress(announced: tell, staged: tell))
        nbyte = pool.nbyte
        self.name = name
        self.identity = identity
        self.memory = memory
        self.gate = gate
        watermark = Watermark(position: tell, timers: timers)
        handle = Locked(pool)
        current = Locked(.init(state: .open, tell: tell, generation: generation))
    }

    var view: PmemLog.View { current.withLock { $0 } }

    func write(_ batch: [Append]) -> [Result<Appended, StoreError>] {
        let view = self.view
        let start = progress.withLock { $0.staged }
        var tail = start
        var results: [Result<Appended, StoreError>] = []
        var pieces: [[UInt8]] = []
        for append in batch {
            do throws(StoreError) {
                if let known = try replay(append) {
                    results.append(.success(asSafe(known, view)))
                    continue
                }
                let next = try admit(append, view: view, tail: tail)
                results.append(
                    .success(
                        Appended(
                            first: tail, next: next, generation: view.generation,
                            durability: writer == nil ? .synced : .written)))
                gate.keys.intend(
                    append, first: tail, next: next, generation: view.generation)
                pieces.append(append.bytes)
                tail = next
            } catch {
                results.append(.failure(error))
            }
        }
        guard !pieces.isEmpty else { return results }
        do throws(StoreError) {
            try stage(pieces, at: start)
        } catch {
            if mustStop(after: error) { fail(error, durableTell: view.tell) }
            return results.map { $0.flatMap { $0.replay == nil ? .failure(error) : .success($0) } }
        }
        progress.withLock { [tail, writer] progress in
            progress.staged = tail
            if writer == nil { progress.announced = tail }
        }
        if writer == nil { publish(durable: tail) }
        return results
    }

    private func publish(durable tell: Int) {
        current.withLock { $0.tell = tell }
        watermark.advance(to: tell)
    }

    /// What was done before, as safe as it is: it may be on its way to the device still.
    private func asSafe(_ known: Appended, _ view: PmemLog.View) -> Appended {
        var known = known
        let isDurable = known.generation < view.generation || known.next <= view.tell
        known.durability = isDurable ? .synced : .written
        return known
    }

    /// Takes what was staged a step further, and what was announced to the device.
    func flush() throws(StoreError) {
        let (tell, progress) = (view.tell, self.progress.withLock { $0 })
        if let failure = progress.failure { throw failure }
        try requireOpen(view)
        do throws(StoreError) {
            try writer?.sync()
        } catch {
            fail(error, durableTell: tell)
            throw error.asUnknown(of: name)
        }
        if progress.announced > tell { publish(durable: progress.announced) }
        guard progress.staged > progress.announced else { return }
        do throws(StoreError) {
            try writer?.move(to: progress.staged)
            self.progress.withLock { $0.announced = $0.staged }
        } catch {
            // What was announced is safe; the next flush tells those behind it.
            fail(error, durableTell: progress.announced)
        }
    }

    /// The position after `append` if it may go to `tail`.
    private func admit(
        _ append: Append, view: PmemLog.View, tail: Int
    ) throws(StoreError) -> Int {
        try append.expectation.check(
            against: .init(identity: identity, generation: view.generation, position: tail))
        guard append.bytes.count <= nbyte - tail else {
            throw .poolFull(needed: append.bytes.count, position: tail, capacity: nbyte)
        }
        try gate.fence.admit(append.expectation.token)
        return tail + append.bytes.count
    }

    private func stage(_ pieces: [[UInt8]], at position: Int) throws(StoreError) {
        try gate.keys.commit()
        do throws(StoreError) {
            guard !isReadOnly else { throw .readOnlyMode }
            if let writer {
                try writer.write(pieces, at: position)
            } else {
                try handle.withLock { (pool) throws(StoreError) in
                    guard pool != nil else { throw .poolClosed(name: name) }
                    try pool?.append(gathering: pieces)
                }
            }
        } catch {
            // After one that stops the pool only the next opening knows what has happened.
            if !mustStop(after: error) { try gate.keys.revoke() }
            throw error
        }
        // From here on only a failure that stops the pool can undo it.
        gate.keys.confirm()
    }

    /// Empties the pool.
    ///
    /// The new generation is durable before the bytes go, so that no reader that comes back takes
    /// new bytes for old ones.
    func rewind(
        expecting expectation: Expectation
    ) throws(StoreError) -> (lost: Int, generation: Int) {
        let view = self.view
        try requireOpen(view)
        try expectation.check(
            against: .init(identity: identity, generation: view.generation, position: view.tell))
        let generation = view.generation + 1
        try memory.update { $0[PoolMemory.generation] = generation }
        do throws(StoreError) {
            try handle.withLock { (pool) throws(StoreError) in
                guard pool != nil else { throw .poolClosed(name: name) }
                try pool?.rewind()
            }
        } catch {
            if mustStop(after: error) { fail(error, durableTell: nil) }
            throw error
        }
        progress.withLock { $0 = Progress(announced: 0, staged: 0) }
        current.withLock { view in
            view.tell = 0
            view.generation = generation
        }
        watermark.interrupt(restartingAt: 0)
        return (view.tell, generation)
    }

    func close() {
        current.withLock { $0.state = .closed }
        let durableTell = memory.current[PoolMemory.untrustedAfter]
        handle.withLock { pool in
            let open = pool.take()
            open?.close(durableTell: durableTell)
        }
        watermark.end()
    }

    func requireOpen() throws(StoreError) { try requireOpen(view) }

    private func requireOpen(_ view: PmemLog.View) throws(StoreError) {
        switch view.state {
        case .open: break
        case .closed: throw .poolClosed(name: name)
        case .failed(let detail): throw .failed(detail: detail)
        }
    }

    private func mustStop(after error: StoreError) -> Bool {
        switch error {
        case .syncFailed, .failed, .io: true
        default: false
        }
    }

    /// Takes no more appends.
    ///
    /// The write offset may have moved over bytes of which nobody knows: the note says up to where all
    /// is certain, and the next opening cuts the rest.
    private func fail(_ error: StoreError, durableTell: Int?) {
        let unknown = error.asUnknown(of: name)
        progress.withLock { $0.failure = unknown }
        current.withLock {
            $0.state = .failed("\(error.summary); close the pool and open it again")
        }
        watermark.interrupt()
        guard let durableTell else { return }
        memory.rememberUntrusted(after: durableTell)
    }
}
