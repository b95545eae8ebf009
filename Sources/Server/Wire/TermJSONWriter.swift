import API
import Store

/// Writes what a walker comes to as JSON.
///
/// It takes lists for arrays and maps for objects until it meets something that does not fit; then it
/// gives up and wants to know the shapes first.
struct TermJSONWriter: TermVisitor {
    /// What a container is in JSON.
    private enum Shape {
        /// A map whose first key has not come yet.
        case undecided
        case array
        case improper
        case tuple
        case object
        case pairs

        /// How many arrays and objects it is.
        var levels: Int {
            switch self {
            case .undecided, .array, .object: 1
            case .improper, .tuple: 2
            case .pairs: 3
            }
        }
    }

    var writer: JSONWriter
    /// Whether it gave up for want of shapes.
    private(set) var needsShapes = false
    private var shapes: TermShapes?
    private var open: [Shape] = []
    /// How many arrays and objects may still be begun.
    private var levels: Int
    /// Whether a key comes next.
    private var isKey = false

    init(_ writer: JSONWriter, depth: Int, shapes: TermShapes?) {
        self.writer = writer
        self.shapes = shapes
        levels = depth
    }

    /// Begins again, knowing the shapes.
    mutating func restart(at start: Int, shapes: TermShapes, depth: Int) {
        writer.bytes.removeSubrange(start...)
        self.shapes = shapes
        needsShapes = false
        open = []
        levels = depth
        isKey = false
    }

    private mutating func giveUp() -> TermError {
        needsShapes = true
        return TermError(.nesting(limit: levels), at: 0)
    }

    // MARK: Leaves

    mutating func leaf(_ token: TermToken) throws(TermError) {
        if isKey, try writeKey(token) { return }
        switch token {
        case .integer(let value): write(value)
        case .bigInteger(let isNegative, let magnitude):
            write(BigInteger(isNegative: isNegative, magnitude: magnitude))
        case .float(let value): FloatText.append(value, to: &writer.bytes)
        case .atom(let text): write(text)
        case .binary(let bytes):
            if !writer.string(ifText: bytes) { tagged("{\"$bin\":", bytes) }
        case .bitString(let bytes, let bits): write(bytes, bitsInLastByte: bits)
        case .emptyList: writer.literal("[]")
        case .string(let bytes): write(elements: bytes)
        case .tuple: writeEmptyTuple()
        case .map: writer.literal("{}")
        case .identifier(let bytes): try opaque(bytes)
        case .list, .function: break
        }
    }

    private mutating func write(_ value: Int) {
        guard value.magnitude > TermJSON.largestPlainInteger else { return writer.integer(value) }
        writer.literal("{\"$int\":\"")
        writer.integer(value)
        writer.literal("\"}")
    }

    private mutating func write(_ value: BigInteger) {
        guard let digits = value.decimal else {
            return etf(Term.bigInteger(value).encoded())
        }
        writer.literal("{\"$int\":\"")
        writer.number(digits)
        writer.literal("\"}")
    }

    private mutating func write(_ atom: AtomText) {
        if atom.isEqual(to: "true") { return writer.literal("true") }
        if atom.isEqual(to: "false") { return writer.literal("false") }
        if atom.isEqual(to: "null") { return writer.literal("null") }
        writer.literal("{\"$atom\":")
        if atom.isLatin1 && !atom.isASCII {
            atom.utf8.withUnsafeBytes { writer.string(utf8: $0) }
        } else {
            writer.string(utf8: atom.bytes)
        }
        writer.bytes.append(UInt8(ascii: "}"))
    }

    private mutating func tagged(_ tag: StaticString, _ bytes: UnsafeRawBufferPointer) {
        writer.literal(tag)
        writer.base64(bytes)
        writer.bytes.append(UInt8(ascii: "}"))
    }

    private mutating func write(_ bytes: UnsafeRawBufferPointer, bitsInLastByte bits: Int) {
        var bytes = Array(bytes)
        // What the unused bits are means nothing.
        bytes[bytes.count - 1] &= ~0 << (8 - UInt8(bits))
        writer.literal("{\"$bits\":")
        bytes.withUnsafeBytes { writer.base64($0) }
        writer.literal(",\"n\":")
        writer.integer(8 * (bytes.count - 1) + bits)
        writer.bytes.append(UInt8(ascii: "}"))
    }

