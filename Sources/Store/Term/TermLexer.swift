/// Takes Erlang's text apart into words and signs.
struct TermLexer {
    enum Token: Equatable {
        case atom(Atom)
        /// A word that Erlang keeps for itself.
        case reserved(String)
        case integer(BigInteger)
        case float(Double)
        case string([Unicode.Scalar])
        /// Brackets, commas, `=>` and their like.
        case sign(StaticSign)
        case end
    }

    /// The signs that terms are made with.
    enum StaticSign: String {
        case openBrace = "{"
        case closeBrace = "}"
        case openBracket = "["
        case closeBracket = "]"
        case openBinary = "<<"
        case closeBinary = ">>"
        case comma = ","
        case bar = "|"
        case hash = "#"
        case arrow = "=>"
        case colon = ":"
        case slash = "/"
        case plus = "+"
        case minus = "-"
        case point = "."
    }

    /// The longest text of an integer or float.
    private static let maximumNumber = 1 << 20

    private let text: [Unicode.Scalar]
    private var next = 0
    /// Where the token that was read last starts, as an offset in bytes of UTF-8.
    private(set) var start = 0
    /// The offset in bytes of `next`.
    private var offset = 0

    init(_ text: String) { self.text = Array(text.unicodeScalars) }

    func expected(_ what: String) -> TermError { TermError(.expected(what), at: start) }

    // MARK: Characters

    private func peek(_ ahead: Int = 0) -> Unicode.Scalar? {
        next + ahead < text.count ? text[next + ahead] : nil
    }

    private mutating func advance() {
        offset += text[next].utf8.count
        next += 1
    }

    private mutating func skip(_ character: Unicode.Scalar) -> Bool {
        guard peek() == character else { return false }
        advance()
        return true
    }

    private mutating func take(while isWanted: (Unicode.Scalar) -> Bool) -> ArraySlice<
        Unicode.Scalar
    > {
        let start = next
        while let character = peek(), isWanted(character) { advance() }
        return text[start..<next]
    }

    private static func isBlank(_ character: Unicode.Scalar) -> Bool {
        character.value <= 0x20 || (0x80...0xA0).contains(character.value)
    }

    private static func isDigit(_ character: Unicode.Scalar?) -> Bool {
        character.map { ("0"..."9").contains($0) } ?? false
    }

    private mutating func skipBlanks() {
        while let character = peek() {
            if character == "%" {
                _ = take { $0 != "\n" }
            } else if Self.isBlank(character) {
                advance()
            } else {
                return
            }
        }
    }

    // MARK: Tokens

    mutating func token() throws(TermError) -> Token {
        skipBlanks()
        start = offset
        guard let first = peek() else { return .end }
        if AtomSyntax.isStart(first) { return try word() }
        switch first {
        case "'":
            return .atom(try atom(try quoted(by: "'")[...]))
        case "\"": return .string(try strings())
        case "$":
            advance()
            return .integer(try character())
        case "0"..."9": return try number()
        default: return .sign(try sign())
        }
    }

    private mutating func word() throws(TermError) -> Token {
        let atom = try atom(take(while: AtomSyntax.isPart))
        return AtomSyntax.isReserved(atom.name) ? .reserved(atom.name) : .atom(atom)
    }

    private func atom(_ name: ArraySlice<Unicode.Scalar>) throws(TermError) -> Atom {
        guard name.count <= AtomText.maximumCharacters else {
            throw expected("an atom of at most \(AtomText.maximumCharacters) characters")
        }
        return Atom(String(String.UnicodeScalarView(name)))
    }

    private mutating func sign() throws(TermError) -> StaticSign {
        for length in [2, 1] where next + length <= text.count {
            let word = String(String.UnicodeScalarView(text[next..<next + length]))
            if let sign = StaticSign(rawValue: word) {
                for _ in 0..<length { advance() }
                return sign
            }
        }
        throw expected("a term")
    }

    /// Strings that follow each other are one.
    private mutating func strings() throws(TermError) -> [Unicode.Scalar] {
        var characters: [Unicode.Scalar] = []
        let first = start
        repeat {
            start = offset
            characters += try quoted(by: "\"")
            skipBlanks()
        } while peek() == "\""
        start = first
        return characters
    }

