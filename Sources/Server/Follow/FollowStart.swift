import API

/// Where a follower wants to begin.
enum FollowStart: Equatable {
    /// With what is appended from now on.
    case now
    /// With the oldest record.
    case start
    /// With the record at a position.
    case position(String)
    /// Behind the event of that identifier.
    case event(generation: Int, position: String)

    /// `Last-Event-ID` wins over `last_event_id`, and that over `from`.
    init(_ call: Call) throws(Problem) {
        let from = try call.text("from")
        let given = try call.text("last_event_id")
        if let id = call.headers[.lastEventID] ?? given {
            let parts = id.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, let generation = Int(parts[0]), generation >= 0 else {
                throw Problem(
                    .badParameter, "an event's identifier is generation-position",
                    option: "last_event_id")
            }
            self = .event(generation: generation, position: String(parts[1]))
            return
        }
        switch from {
        case nil, "now": self = .now
        case "start": self = .start
        case let position?: self = .position(position)
        }
    }

    /// A position that counts bytes or records.
    static func number(_ text: String) throws(Problem) -> Int {
        guard let number = Int(text), number >= 0, text.utf8.first != UInt8(ascii: "+") else {
            throw Problem(.badParameter, "from is now, start or a position", option: "from")
        }
        return number
    }
}
