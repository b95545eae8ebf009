/// How atoms and strings are written in Erlang's text.
enum AtomSyntax {
    private static let reservedWords: Set<String> = [
        "after", "and", "andalso", "band", "begin", "bnot", "bor", "bsl", "bsr", "bxor", "case",
        "catch", "cond", "div", "end", "fun", "if", "let", "not", "of", "or", "orelse", "receive",
        "rem", "try", "when", "xor",
    ]

    static func isReserved(_ name: String) -> Bool { reservedWords.contains(name) }

    /// Whether an atom that needs no quotes may start with the character.
    static func isStart(_ character: Unicode.Scalar) -> Bool {
        switch character.value {
        case 0x61...0x7A, 0xDF...0xF6, 0xF8...0xFF: true
        default: false
        }
    }

    /// Whether the character may stand in an atom that needs no quotes.
    static func isPart(_ character: Unicode.Scalar) -> Bool {
        switch character.value {
        case 0x61...0x7A, 0x41...0x5A, 0x30...0x39, 0x5F, 0x40: true
        case 0xC0...0xFF: character.value != 0xD7 && character.value != 0xF7
        default: false
        }
    }

    static func needsQuotes(_ name: String) -> Bool {
        guard let first = name.unicodeScalars.first, isStart(first) else { return true }
        return !name.unicodeScalars.allSatisfy(isPart) || isReserved(name)
    }

    /// Whether a list or binary with the character is shown as text.
    static func isPrintable(_ character: UInt32) -> Bool {
        switch character {
        case 0x20...0x7E, 0xA0...0xFF, 0x08...0x0D, 0x1B: true
        default: false
        }
    }

    private static let escapes: [UInt32: Character] = [
        0x08: "b", 0x09: "t", 0x0A: "n", 0x0B: "v", 0x0C: "f", 0x0D: "r", 0x1B: "e", 0x7F: "d",
    ]

    /// The control character that a letter after a backslash stands for.
    static func character(escapedAs letter: Unicode.Scalar) -> UInt32? {
        letter == "s" ? 0x20 : escapes.first { $0.value == Character(letter) }?.key
    }

    /// Appends characters between quotes.
    static func append(
        _ characters: some Sequence<Unicode.Scalar>, quote: Unicode.Scalar, to text: inout [UInt8]
    ) {
        text.append(contentsOf: UTF8.encode(quote) ?? .init())
        for character in characters {
            if character == quote || character == "\\" {
                text.append(UInt8(ascii: "\\"))
                text.append(contentsOf: character.utf8)
            } else if (0x20...0x7E).contains(character.value) || character.value >= 0xA0 {
                text.append(contentsOf: character.utf8)
            } else if let letter = escapes[character.value] {
                text.append(contentsOf: "\\\(letter)".utf8)
            } else {
                let octal = String(character.value, radix: 8)
                text.append(
                    contentsOf: ("\\" + String(repeating: "0", count: 3 - octal.count)).utf8)
                text.append(contentsOf: octal.utf8)
            }
        }
        text.append(contentsOf: quote.utf8)
    }
}
