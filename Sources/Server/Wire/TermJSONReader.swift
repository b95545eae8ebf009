import API
import Store

extension TermJSON {
    /// The encoding of the term that a JSON value stands for.
    ///
    /// - Throws: `bad_record`, with the place.
    static func encoding(
        of node: JSONNode, atoms: TermWriter.AtomEncoding
    ) throws(Problem) -> [UInt8] {
        var reader = TermJSONReader(node, atoms: atoms, checksEachMap: false)
        do throws(Problem) {
            return try reader.read()
        } catch {
            guard reader.needsPlace else { throw error }
            // Only here is it worth the time to look at each map by itself.
            var reader = TermJSONReader(node, atoms: atoms, checksEachMap: true)
            return try reader.read()
        }
    }
}

/// Makes the encoding of a term from JSON; with a stack of its own, no deeper than the document.
struct TermJSONReader {
    /// What has been begun and not ended.
    enum Open {
        case list(JSONCursor, next: Int)
        case tuple(JSONCursor, next: Int)
        case improper(JSONCursor, next: Int, tail: JSONCursor)
        case tail
        case object(JSONMember?, current: JSONMember?)
        case pairs(JSONCursor, next: Int, start: Int)
        case pair(JSONCursor, next: Int)
    }

    private let node: JSONNode
    var writer: TermWriter
    var open: [Open] = []
    private let checksEachMap: Bool
    var hasPairs = false
    /// Whether a key comes twice somewhere, in one map of several.
    private(set) var needsPlace = false

    init(_ node: JSONNode, atoms: TermWriter.AtomEncoding, checksEachMap: Bool) {
        self.node = node
        self.checksEachMap = checksEachMap
        writer = TermWriter(atoms: atoms)
        writer.version()
    }

    mutating func read() throws(Problem) -> [UInt8] {
        try begin(node.cursor)
        while let container = open.popLast() { try proceed(container) }
        // Names of objects differ, but keys of `$map` need not.
        if hasPairs && !isValid(from: 1) {
            needsPlace = true
            throw failure("has a map with the same key twice")
        }
        return writer.bytes
    }

    private func isValid(from start: Int) -> Bool {
        let encoding = [writer.bytes[0]] + writer.bytes[start...]
        return encoding.withUnsafeBytes { ExternalTerm.isTerm($0) }
    }

    // MARK: Places

    func failure(_ what: String) -> Problem {
        let place = node.place + open.map(Self.place).joined()
        return Problem(.badRecord, "\(place.isEmpty ? "the record" : place) \(what)")
    }

    private static func place(_ container: Open) -> String {
        switch container {
        case .list(_, let next): "/\(next - 1)"
        case .tuple(_, let next): "/$tuple/\(next - 1)"
        case .improper(_, let next, _): "/$improper/\(next - 1)"
        case .tail: "/tail"
        case .object(_, let current): "/\(current?.name ?? "")"
        case .pairs(_, let next, _): "/$map/\(next - 1)"
        case .pair(_, let next): "/\(next - 1)"
        }
    }

    // MARK: Containers

    /// Writes what comes next in a container.
    private mutating func proceed(_ container: Open) throws(Problem) {
        switch container {
        case .list(let array, let next):
            guard let element = array.element(next) else { return writer.emptyList() }
            open.append(.list(array, next: next + 1))
            try begin(element)
        case .tuple(let array, let next):
            guard let element = array.element(next) else { return }
            open.append(.tuple(array, next: next + 1))
            try begin(element)
        case .improper(let array, let next, let tail):
            if let element = array.element(next) {
                open.append(.improper(array, next: next + 1, tail: tail))
                try begin(element)
            } else {
                open.append(.tail)
                try begin(tail)
            }
        case .tail: break
        case .object(let member, _):
            guard let member else { return }
            member.withName { writer.binary($0) }
            open.append(.object(member.next, current: member))
            try begin(member.value)
        case .pairs(let array, let next, let start):
            try proceed(pairs: array, next: next, start: start)
        case .pair(let array, let next):
            guard next < 2, let element = array.element(next) else { return }
            open.append(.pair(array, next: next + 1))
            try begin(element)
        }
    }

    private mutating func proceed(
        pairs array: JSONCursor, next: Int, start: Int
    ) throws(Problem) {
        guard let pair = array.element(next) else {
            if checksEachMap && !isValid(from: start) {
                throw failure("has the same key twice")
            }
            return
        }
        open.append(.pairs(array, next: next + 1, start: start))
        guard case .array(count: 2) = pair.kind else {
            throw failure("must be an array of a key and a value")
        }
        open.append(.pair(pair, next: 0))
    }

    /// Writes a value as far as its first value in it.
    private mutating func begin(_ value: JSONCursor) throws(Problem) {
        switch value.kind {
        case .null: writer.atom(utf8: "null".utf8)
        case .bool(let isTrue): writer.atom(utf8: (isTrue ? "true" : "false").utf8)
        case .integer(let integer): writer.integer(integer)
        case .real(let real): writer.float(real)
        case .string: value.withUTF8 { writer.binary($0) }
        case .array(let count): beginList(value, count: count)
        case .object(let count): try beginObject(value, count: count)
        }
    }

    private mutating func beginList(_ array: JSONCursor, count: Int) {
        guard count > 0 else { return writer.emptyList() }
        if let bytes = Self.bytes(array, count: count) { return writer.string(bytes) }
        writer.list(count: count)
        open.append(.list(array, next: 0))
    }

    /// What the elements are if a list of them is written as a string.
    private static func bytes(_ array: JSONCursor, count: Int) -> [UInt8]? {
        guard count <= TermWriter.maximumString else { return nil }
        var bytes: [UInt8] = []
        for index in 0..<count {
            guard case .integer(let value) = array.element(index)?.kind,
                let byte = UInt8(exactly: value)
            else { return nil }
            bytes.append(byte)
        }
        return bytes
    }

    private mutating func beginObject(_ object: JSONCursor, count: Int) throws(Problem) {
        var member = object.firstMember
        while let current = member {
            if current.isTagged { return try beginTagged(object, by: current, count: count) }
            member = current.next
        }
        writer.map(count: count)
        open.append(.object(object.firstMember, current: nil))
    }
}

extension JSONMember {
    /// Whether the name says what the object is.
    var isTagged: Bool { withName { $0.first == TermJSON.tagMark } }
}
