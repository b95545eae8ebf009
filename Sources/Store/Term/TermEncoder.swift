extension Term {
    /// The term's bytes as `term_to_binary` makes them, the version byte included.
    ///
    /// Pairs of maps stay in their order, which is Erlang's own business.
    package func encoded(atoms: TermWriter.AtomEncoding = .latin1) -> [UInt8] {
        var writer = TermWriter(atoms: atoms)
        writer.version()
        var encoder = TermEncoder(writer: writer)
        encoder.encode(self)
        return encoder.writer.bytes
    }
}

/// Writes trees; with a stack of its own, so that it takes what the tree's maker took.
private struct TermEncoder {
    /// What is still to be written of a container.
    private enum Rest {
        case terms(ArraySlice<Term>, tail: Term?)
        case pairs(ArraySlice<Term.Pair>)
        case term(Term)
        case end
    }

    var writer: TermWriter
    private var rests: [Rest] = []

    init(writer: TermWriter) { self.writer = writer }

    mutating func encode(_ term: Term) {
        write(term)
        while let rest = rests.popLast() {
            switch rest {
            case .terms(var terms, let tail):
                guard let first = terms.popFirst() else {
                    if let tail { write(tail) }
                    continue
                }
                rests.append(.terms(terms, tail: tail))
                write(first)
            case .pairs(var pairs):
                guard let first = pairs.popFirst() else { continue }
                rests.append(.pairs(pairs))
                rests.append(.term(first.value))
                write(first.key)
            case .term(let term): write(term)
            case .end: writer.emptyList()
            }
        }
    }

    private mutating func write(_ term: Term) {
        switch term {
        case .integer(let value): writer.integer(value)
        case .bigInteger(let value):
            writer.bigInteger(isNegative: value.isNegative, magnitude: value.magnitude)
        case .float(let value): writer.float(value)
        case .atom(let atom): writer.atom(utf8: atom.utf8)
        case .binary(let bytes): writer.binary(bytes)
        case .bitString(let bytes, let bits): writer.bitString(bytes, bitsInLastByte: bits)
        case .list(let elements): list(elements)
        case .improperList(let elements, let tail):
            writer.list(count: elements.count)
            rests.append(.terms(elements[...], tail: tail))
        case .tuple(let elements):
            writer.tuple(count: elements.count)
            rests.append(.terms(elements[...], tail: nil))
        case .map(let pairs):
            writer.map(count: pairs.count)
            rests.append(.pairs(pairs[...]))
        case .opaque(let bytes): opaque(bytes)
        }
    }

    private mutating func list(_ elements: [Term]) {
        guard !elements.isEmpty else { return writer.emptyList() }
        if elements.count <= TermWriter.maximumString, let bytes = Self.bytes(elements) {
            return writer.string(bytes)
        }
        writer.list(count: elements.count)
        rests.append(.end)
        rests.append(.terms(elements[...], tail: nil))
    }

    /// What the elements are if they are all bytes.
    private static func bytes(_ elements: [Term]) -> [UInt8]? {
        var bytes: [UInt8] = []
        for element in elements {
            guard case .integer(let value) = element, let byte = UInt8(exactly: value) else {
                return nil
            }
            bytes.append(byte)
        }
        return bytes
    }

    private mutating func opaque(_ bytes: [UInt8]) {
        let isWritten: Void? = try? bytes.withUnsafeBytes { try writer.opaque($0) }
        // Bytes that are none of ours stay what they are.
        if isWritten == nil { writer.bytes.append(contentsOf: bytes) }
    }
}
