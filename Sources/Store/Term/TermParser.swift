extension Term {
    /// Reads a term as it is written in Erlang: `{ok, [1, <<"x">>, 'an atom', #{a => 1.5}]}`.
    ///
    /// A point may end it. Variables and expressions are no terms.
    /// - Throws: what was expected, with the offset in bytes; `.nesting`; `.duplicateKey`.
    package init(text: String) throws(TermError) {
        var parser = TermParser(text)
        self = try parser.parse()
        // Keys that are maps themselves may be the same in another order.
        let isChecked = !parser.hasMaps || encoded().withUnsafeBytes { ExternalTerm.isTerm($0) }
        guard isChecked else { throw TermError(.duplicateKey, at: text.utf8.count) }
    }
}

/// Has a stack of its own, no deeper than trees may nest.
private struct TermParser {
    /// A container whose end has not been read.
    private struct Open {
        enum Kind {
            case tuple
            case list
            /// After the bar of a list.
            case tail
            case map
            /// After the arrow in a map.
            case value
        }

        var kind: Kind
        /// What is there already; keys and values in turn.
        var terms: [Term] = []
    }

    private var lexer: TermLexer
    private var token = TermLexer.Token.end
    private var open: [Open] = []
    private(set) var hasMaps = false

    init(_ text: String) { lexer = TermLexer(text) }

    mutating func parse() throws(TermError) -> Term {
        try advance()
        while true {
            guard var term = try start() else { continue }
            // What ends with the term, ends as well.
            while !open.isEmpty {
                guard let whole = try add(term) else { break }
                open.removeLast()
                term = whole
            }
            if open.isEmpty { return try finish(term) }
        }
    }

    private mutating func finish(_ term: Term) throws(TermError) -> Term {
        if isSign(.point) { try advance() }
        guard token == .end else { throw lexer.expected("the end of the text") }
        return term
    }

    // MARK: Tokens

    private mutating func advance() throws(TermError) { token = try lexer.token() }

    private func isSign(_ sign: TermLexer.StaticSign) -> Bool { token == .sign(sign) }

    private mutating func skip(_ sign: TermLexer.StaticSign) throws(TermError) -> Bool {
        guard isSign(sign) else { return false }
        try advance()
        return true
    }

    private mutating func expect(
        _ sign: TermLexer.StaticSign, _ what: String? = nil
    ) throws(TermError) {
        guard try skip(sign) else { throw lexer.expected(what ?? sign.rawValue) }
    }

    // MARK: Containers

    /// Reads a term up to its first term: the whole of it if there is none, or nothing.
    private mutating func start() throws(TermError) -> Term? {
        switch token {
        case .sign(.openBrace):
            try advance()
            return try skip(.closeBrace) ? .tuple([]) : try begin(.tuple)
        case .sign(.openBracket):
            try advance()
            return try skip(.closeBracket) ? .list([]) : try begin(.list)
        case .sign(.hash):
            try advance()
            try expect(.openBrace)
            hasMaps = true
            return try skip(.closeBrace) ? .map([]) : try begin(.map)
        default: return try leaf()
        }
    }

    private mutating func begin(_ kind: Open.Kind) throws(TermError) -> Term? {
        guard open.count < Term.maximumNesting else {
            throw TermError(.nesting(limit: Term.maximumNesting), at: lexer.start)
        }
        open.append(Open(kind: kind))
        return nil
    }

    /// Adds a term to the container that it is in; gives that back if it ends with it.
    private mutating func add(_ term: Term) throws(TermError) -> Term? {
        let last = open.count - 1
        open[last].terms.append(term)
        switch open[last].kind {
        case .tuple:
            if try skip(.comma) { return nil }
            try expect(.closeBrace, ", or }")
            return .tuple(open[last].terms)
        case .list:
            if try skip(.comma) { return nil }
            if try skip(.bar) {
                open[last].kind = .tail
                return nil
            }
            try expect(.closeBracket, ", or | or ]")
            return .list(open[last].terms)
        case .tail:
            try expect(.closeBracket)
            return Self.list(open[last].terms.dropLast(), tail: term)
        case .map:
            try expect(.arrow)
            open[last].kind = .value
            return nil
        case .value:
            open[last].kind = .map
            if try skip(.comma) { return nil }
            let end = lexer.start
            try expect(.closeBrace, ", or }")
            return try Self.map(open[last].terms, end: end)
        }
    }

