import CGnuTLS

/// The text that a client shows: `tm_`, the token's id, `_`, and 256 random bits in base 32.
enum TokenSecret {
    private static let prefix = "tm_"
    private static let idLength = 10
    private static let length = 3 + 10 + 1 + 52
    private static let alphabet = Array("abcdefghijklmnopqrstuvwxyz234567".utf8)

    /// A new one, and the id in it.
    static func make() -> (id: String, text: String) {
        let id = random(idLength)
        return (id, "\(prefix)\(id)_\(random(52))")
    }

    /// Characters of five bits each, from the system's generator.
    private static func random(_ count: Int) -> String {
        var generator = SystemRandomNumberGenerator()
        let bytes = (0..<count).map { _ in alphabet[Int(generator.next() & 31)] }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The id in a text of the right form; nil for others.
    static func id(in text: Substring) -> String? {
        guard text.utf8.count == length, text.hasPrefix(prefix) else { return nil }
        return String(text.dropFirst(3).prefix(idLength))
    }

    static func digest(of text: Substring) -> [UInt8]? {
        var text = text
        return text.withUTF8 { SHA256.digest(of: UnsafeRawBufferPointer($0)) }
    }

    /// Compares digests in a time that does not depend on where they differ.
    static func isSame(_ digest: [UInt8], _ other: [UInt8]) -> Bool {
        guard digest.count == other.count else { return false }
        return digest.withUnsafeBytes { digest in
            other.withUnsafeBytes { other in
                gnutls_memcmp(digest.baseAddress, other.baseAddress, digest.count) == 0
            }
        }
    }
}
