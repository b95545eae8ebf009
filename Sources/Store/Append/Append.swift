/// Records that are to be appended together: contiguous, in order, all or none.
package final class Append: Sendable {
    /// The records' bytes, one after the other.
    package let bytes: [UInt8]
    /// The length of each record in `bytes`.
    package let lengths: [Int]
    /// Whether all records are taken in or none; else the first ones, as far as there is room.
    package let isAtomic: Bool
    /// What must hold of the tail, if anything.
    package let expectation: Expectation
    /// How safe the records must be when the append is answered.
    package let durability: Durability
    /// What the client calls it, if it may come again.
    package let key: IdempotencyKey?

    package init(
        bytes: [UInt8], lengths: [Int], isAtomic: Bool = true,
        expectation: Expectation = .none, durability: Durability = .synced,
        key: IdempotencyKey? = nil
    ) {
        self.bytes = bytes
        self.lengths = lengths
        self.isAtomic = isAtomic
        self.expectation = expectation
        self.durability = durability
        self.key = key
    }

    /// Calls `body` with each record's bytes in order, until it answers false.
    func forEachRecord<Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Bool
    ) throws(Failure) {
        try bytes.withUnsafeBufferPointer { (all) throws(Failure) in
            var start = 0
            for length in lengths {
                let record = UnsafeBufferPointer(rebasing: all[start..<start + length])
                guard try body(UnsafeRawBufferPointer(record)) else { return }
                start += length
            }
        }
    }
}

/// A condition on an append, decided in the order of the log.
package struct Expectation: Equatable, Sendable {
    /// The tail is exactly this position.
    package var position: Int?
    /// The log is in one of the states that entity tags name.
    package var states: [State]?
    /// The writer's token, which no higher one must have replaced.
    package var token: Int?

    package init(position: Int? = nil, states: [State]? = nil, token: Int? = nil) {
        self.position = position
        self.states = states
        self.token = token
    }

    /// Whatever the tail is.
    package static let none = Expectation()

    /// One state of a log's content.
    package struct State: Equatable, Sendable {
        package let identity: String
        package let generation: Int
        package let position: Int

        package init(identity: String, generation: Int, position: Int) {
            self.identity = identity
            self.generation = generation
            self.position = position
        }
    }

    /// - Throws: `.positionMismatch` with the state as it is.
    func check(against state: State) throws(StoreError) {
        guard position ?? state.position == state.position, states?.contains(state) ?? true else {
            throw .positionMismatch(position: state.position, generation: state.generation)
        }
    }
}

/// Where an append's records lie, and what kept them there when it was answered.
package struct Appended: Equatable, Sendable {
    /// The position of the first record.
    package let first: Int
    /// The position after the last record.
    package let next: Int
    /// The generation that the positions belong to.
    package let generation: Int
    /// How safe they are.
    package var durability: Durability
    /// Set if it was done before, and not again.
    package var replay: Replay?

    /// What was remembered of an append that comes again.
    package struct Replay: Equatable, Sendable {
        /// The note of the key that it came with then.
        package let note: Int
        /// The length of its last record as it was written.
        package let lastLength: Int
    }
}

/// How safe records are when their append is answered, from the weakest to the strongest.
package enum Durability: String, CaseIterable, Comparable, Sendable {
    /// Queued in memory.
    case accepted
    /// Handed to the operating system: survives a crash of the service.
    case written
    /// On stable storage: survives a power loss.
    case synced

    package static func < (left: Durability, right: Durability) -> Bool {
        left.rank < right.rank
    }

    private var rank: Int {
        switch self {
        case .accepted: 0
        case .written: 1
        case .synced: 2
        }
    }
}