    private static func map(_ terms: [Term], end: Int) throws(TermError) -> Term {
        let keys = stride(from: 0, to: terms.count, by: 2).map { terms[$0] }
        guard Set(keys).count == keys.count else { throw TermError(.duplicateKey, at: end) }
        return .map(pairs: terms)
    }

    private static func list(_ elements: ArraySlice<Term>, tail: Term) -> Term {
        switch tail {
        case .list(let more): .list(elements + more)
        case .improperList(let more, let tail): .improperList(elements + more, tail: tail)
        default: .improperList(Array(elements), tail: tail)
        }
    }

    // MARK: Leaves

    private mutating func leaf() throws(TermError) -> Term {
        switch token {
        case .atom(let atom):
            try advance()
            return .atom(atom)
        case .string(let characters):
            try advance()
            return .list(characters.map { .integer(Int($0.value)) })
        case .sign(.openBinary):
            try advance()
            return try binary()
        case .reserved("fun"):
            try advance()
            return try function()
        default: return try number()
        }
    }

    private mutating func number() throws(TermError) -> Term {
        let isNegative = isSign(.minus)
        if isNegative || isSign(.plus) { try advance() }
        switch token {
        case .integer(let value):
            try advance()
            return BigInteger(isNegative: isNegative, magnitude: value.magnitude).term
        case .float(let value):
            try advance()
            return .float(isNegative ? -value : value)
        default: throw lexer.expected("a term")
        }
    }

    /// `fun module:function/arity`.
    private mutating func function() throws(TermError) -> Term {
        let module = try atom("the module's name")
        try expect(.colon)
        let function = try atom("the function's name")
        try expect(.slash)
        guard case .integer(let value) = token, case .integer(let arity) = value.term,
            (0...255).contains(arity)
        else { throw lexer.expected("an arity from 0 to 255") }
        try advance()
        var writer = TermWriter(atoms: .latin1)
        writer.export(module: module, function: function, arity: arity)
        return .opaque(writer.bytes)
    }

    private mutating func atom(_ what: String) throws(TermError) -> Atom {
        guard case .atom(let atom) = token else { throw lexer.expected(what) }
        try advance()
        return atom
    }

    // MARK: Binaries

    private mutating func binary() throws(TermError) -> Term {
        var bits = BitWriter()
        if try skip(.closeBinary) { return .binary([]) }
        repeat {
            try segment(&bits)
        } while try skip(.comma)
        try expect(.closeBinary, ", or >>")
        return bits.term
    }

    /// Text or an integer, with its size in bits or as `/utf8`.
    private mutating func segment(_ bits: inout BitWriter) throws(TermError) {
        if case .string(let characters) = token {
            try advance()
            let isUTF8 = try skipUTF8()
            for character in characters {
                if isUTF8 {
                    bits.append(utf8: character)
                } else {
                    bits.append(Int(character.value), count: 8)
                }
            }
            return
        }
        guard case .integer(let value) = try number() else {
            throw lexer.expected("a string, or an integer of 64 bits")
        }
        if try skip(.colon) {
            bits.append(value, count: try size())
        } else if try skipUTF8() {
            guard let character = UInt32(exactly: value).flatMap({ Unicode.Scalar($0) }) else {
                throw lexer.expected("the number of a character before /utf8")
            }
            bits.append(utf8: character)
        } else {
            bits.append(value, count: 8)
        }
    }

    private mutating func skipUTF8() throws(TermError) -> Bool {
        guard try skip(.slash) else { return false }
        guard token == .atom("utf8") else { throw lexer.expected("utf8") }
        try advance()
        return true
    }

    private mutating func size() throws(TermError) -> Int {
        guard case .integer(let value) = token, case .integer(let count) = value.term,
            (0...BitWriter.maximumSize).contains(count)
        else { throw lexer.expected("a size of at most \(BitWriter.maximumSize) bits") }
        try advance()
        return count
    }
}
