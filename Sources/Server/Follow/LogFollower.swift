import API
import Store

/// The records of a log, by position, as they become as safe as the log promises.
struct LogFollower: FollowSource {
    private let log: DiskLog
    private let records: RecordWriter
    private var generation: Int
    private var position: Int
    /// Where the record at `position` lies in an internal log; nil if it must be looked for.
    private var cursor: LogCursor?

    private static let window = 32 * 1024

    /// - Throws: `range_not_satisfiable` behind the end.
    init(_ log: DiskLog, from start: FollowStart, _ records: RecordWriter) throws(Problem) {
        self.log = log
        self.records = records
        let view = log.view
        generation = view.generation
        switch start {
        case .now: position = log.promisedPosition
        case .start: position = view.oldest
        case .position(let text): position = try FollowStart.number(text)
        case .event(let id):
            position = try FollowStart.number(id.position)
            generation = id.generation
            if id.isForeign(to: log.identity, view.generation) {
                // No log has that generation: the first look tells that all begins anew.
                (generation, position) = (0, view.oldest)
            }
        }
        guard position <= view.position else { throw .behindTheEnd(of: log) }
    }

    static func == (one: Self, other: Self) -> Bool {
        one.log === other.log && one.position == other.position
            && one.generation == other.generation && one.cursor == other.cursor
            && one.records == other.records
    }

    var path: String { "/v1/logs/\(log.name)" }

    var hasNews: Bool {
        let view = log.view
        return view.state != .open || view.generation != generation
            || log.promisedPosition > position
    }

    mutating func advance(_ events: inout EventWriter) throws(Problem) -> FollowProgress {
        let view = log.view
        if view.state == .closed {
            events.end(log.isDeleted, .integer(position))
            return .ended
        }
        if view.generation != generation {
            generation = view.generation
            cursor = nil
            events.event(
                "truncated", id: id,
                ["position": .integer(view.oldest), "generation": .integer(generation)])
        }
        let end = log.promisedPosition
        guard position < end else {
            if let failure = view.state.failure { throw Problem(failure, of: .diskLog) }
            return .caughtUp(.integer(position))
        }
        do throws(StoreError) {
            try log.format == .internal ? tellItems(end, &events) : tellBytes(end, &events)
        } catch {
            // Whatever is missing of a log that was closed: the next look tells of that.
            if log.view.state == .closed { return .more }
            guard case .positionGone(let oldest) = error else {
                throw Problem(error, of: .diskLog)
            }
            cursor = nil
            // A file that is going counts as gone before the view says so.
            guard oldest > position else { return .more }
            let from = position
            position = oldest
            events.lost(id: id, from: .integer(from), to: .integer(oldest))
        }
        // Nobody needs to look again for that.
        return position < log.promisedPosition || log.view.state != .open
            ? .more : .caughtUp(.integer(position))
    }

    private mutating func tellItems(
        _ end: Int, _ events: inout EventWriter
    ) throws(StoreError) {
        let from = if let cursor { cursor } else { try log.cursor(at: position) }
        let chunk = try log.chunk(
            from: from, ChunkRequest(limit: end - position, window: Self.window))
        if from.file != chunk.next.file, chunk.next.file != 0, cursor != nil {
            events.event(
                "wrapped", ["position": .integer(position), "file": .integer(chunk.next.file)])
        }
        cursor = chunk.next
        // Files that are missing are passed over.
        position = chunk.next.position - chunk.items.count
        for item in chunk.items {
            let place = position
            position += 1
            events.record(id: id, .integer(place), .integer(position)) { writer in
                chunk.bytes.withUnsafeBytes {
                    records.write(UnsafeRawBufferPointer(rebasing: $0[item]), to: &writer)
                }
            }
        }
    }

    private mutating func tellBytes(
        _ end: Int, _ events: inout EventWriter
    ) throws(StoreError) {
        let bytes = try log.readBytes(at: position, count: min(Self.window, end - position))
        let place = position
        position += bytes.count
        events.record(id: id, .integer(place), .integer(position)) { writer in
            bytes.withUnsafeBytes { records.write($0, to: &writer) }
        }
    }

    private var id: String { EventID(of: log.identity, generation, position).text }

    func wait(milliseconds: Int, _ resume: @escaping @Sendable () -> Void) {
        log.promisedWatermark.wait(until: position + 1, milliseconds: milliseconds) { _ in
            resume()
        }
    }
}
