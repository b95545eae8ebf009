/// The first 16 bytes of a SHA-256 digest.
package struct KeyDigest: Hashable, Sendable {
    let high: UInt64
    let low: UInt64

    /// - Parameter digest: 16 bytes at least.
    package init(_ digest: [UInt8]) {
        high = digest.littleEndian(UInt64.self, at: 0)
        low = digest.littleEndian(UInt64.self, at: 8)
    }
}

/// What a client calls one append, to be able to send it again without doing it twice.
package struct IdempotencyKey: Equatable, Sendable {
    /// The client and its name for the append.
    package let name: KeyDigest
    /// What is sent under that name.
    package let content: KeyDigest
    /// What a repetition is told besides where the records lie: a transaction's number.
    package var note: Int

    package init(name: KeyDigest, content: KeyDigest, note: Int = 0) {
        self.name = name
        self.content = content
        self.note = note
    }
}
