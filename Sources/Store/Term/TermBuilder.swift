/// Makes a tree of what a walker comes to.
struct TermBuilder: TermVisitor {
    /// A container that has been begun, with the terms that are there already.
    private struct Open {
        let start: Int
        var hasTail = false
    }

    /// Finished terms, those of one container after those of what is around it.
    private var terms: [Term] = []
    private var open: [Open] = []
    private let nesting: Int
    private var count = 0

    init(nesting: Int) { self.nesting = nesting }

    /// The whole tree, once the walk has ended.
    var term: Term? { terms.last }

    mutating func leaf(_ token: TermToken) throws(TermError) {
        switch token {
        case .integer(let value): terms.append(.integer(value))
        case .bigInteger(let isNegative, let magnitude):
            terms.append(.bigInteger(BigInteger(isNegative: isNegative, magnitude: magnitude)))
        case .float(let value): terms.append(.float(value))
        case .atom(let text): terms.append(.atom(Atom(utf8: text.utf8)))
        case .binary(let bytes): terms.append(.binary(Array(bytes)))
        case .bitString(let bytes, let bits):
            var bytes = Array(bytes)
            // What the unused bits are means nothing.
            bytes[bytes.count - 1] &= ~0 << (8 - UInt8(bits))
            terms.append(.bitString(bytes, bitsInLastByte: bits))
        case .string(let bytes): terms.append(.list(bytes.map { .integer(Int($0)) }))
        case .tuple: terms.append(.tuple([]))
        case .map: terms.append(.map([]))
        case .emptyList, .list: terms.append(.list([]))
        case .identifier(let bytes): try opaque(bytes)
        case .function: break
        }
    }

    mutating func opaque(_ bytes: UnsafeRawBufferPointer) throws(TermError) {
        var writer = TermWriter(atoms: .latin1)
        try writer.opaque(bytes)
        terms.append(.opaque(writer.bytes))
    }

    mutating func begin(_ container: TermContainer, at offset: Int) throws(TermError) -> Bool {
        guard open.count < nesting else { throw TermError(.nesting(limit: nesting), at: offset) }
        open.append(Open(start: terms.count))
        return true
    }

    mutating func next(_ place: TermPlace) throws(TermError) {
        if case .tail = place { open[open.count - 1].hasTail = true }
    }

    mutating func end(_ container: TermContainer) throws(TermError) {
        guard let ended = open.popLast() else { return }
        var parts = Array(terms[ended.start...])
        terms.removeSubrange(ended.start...)
        switch container {
        case .tuple: terms.append(.tuple(parts))
        case .list where ended.hasTail:
            let tail = parts.removeLast()
            terms.append(.improperList(parts, tail: tail))
        case .list: terms.append(.list(parts))
        case .map: terms.append(.map(pairs: parts))
        }
    }
}
