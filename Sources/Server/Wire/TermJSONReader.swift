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
private struct TermJSONReader {
    /// What has been begun and not ended.
    private enum Open {
        case list(JSONCursor, next: Int)
        case tuple(JSONCursor, next: Int)
        case improper(JSONCursor, next: Int, tail: JSONCursor)
        case tail
        case object(JSONMember?, current: JSONMember?)
        case pairs(JSONCursor, next: Int, start: Int)
        case pair(JSONCursor, next: Int)
    }

    private let node: JSONNode
    private var writer: TermWriter
    private var open: [Open] = []
    private let checksEachMap: Bool
    private var hasPairs = false
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

    private func failure(_ what: String) -> Problem {
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
            if current.isTagged { return try beginTagged(object, count: count) }
            member = current.next
        }
        writer.map(count: count)
        open.append(.object(object.firstMember, current: nil))
    }

    // MARK: Tags

    private mutating func beginTagged(_ object: JSONCursor, count: Int) throws(Problem) {
        guard let first = object.firstMember else { return }
        let tagged = first.isTagged ? first : first.next ?? first
        let other = first.isTagged ? first.next : first
        let (tag, value) = (tagged.name, tagged.value)
        switch (tag, count, other?.name) {
        case ("$improper", 2, "tail"): return try beginImproper(value, tail: other?.value ?? value)
        case ("$bits", 2, "n"): return try bits(value, count: other?.value ?? value)
        case (_, 1, _): break
        default: throw failure("has the key \(tag), which must be alone")
        }
        switch tag {
        case "$tuple": try beginTuple(value)
        case "$map": try beginPairs(value)
        default:
            guard case .string = value.kind, let text = Self.text(value) else {
                throw failure(
                    Self.textTags.contains(tag)
                        ? "must have a string as \(tag)" : "has the unknown key \(tag)")
            }
            try leaf(tag, text)
        }
    }

    private static let textTags: Set = ["$atom", "$int", "$float", "$str", "$bin", "$etf"]

    private static func text(_ value: JSONCursor) -> String? {
        value.withUTF8 { String(decoding: $0, as: UTF8.self) }
    }

    private mutating func beginTuple(_ array: JSONCursor) throws(Problem) {
        guard case .array(let count) = array.kind else {
            throw failure("must have an array as $tuple")
        }
        writer.tuple(count: count)
        open.append(.tuple(array, next: 0))
    }

    private mutating func beginImproper(
        _ array: JSONCursor, tail: JSONCursor
    ) throws(Problem) {
        guard case .array(let count) = array.kind, count > 0 else {
            throw failure("must have an array that is not empty as $improper")
        }
        writer.list(count: count)
        open.append(.improper(array, next: 0, tail: tail))
    }

    private mutating func beginPairs(_ array: JSONCursor) throws(Problem) {
        guard case .array(let count) = array.kind else {
            throw failure("must have an array of pairs as $map")
        }
        hasPairs = true
        let start = writer.bytes.count
        writer.map(count: count)
        open.append(.pairs(array, next: 0, start: start))
    }

    private mutating func leaf(_ tag: String, _ text: String) throws(Problem) {
        switch tag {
        case "$atom":
            guard text.unicodeScalars.count <= 255 else {
                throw failure("has an atom of more than 255 characters")
            }
            writer.atom(utf8: text.utf8)
        case "$int": try integer(text)
        case "$float":
            guard let value = FloatText.value(of: text) else {
                throw failure("must have the text of a finite number as $float")
            }
            writer.float(value)
        case "$str": string(text)
        case "$bin": writer.binary(try base64(text, tag))
        case "$etf": try etf(try base64(text, tag))
        default: throw failure("has the unknown key \(tag)")
        }
    }

    private func base64(_ text: String, _ tag: String) throws(Problem) -> [UInt8] {
        var bytes: [UInt8] = []
        guard Base64.decode(text, to: &bytes) else {
            throw failure("must have base64 text with padding as \(tag)")
        }
        return bytes
    }

    private mutating func integer(_ text: String) throws(Problem) {
        let isNegative = text.utf8.first == UInt8(ascii: "-")
        let digits = text.utf8.dropFirst(isNegative ? 1 : 0)
        guard let value = BigInteger(digits: digits, base: 10, isNegative: isNegative) else {
            throw failure(
                "must have 1 to \(BigInteger.maximumDecimalDigits) digits as $int")
        }
        switch value.term {
        case .integer(let value): writer.integer(value)
        default: writer.bigInteger(isNegative: isNegative, magnitude: value.magnitude)
        }
    }

    private mutating func string(_ text: String) {
        let characters = text.unicodeScalars
        let count = characters.count
        guard count > 0 else { return writer.emptyList() }
        if count <= TermWriter.maximumString && characters.allSatisfy({ $0.value < 256 }) {
            return writer.string(characters.map { UInt8(truncatingIfNeeded: $0.value) })
        }
        writer.list(count: count)
        for character in characters { writer.integer(Int(character.value)) }
        writer.emptyList()
    }

    private mutating func bits(_ value: JSONCursor, count: JSONCursor) throws(Problem) {
        guard case .integer(let bits) = count.kind, let text = Self.text(value) else {
            throw failure("must have base64 text as $bits and an integer as n")
        }
        let bytes = try base64(text, "$bits")
        let used = bits % 8
        guard bits >= 0, bytes.count == bits / 8 + (used > 0 ? 1 : 0),
            used == 0 || (bytes.last ?? 0) & (0xFF >> UInt8(used)) == 0
        else { throw failure("must have \(bits) bits as $bits, and zeros behind them") }
        if used == 0 {
            writer.binary(bytes)
        } else {
            writer.bitString(bytes, bitsInLastByte: used)
        }
    }

    private mutating func etf(_ encoding: [UInt8]) throws(Problem) {
        do throws(TermError) {
            try encoding.withUnsafeBufferPointer { (bytes) throws(TermError) in
                try writer.term(
                    encoding: UnsafeRawBufferPointer(bytes), inflatedLimit: TermJSON.inflatedLimit)
            }
        } catch {
            throw failure("has a $etf that is not one term: \(error)")
        }
    }
}

extension JSONMember {
    /// Whether the name says what the object is.
    fileprivate var isTagged: Bool { withName { $0.first == TermJSON.tagMark } }
}
