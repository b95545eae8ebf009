import API
import Store

/// The bytes of a pool as they become durable.
struct PoolFollower: FollowSource {
    private let pool: PmemLog
    private let records: RecordWriter
    private let chunkSize: Int
    private var generation: Int
    private var position: Int

    /// So much is told at once, and in one event unless a size is given.
    private static let window = 32 * 1024

    /// - Throws: `range_not_satisfiable` behind the end.
    init(
        _ pool: PmemLog, from start: FollowStart, chunkSize: Int, _ records: RecordWriter
    ) throws(Problem) {
        self.pool = pool
        self.records = records
        self.chunkSize = chunkSize > 0 ? min(chunkSize, Self.window) : Self.window
        let view = pool.view
        generation = view.generation
        switch start {
        case .now: position = view.tell
        case .start: position = 0
        case .position(let text): position = try FollowStart.number(text)
        case .event(let id):
            position = try FollowStart.number(id.position)
            generation = id.generation
            if id.identity ?? pool.identity != pool.identity {
                // No pool has that generation: the first look tells that all begins anew.
                (generation, position) = (0, 0)
            }
        }
        // What has been rewound since is told from its beginning.
        guard
            generation < view.generation
                || generation == view.generation && position <= view.tell
        else { throw .behindTheEnd(view.tell) }
    }

    static func == (one: Self, other: Self) -> Bool {
        one.pool === other.pool && one.position == other.position
            && one.generation == other.generation && one.chunkSize == other.chunkSize
            && one.records == other.records
    }

    var path: String { "/v1/pools/\(pool.name)" }

    var hasNews: Bool {
        let view = pool.view
        return view.state != .open || view.generation != generation || view.tell > position
    }

    mutating func advance(_ events: inout EventWriter) throws(Problem) -> FollowProgress {
        let view = pool.view
        if view.state == .closed {
            events.end(pool.isDeleted, .integer(position))
            return .ended
        }
        if view.generation != generation {
            generation = view.generation
            position = 0
            events.event(
                "rewound", id: id, ["position": 0, "generation": .integer(generation)])
        }
        let end = min(view.tell, position + Self.window)
        guard position < end else {
            if let failure = view.state.failure { throw Problem(failure) }
            return .caughtUp(.integer(position))
        }
        do throws(StoreError) {
            try tell(end, &events)
        } catch {
            switch error {
            // A rewind or the end while it was read: the next look tells of it.
            case .positionGone, .poolClosed: return .more
            default: throw Problem(error)
            }
        }
        let now = pool.view
        return position < now.tell || now.state != .open ? .more : .caughtUp(.integer(position))
    }

    private mutating func tell(_ end: Int, _ events: inout EventWriter) throws(StoreError) {
        let bytes = try pool.read(at: position, generation: generation, count: end - position)
        let start = position
        while position < end {
            let next = min(position + chunkSize, end)
            let place = position
            position = next
            events.record(id: id, .integer(place), .integer(next)) { writer in
                bytes.withUnsafeBytes {
                    records.write(
                        UnsafeRawBufferPointer(rebasing: $0[place - start..<next - start]),
                        to: &writer)
                }
            }
        }
    }

    private var id: String { EventID(of: pool.identity, generation, position).text }

    func wait(milliseconds: Int, _ resume: @escaping @Sendable () -> Void) {
        pool.watermark.wait(until: position + 1, milliseconds: milliseconds) { _ in resume() }
    }
}

extension EventWriter {
    /// A record, and where it and the next one are.
    mutating func record(
        id: String, _ position: JSONValue, _ next: JSONValue,
        _ record: (inout JSONWriter) -> Void
    ) {
        event("record", id: id) { writer in
            writer.beginObject()
            writer.member("position", position)
            writer.member("next", next)
            writer.literal(",\"record\":")
            record(&writer)
            writer.endObject()
        }
    }

    /// Why nothing follows any more.
    mutating func end(_ isDeleted: Flag, _ position: JSONValue) {
        event(isDeleted.isSet ? "deleted" : "closed", ["position": position])
    }

    /// What went before this reader came.
    mutating func lost(id: String, from: JSONValue, to: JSONValue) {
        event("lost", id: id, ["from": from, "to": to])
    }
}
