import Glibc

/// Writes a pool's data and its write offset, in the steps of `pmemlog_appendv(3)`.
///
/// The library copies the data into its mapping, flushes it, moves the write offset and flushes that.
/// Here the same bytes go through the file, in the same order: what an offset points to is on stable
/// storage before it moves. The flush of one append's offset can then be that of the next one's data, and
/// a file that was cut short, or a disk that is full, is an error and no SIGBUS.
///
/// The committer's turn calls it.
final class PoolWriter: Sendable {
    private struct State {
        /// Blocks up to here have been written before.
        var zeroedTo: Int
        /// Segments that were written to since the last flush.
        var dirty: Set<Int> = []
    }

    private let segments: PoolSegments
    private let poolEnd: Int
    private let state: Locked<State>

    /// The first flush of a block that was only allocated costs a commit of the file system's journal.
    private static let zeroAhead = 256 << 10
    /// Larger batches are not worth writing twice.
    private static let smallBatch = 64 << 10

    /// - Parameters:
    ///   - segments: of files that were opened for writing.
    ///   - layout: as the headers say.
    init(_ segments: PoolSegments, layout: PoolLayout) {
        self.segments = segments
        poolEnd = layout.endOffset
        state = Locked(State(zeroedTo: layout.writeOffset))
    }

    /// Writes behind the write offset, where nothing says that it is there.
    ///
    /// - Parameter position: in the data; the caller has seen to it that there is room.
    /// - Throws: `.noSpace`, and the pool is as it was; `.failed` if a file was cut short; `.io`.
    func write(_ pieces: [[UInt8]], at position: Int) throws(StoreError) {
        let count = pieces.reduce(0) { $0 + $1.count }
        let start = PoolLayout.dataStart + position
        let zeroes = count <= Self.smallBatch ? zeroes(behind: start + count) : 0
        var end = start + count
        if zeroes == 0 {
            try write(Self.gathered(pieces, count), atOffset: start)
        } else {
            do throws(StoreError) {
                try write(Self.gathered(pieces, count, zeroes: zeroes), atOffset: start)
                end += zeroes
            } catch {
                // The zeros are for speed only: where they have no room, the records may.
                guard case .noSpace = error else { throw error }
                try write(Self.gathered(pieces, count), atOffset: start)
            }
        }
        state.withLock { [end] in $0.zeroedTo = max($0.zeroedTo, end) }
    }

    private static func gathered(_ pieces: [[UInt8]], _ count: Int, zeroes: Int = 0) -> [UInt8] {
        if zeroes == 0, let only = pieces.first, pieces.count == 1 { return only }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count + zeroes)
        for piece in pieces { bytes += piece }
        bytes.append(contentsOf: repeatElement(0, count: zeroes))
        return bytes
    }

    private func zeroes(behind end: Int) -> Int {
        guard state.withLock({ $0.zeroedTo < end }) else { return 0 }
        return max(0, min(Self.zeroAhead, poolEnd - end))
    }

    /// Moves the write offset, which no power failure can tear: it is eight bytes of one sector.
    func move(to tell: Int) throws(StoreError) {
        var bytes = [UInt8](repeating: 0, count: 8)
        bytes.storeLittleEndian(UInt64(PoolLayout.dataStart + tell), at: 0)
        try write(bytes, atOffset: PoolLayout.writeOffsetField)
    }

    /// Puts on stable storage what was written.
    ///
    /// - Throws: `.syncFailed`: nobody knows then what the device holds of it.
    func sync() throws(StoreError) {
        let dirty = state.withLock { state in
            defer { state.dirty = [] }
            return state.dirty
        }
        for index in dirty { try segments.all[index].file.syncData() }
    }

    private func write(_ bytes: [UInt8], atOffset offset: Int) throws(StoreError) {
        let range = offset..<offset + bytes.count
        _ = try segments.forEachPart(of: range) { (segment, place, part) throws(StoreError) in
            try Self.requireWhole(segment)
            try bytes.withBytes { (all) throws(StoreError) in
                try segment.file.write(UnsafeRawBufferPointer(rebasing: all[part]), at: place)
            }
            let index = segments.all.firstIndex { $0 === segment } ?? 0
            state.withLock { _ = $0.dirty.insert(index) }
            return true
        }
    }

    /// Writing to a file that was cut short would make it longer again.
    private static func requireWhole(_ segment: PoolSegments.Segment) throws(StoreError) {
        do throws(StoreError) {
            try segment.requireWhole()
        } catch {
            throw .failed(detail: error.summary)
        }
    }
}
