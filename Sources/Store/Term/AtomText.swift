/// The text of an atom where it stands in an encoding.
///
/// Valid as long as the bytes of the encoding are.
package struct AtomText {
    /// UTF-8, or one byte a character.
    package let bytes: UnsafeRawBufferPointer
    /// Whether each byte is a character of Latin-1.
    package let isLatin1: Bool

    /// The longest text in characters, and in bytes of UTF-8.
    static let maximumCharacters = 255
    static let maximumBytes = 4 * maximumCharacters

    package init(bytes: UnsafeRawBufferPointer, isLatin1: Bool) {
        self.bytes = bytes
        self.isLatin1 = isLatin1
    }

    /// Whether bytes and characters are the same thing in both encodings.
    package var isASCII: Bool { bytes.allSatisfy { $0 < 0x80 } }

    /// Whether Erlang takes it, if it claims to be UTF-8: no surrogates, no longer forms than needed.
    var isValid: Bool {
        guard !isLatin1 else { return bytes.count <= Self.maximumCharacters }
        if bytes.count <= Self.maximumCharacters && isASCII { return true }
        guard bytes.count <= Self.maximumBytes,
            let text = String(validating: bytes, as: UTF8.self)
        else { return false }
        return text.unicodeScalars.count <= Self.maximumCharacters
    }

    /// The text in UTF-8.
    package var utf8: [UInt8] {
        guard isLatin1 && !isASCII else { return Array(bytes) }
        var utf8: [UInt8] = []
        utf8.reserveCapacity(2 * bytes.count)
        for byte in bytes { utf8.append(contentsOf: Unicode.Scalar(byte).utf8) }
        return utf8
    }

    /// Whether it is the text, which must be ASCII.
    package func isEqual(to text: StaticString) -> Bool {
        text.withUTF8Buffer { bytes.elementsEqual($0) }
    }
}