    private mutating func write(elements bytes: UnsafeRawBufferPointer) {
        writer.bytes.append(UInt8(ascii: "["))
        for (index, byte) in bytes.enumerated() {
            if index > 0 { writer.bytes.append(UInt8(ascii: ",")) }
            writer.integer(Int(byte))
        }
        writer.bytes.append(UInt8(ascii: "]"))
    }

    private mutating func writeEmptyTuple() {
        if levels >= Shape.tuple.levels {
            writer.literal("{\"$tuple\":[]}")
        } else {
            etf(Term.tuple([]).encoded())
        }
    }

    mutating func opaque(_ bytes: UnsafeRawBufferPointer) throws(TermError) {
        if isKey { try decide(.pairs) }
        var encoding = TermWriter(atoms: .latin1)
        encoding.version()
        do throws(TermError) {
            try encoding.opaque(bytes)
        } catch {
            // What nests too deep stays as it is.
            encoding.bytes.append(contentsOf: bytes)
        }
        etf(encoding.bytes)
    }

    private mutating func etf(_ encoding: [UInt8]) {
        encoding.withUnsafeBytes { tagged("{\"$etf\":", $0) }
    }

    // MARK: Containers

    mutating func begin(_ container: TermContainer, at offset: Int) throws(TermError) -> Bool {
        if isKey { try decide(.pairs) }
        let shape = shape(of: container, at: offset)
        // One level must be left for what is in it.
        guard levels > shape.levels else { return false }
        if shape == .undecided && levels <= Shape.pairs.levels { throw giveUp() }
        if open.isEmpty { open.reserveCapacity(16) }
        open.append(shape)
        levels -= shape.levels
        switch shape {
        case .undecided: break
        case .array: writer.bytes.append(UInt8(ascii: "["))
        case .improper: writer.literal("{\"$improper\":[")
        case .tuple: writer.literal("{\"$tuple\":[")
        case .object: writer.bytes.append(UInt8(ascii: "{"))
        case .pairs: writer.literal("{\"$map\":[[")
        }
        return true
    }

    private func shape(of container: TermContainer, at offset: Int) -> Shape {
        let isOdd = shapes?.isOdd(at: offset) ?? false
        return switch container {
        case .tuple: .tuple
        case .list: isOdd ? .improper : .array
        case .map: shapes == nil ? .undecided : isOdd ? .pairs : .object
        }
    }

    mutating func next(_ place: TermPlace) throws(TermError) {
        guard let shape = open.last else { return }
        switch (shape, place) {
        case (.undecided, _): isKey = true
        case (.object, .firstElement): isKey = true
        case (.object, .element):
            writer.bytes.append(UInt8(ascii: ","))
            isKey = true
        case (.object, .value): writer.bytes.append(UInt8(ascii: ":"))
        case (.pairs, .element): writer.literal("],[")
        case (_, .firstElement): break
        case (.improper, .tail): writer.literal("],\"tail\":")
        case (_, .tail): throw giveUp()
        case (_, .element), (_, .value): writer.bytes.append(UInt8(ascii: ","))
        }
    }

    mutating func end(_ container: TermContainer) throws(TermError) {
        guard let shape = open.popLast() else { return }
        levels += shape.levels
        switch shape {
        case .undecided: break
        case .array: writer.bytes.append(UInt8(ascii: "]"))
        case .improper: writer.bytes.append(UInt8(ascii: "}"))
        case .tuple: writer.literal("]}")
        case .object: writer.bytes.append(UInt8(ascii: "}"))
        case .pairs: writer.literal("]]}")
        }
    }

    // MARK: Keys

    /// Writes a key of an object; false if the map is no object, and the key a term like others.
    private mutating func writeKey(_ token: TermToken) throws(TermError) -> Bool {
        guard case .binary(let bytes) = token, TermShapes.isName(bytes) else {
            try decide(.pairs)
            return false
        }
        try decide(.object)
        writer.string(utf8: bytes)
        return true
    }

    /// What the first key says of a map, the others must keep to.
    private mutating func decide(_ shape: Shape) throws(TermError) {
        isKey = false
        switch open[open.count - 1] {
        case .undecided:
            open[open.count - 1] = shape
            levels -= shape.levels - Shape.undecided.levels
            if shape == .object {
                writer.bytes.append(UInt8(ascii: "{"))
            } else {
                writer.literal("{\"$map\":[[")
            }
        case shape: break
        default: throw giveUp()
        }
    }
}
