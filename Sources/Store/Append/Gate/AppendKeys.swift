/// Remembers the appends that clients have named, so that none is done twice.
///
/// What is intended is on stable storage before the records reach the file, with the position that they
/// will have: after a crash the end of the log tells what has happened. One resource's turn calls it.
final class AppendKeys: Sendable {
    private struct State: ~Copyable {
        var ring: KeyRing?
        /// Gathered, and not in the file yet.
        var intended: [KeySlot] = []
        /// The newest slot when all that is in the file had happened.
        var certain = 0
        var isAbsent = false
    }

    private let path: String
    private let directory: DataDirectory
    private let state = Locked(State())

    init(at path: String, in directory: DataDirectory) {
        self.path = path
        self.directory = directory
    }

    // MARK: - Appending

    /// What an append came to that was done under that name before; nil if none was.
    ///
    /// - Throws: `.keyReused` if something else was sent.
    func replay(_ key: IdempotencyKey?) throws(StoreError) -> Appended? {
        guard let key else { return nil }
        return try state.withLock { (state) throws(StoreError) in
            try open(&state, toWrite: false)
            guard let slot = try state.ring?.newest(of: key.name), !slot.isVoid else { return nil }
            guard slot.key.content == key.content else { throw .keyReused }
            return Appended(
                first: slot.first, next: slot.next, generation: slot.generation,
                durability: slot.durability,
                replay: .init(note: slot.key.note, lastLength: slot.lastLength))
        }
    }

    /// Gathers what an append will come to; nothing of it may be written before `commit`.
    func intend(_ append: Append, first: Int, next: Int, generation: Int) {
        guard let key = append.key else { return }
        let slot = KeySlot(
            key, generation: generation, first: first, next: next,
            lastLength: append.lengths.last ?? 0, durability: append.durability)
        state.withLock { $0.intended.append(slot) }
    }

    /// Puts on stable storage what is intended.
    ///
    /// - Throws: and has forgotten it then.
    func commit() throws(StoreError) {
        try state.withLock { (state) throws(StoreError) in
            guard !state.intended.isEmpty else { return }
            let slots = state.intended
            state.intended = []
            try open(&state, toWrite: true)
            let certain = state.ring?.last ?? 0
            state.certain = certain
            do throws(StoreError) {
                try state.ring?.append(slots)
            } catch {
                if case .syncFailed = error { throw error }
                try Self.void(&state, after: certain)
                throw error
            }
        }
    }

    /// What was committed has happened.
    func confirm() {
        state.withLock { $0.certain = $0.ring?.last ?? 0 }
    }

    /// What was committed has not happened: the records could not be written.
    ///
    /// - Throws: `.failed` if that can't be written down; then only the next opening can tell.
    func revoke() throws(StoreError) {
        try state.withLock { (state) throws(StoreError) in
            state.intended = []
            try Self.void(&state, after: state.certain)
        }
    }

    private static func void(_ state: inout State, after certain: Int) throws(StoreError) {
        do throws(StoreError) {
            try state.ring?.void(after: certain)
        } catch {
            throw .failed(detail: "what was not written could not be noted: \(error.summary)")
        }
        state.certain = state.ring?.last ?? 0
    }

    // MARK: - After a crash

    /// Where a log that ends at `tail` must be cut back to: the start of an append that is there in part.
    ///
    /// - Parameter generation: of the log; nil if it is never emptied.
    func cut(tail: Int, generation: Int?) throws(StoreError) -> Int? {
        try state.withLock { (state) throws(StoreError) in
            var cut: Int?
            _ = try unfinished(&state, tail, generation) { slot in
                if slot.first < tail { cut = slot.first }
            }
            return cut
        }
    }

    /// Forgets what has not happened, now that the log ends at `tail`.
    func settle(tail: Int, generation: Int?) throws(StoreError) {
        try state.withLock { (state) throws(StoreError) in
            let certain = try unfinished(&state, tail, generation) { _ in }
            try Self.void(&state, after: certain)
        }
    }

    /// Goes back over the slots whose records are not all there; the newest one before them.
    private func unfinished(
        _ state: inout State, _ tail: Int, _ generation: Int?, _ body: (KeySlot) -> Void
    ) throws(StoreError) -> Int {
        try open(&state, toWrite: false)
        guard var sequence = state.ring?.last, let oldest = state.ring?.oldest else { return 0 }
        while sequence >= oldest {
            if let slot = try state.ring?.slot(sequence), !slot.isVoid {
                if slot.next <= tail || generation.map({ slot.generation < $0 }) ?? false { break }
                body(slot)
            }
            sequence -= 1
        }
        return sequence
    }

    private func open(_ state: inout State, toWrite: Bool) throws(StoreError) {
        guard state.ring == nil, toWrite || !state.isAbsent else { return }
        guard toWrite || directory.exists(path) else { return state.isAbsent = true }
        state.ring = try KeyRing.open(at: path, in: directory)
        state.certain = state.ring?.last ?? 0
    }
}
