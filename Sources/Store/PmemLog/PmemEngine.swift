/// The writing side of a pool: the library's handle, and the state that readers look at.
///
/// The committer calls one function at a time. States:
///
///     open ──(a flush or the mapping fails)──▶ failed ──close──▶ closed
///     open ──close──▶ closed
final class PmemEngine: GatedEngine, Sendable {
    static let kind = CommitKind.pool

    let nbyte: Int
    let watermark: Watermark
    let gate: AppendGate

    private let name: String
    private let identity: String
    private let memory: PoolMemory
    // Held across the library's calls, which is harmless: only the committer's turn takes it.
    private let handle: Locked<PmemPool?>
    private let current: Locked<PmemLog.View>

    init(
        name: String, identity: String, pool: consuming PmemPool, generation: Int,
        memory: PoolMemory, gate: AppendGate, timers: Timers
    ) {
        let tell = pool.tell
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

    /// Nothing is left to do: the library flushes as it appends.
    func flush() {}

    func write(_ batch: [Append]) -> [Result<Appended, StoreError>] {
        let view = self.view
        var tail = view.tell
        var results: [Result<Appended, StoreError>] = []
        var pieces: [[UInt8]] = []
        for append in batch {
            do throws(StoreError) {
                try requireOpen(view)
                if let known = try gate.keys.replay(append.key) {
                    results.append(.success(known))
                    continue
                }
                let next = try admit(append, view: view, tail: tail)
                results.append(
                    .success(
                        Appended(
                            first: tail, next: next, generation: view.generation,
                            durability: .synced)))
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
            try write(pieces)
        } catch {
            if mustStop(after: error) { fail(error, durableTell: view.tell) }
            return results.map { $0.flatMap { $0.replay == nil ? .failure(error) : .success($0) } }
        }
        current.withLock { $0.tell = tail }
        watermark.advance(to: tail)
        return results
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

    private func write(_ pieces: [[UInt8]]) throws(StoreError) {
        try gate.keys.commit()
        do throws(StoreError) {
            try handle.withLock { (pool) throws(StoreError) in
                guard pool != nil else { throw .poolClosed(name: name) }
                try pool?.append(gathering: pieces)
            }
        } catch {
            // After one that stops the pool only the next opening knows what has happened.
            if !mustStop(after: error) { try gate.keys.revoke() }
            throw error
        }
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
        watermark.interrupt()
    }

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
    /// The library may have moved the write offset over bytes that never reached the disk: the note
    /// says up to where they did, and the next opening cuts the rest.
    private func fail(_ error: StoreError, durableTell: Int?) {
        current.withLock {
            $0.state = .failed("\(error.summary); close the pool and open it again")
        }
        guard let durableTell else { return }
        memory.rememberUntrusted(after: durableTell)
    }
}
