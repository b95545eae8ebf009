import Synchronization

/// Records that were accepted and that nobody waits for: kept in memory for a moment, so that many
/// are written with one call.
///
/// The original has such a cache for everything that is logged.
final class AcceptedCache: Sendable {
    /// What became of an append.
    enum Outcome { case kept, isFirst, isLarge, full }

    private struct Contents {
        var bytes: [UInt8] = []
        var lengths: [Int] = []
        var isLarge = false
    }

    /// From so many bytes on the cache is written at once.
    private static let large = 64 * 1024
    /// So many bytes may wait: as many as stay in the processor's cache until they are written.
    private static let limit = 1 << 20
    /// Otherwise it is written after so many milliseconds; the original waits two seconds.
    static let delay = 100

    private let contents = Locked(Contents())
    private let isFilled = Atomic(false)

    /// Whether something is there.
    var hasRecords: Bool { isFilled.load(ordering: .acquiring) }

    /// Takes in records; an append alone is taken whatever its size.
    func add(_ append: Append) -> Outcome {
        contents.withLock { contents in
            let isFirst = contents.lengths.isEmpty
            guard isFirst || contents.bytes.count + append.bytes.count <= Self.limit else {
                return .full
            }
            if isFirst { contents.bytes.reserveCapacity(2 * Self.large) }
            contents.bytes += append.bytes
            contents.lengths += append.lengths
            isFilled.store(true, ordering: .releasing)
            if !contents.isLarge, contents.bytes.count >= Self.large {
                contents.isLarge = true
                return .isLarge
            }
            return isFirst ? .isFirst : .kept
        }
    }

    /// All that is there, as one append of which as much is kept as there is room for.
    func take() -> Append? {
        guard hasRecords else { return nil }
        let taken = contents.withLock { contents in
            defer { contents = Contents() }
            isFilled.store(false, ordering: .releasing)
            return contents
        }
        return Append(
            bytes: taken.bytes, lengths: taken.lengths, isAtomic: false, durability: .accepted)
    }
}
