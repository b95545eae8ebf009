import API

/// Where a follower wants to begin.
enum FollowStart: Equatable {
    /// With what is appended from now on.
    case now
    /// With the oldest record.
    case start
    /// With the record at a position.
    case position(String)
    /// Behind an event.
    case event(EventID)

    /// `Last-Event-ID` wins over `last_event_id`, and that over `from`.
    init(_ call: Call) throws(Problem) {
        let from = try call.text("from")
        let given = try call.text("last_event_id")
        if let id = call.headers[.lastEventID] ?? given {
            guard let id = EventID(id) else {
                throw Problem(
                    .badParameter, "an event's identifier is identity.generation-position",
                    option: "last_event_id")
            }
            self = .event(id)
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

/// What an event's `id` says: of which resource it is, how often that was emptied, and the position
/// behind the event.
///
/// Written `IDENTITY.GENERATION-POSITION`. A resource that was removed and made again counts both
/// numbers anew: the identity keeps it from being taken for the one before.
struct EventID: Equatable {
    /// Nil in those that earlier versions gave.
    let identity: String?
    let generation: Int
    let position: String

    init(of identity: String, _ generation: Int, _ position: some CustomStringConvertible) {
        self.identity = identity
        self.generation = generation
        self.position = position.description
    }

    init?(_ text: String) {
        var rest = text[...]
        if let dot = rest.firstIndex(of: ".") {
            let identity = rest[..<dot]
            guard identity.utf8.count == 8, identity.utf8.allSatisfy(Self.isDigit) else {
                return nil
            }
            self.identity = String(identity)
            rest = rest[dot...].dropFirst()
        } else {
            identity = nil
        }
        let parts = rest.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let generation = Int(parts[0]), generation >= 0 else { return nil }
        self.generation = generation
        position = String(parts[1])
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte)
    }

    var text: String { "\(identity.map { $0 + "." } ?? "")\(generation)-\(position)" }

    /// Whether it is one of another resource; of one without an identity that is seen only where it
    /// names a generation to come.
    func isForeign(to identity: String, _ generation: Int) -> Bool {
        self.identity.map { $0 != identity } ?? (self.generation > generation)
    }
}