    private mutating func quoted(by quote: Unicode.Scalar) throws(TermError) -> [Unicode.Scalar] {
        advance()
        var characters: [Unicode.Scalar] = []
        while let character = peek() {
            advance()
            if character == quote { return characters }
            characters.append(character == "\\" ? try escaped() : character)
        }
        throw TermError(.expected("a closing \(quote)"), at: offset)
    }

    private mutating func character() throws(TermError) -> BigInteger {
        guard let character = peek() else { throw expected("a character after $") }
        advance()
        let value = character == "\\" ? try escaped() : character
        return BigInteger(
            isNegative: false,
            magnitude: withUnsafeBytes(of: value.value.littleEndian) { Array($0) })
    }

    /// What follows a backslash.
    private mutating func escaped() throws(TermError) -> Unicode.Scalar {
        guard let first = peek() else { throw expected("a character after the backslash") }
        if ("0"..."7").contains(first) {
            let digits = text[next..<min(next + 3, text.count)].prefix { ("0"..."7").contains($0) }
            for _ in digits { advance() }
            return try scalar(digits, radix: 8)
        }
        advance()
        switch first {
        case "x": return try hexadecimal()
        case "^":
            guard let letter = peek() else { throw expected("a letter after \\^") }
            advance()
            return Unicode.Scalar(UInt8(letter.value & 0x1F))
        default:
            return AtomSyntax.character(escapedAs: first).flatMap { Unicode.Scalar($0) } ?? first
        }
    }

    private mutating func hexadecimal() throws(TermError) -> Unicode.Scalar {
        func isDigit(_ character: Unicode.Scalar) -> Bool { character.properties.isASCIIHexDigit }
        if skip("{") {
            let digits = take(while: isDigit)
            guard skip("}") else { throw expected("digits and } after \\x{") }
            return try scalar(digits, radix: 16)
        }
        let digits = text[next..<min(next + 2, text.count)].prefix(while: isDigit)
        guard digits.count == 2 else { throw expected("two digits after \\x") }
        for _ in digits { advance() }
        return try scalar(digits, radix: 16)
    }

    private func scalar(
        _ digits: ArraySlice<Unicode.Scalar>, radix: Int
    ) throws(TermError) -> Unicode.Scalar {
        let value = UInt32(String(String.UnicodeScalarView(digits)), radix: radix)
        guard let scalar = value.flatMap({ Unicode.Scalar($0) }) else {
            throw expected("the number of a character")
        }
        return scalar
    }

    // MARK: Numbers

    private mutating func number() throws(TermError) -> Token {
        let whole = digits { Self.isDigit($0) }
        if peek() == "#" {
            advance()
            guard let base = Int(String(decoding: whole, as: UTF8.self)), (2...36).contains(base)
            else {
                throw expected("a base from 2 to 36")
            }
            return .integer(
                try integer(
                    digits { $0.isASCII && $0.properties.isAlphabetic || Self.isDigit($0) },
                    base: base))
        }
        guard peek() == ".", Self.isDigit(peek(1)) else {
            return .integer(try integer(whole, base: 10))
        }
        advance()
        var float = whole + [UInt8(ascii: ".")] + digits { Self.isDigit($0) }
        let hasSign = peek(1) == "+" || peek(1) == "-"
        if peek() == "e" || peek() == "E", Self.isDigit(peek(hasSign ? 2 : 1)) {
            float.append(UInt8(ascii: "e"))
            advance()
            if hasSign {
                float.append(peek() == "-" ? UInt8(ascii: "-") : UInt8(ascii: "+"))
                advance()
            }
            float += digits { Self.isDigit($0) }
        }
        guard let value = Double(String(decoding: float, as: UTF8.self)), value.isFinite else {
            throw expected("a float of 64 bits")
        }
        return .float(value)
    }

    /// Digits; between two of them may be an underscore.
    private mutating func digits(_ isWanted: (Unicode.Scalar) -> Bool) -> [UInt8] {
        var digits: [UInt8] = []
        while let character = peek() {
            if isWanted(character) {
                digits.append(UInt8(truncatingIfNeeded: character.value))
            } else if character != "_" || digits.isEmpty || !(peek(1).map(isWanted) ?? false) {
                break
            }
            advance()
        }
        return digits
    }

    private func integer(_ digits: [UInt8], base: Int) throws(TermError) -> BigInteger {
        guard let value = BigInteger(digits: digits, base: base, isNegative: false) else {
            throw expected(
                "digits of base \(base), at most \(BigInteger.maximumDecimalDigits) of them")
        }
        return value
    }
}
