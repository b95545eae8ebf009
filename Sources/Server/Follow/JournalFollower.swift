import API
import Store

/// The records of a journal, by LSN, as they become as safe as the journal promises.
struct JournalFollower: FollowSource {
    private let journal: Journal
    private let rows: JournalRowWriter
    private let generation: Int
    /// Where the next record is looked for.
    private var place: LSN
    /// Where the client stood in another journal of that name; nil once it was told so.
    private var lostPlace: LSN?
    /// Whether the client has been told of the record before the place, and of none since.
    private var isResumed = false
    /// How many records there were when the last look began.
    private var seen = -1
    /// When it last found nothing more where others write.
    private var lastEnd: Instant?

    /// Nobody tells of what others write: so often it is looked for, in milliseconds.
    private static let glance = 100
    private static let window = 32 * 1024

    /// - Throws: `wt_notfound` where no record begins.
    init(
        _ journal: Journal, from start: FollowStart, _ rows: JournalRowWriter
    ) throws(Problem) {
        self.journal = journal
        self.rows = rows
        generation = journal.view.generation
        switch start {
        case .start: place = .beginning
        case .position(let text): place = try Self.place(text)
        case .event(let id):
            place = try Self.place(id.position)
            isResumed = true
            // A change of the settings raises the generation too, and moves no record.
            if id.isForeign(to: journal.identity, generation) {
                lostPlace = place
                place = try mapping(of: .wiredTiger) { () throws(StoreError) in
                    try journal.firstLSN() ?? .beginning
                }
            }
        case .now:
            place = try mapping(of: .wiredTiger) { () throws(StoreError) in
                if let end = journal.promised.end { return end }
                return try journal.findEnd()
            }
        }
    }

    private static func place(_ text: String) throws(Problem) -> LSN {
        guard let place = LSN(text) else {
            throw Problem(.badParameter, "from is now, start or an LSN", option: "from")
        }
        return place
    }

    static func == (one: Self, other: Self) -> Bool {
        one.journal === other.journal && one.place == other.place
            && one.lostPlace == other.lostPlace && one.generation == other.generation
            && one.rows == other.rows
    }

    var path: String { "/v1/journals/\(journal.name)" }

    var hasNews: Bool {
        if journal.view.state != .open || journal.promised.records > seen { return true }
        guard journal.isReadOnly else { return false }
        guard let lastEnd else { return true }
        return Instant.now.nanoseconds(since: lastEnd) >= Self.glance * 1_000_000
    }

    mutating func advance(_ events: inout EventWriter) throws(Problem) -> FollowProgress {
        if journal.view.state == .closed {
            events.end(journal.isDeleted, .string(place.description))
            return .ended
        }
        let told = events.bytes.count
        if let from = lostPlace {
            lostPlace = nil
            events.lost(
                id: id, from: .string(from.description), to: .string(place.description))
        }
        // Asked before the end: what came before the failure is told.
        let failure = journal.view.state.failure
        let promised = journal.promised
        do throws(StoreError) {
            let isEnd = try tell(promised.end, &events)
            guard isEnd else { return .more }
            seen = promised.records
            lastEnd = .now
            guard let failure else { return .caughtUp(.string(place.description)) }
            if events.bytes.count > told { return .more }
            throw failure
        } catch {
            // What was read before it is told first; the next look tells of a closing.
            if events.bytes.count > told || journal.view.state == .closed { return .more }
            guard let next = behindLoss(error) else { throw Problem(error, of: .wiredTiger) }
            isResumed = false
            let from = place
            place = next
            events.lost(
                id: id, from: .string(from.description), to: .string(next.description))
            return .more
        }
    }

    /// Where records go on that are left; nil if none has been lost.
    private func behindLoss(_ error: StoreError) -> LSN? {
        switch error {
        case .journal(.archived(let first)): first
        // A record that was told and never flushed has gone with the power: whatever was written since
        // lies in later files.
        case .journal(.notFound) where isResumed && place.file < journal.view.end.file:
            LSN(file: place.file + 1, offset: UInt32(RecordHeader.alignment))
        default: nil
        }
    }

    /// Tells records before `end`; whether there are no more.
    private mutating func tell(
        _ end: LSN?, _ events: inout EventWriter
    ) throws(StoreError) -> Bool {
        var records = try journal.records(from: place)
        defer { journal.release() }
        while events.bytes.count < Self.window {
            guard let record = try records.next(before: end) else {
                place = records.place
                return true
            }
            place = records.place
            isResumed = false
            events.event("record", id: id) { writer in
                writer.beginObject()
                writer.member("position", record.lsn.description)
                writer.member("next", place.description)
                writer.literal(",\"rows\":[")
                for (index, row) in record.rows.enumerated() {
                    if index > 0 { writer.literal(",") }
                    rows.write(row, to: &writer)
                }
                writer.literal("]")
                writer.endObject()
            }
        }
        return false
    }

    private var id: String { EventID(of: journal.identity, generation, place).text }

    func wait(milliseconds: Int, _ resume: @escaping @Sendable () -> Void) {
        let limit = journal.isReadOnly ? min(milliseconds, Self.glance) : milliseconds
        journal.promised.watermark.wait(until: seen + 1, milliseconds: limit) { _ in resume() }
    }
}
