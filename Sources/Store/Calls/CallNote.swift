/// One step of a call that its client has named: what is about to be done, or what it came to.
///
/// As it lies in a file: length of what follows the sum, CRC32C, state, time, name, content, payload.
package struct CallNote: Equatable, Sendable {
    package enum State: UInt8, Sendable {
        /// It may have been done: the payload is what its resource was before.
        case intended = 1
        /// It was done: the payload is the answer.
        case done = 2
        /// It was refused, and nothing changed.
        case void = 3
    }

    static let headSize = 49

    package let key: IdempotencyKey
    package let state: State
    /// Milliseconds since 1970.
    package let time: Int
    package let payload: [UInt8]

    package init(_ key: IdempotencyKey, _ state: State, time: Int, payload: [UInt8] = []) {
        self.key = key
        self.state = state
        self.time = time
        self.payload = payload
    }

    /// The note at `offset` of bytes read; nil if nothing whole is there.
    init?(_ bytes: [UInt8], at offset: Int) {
        guard offset + Self.headSize <= bytes.count else { return nil }
        let size = 8 + Int(bytes.littleEndian(UInt32.self, at: offset))
        guard size >= Self.headSize, offset + size <= bytes.count,
            bytes.littleEndian(UInt32.self, at: offset + 4)
                == Self.sum(of: bytes[offset + 8..<offset + size]),
            let state = State(rawValue: bytes[offset + 8])
        else { return nil }
        self.state = state
        time = Int(truncatingIfNeeded: bytes.littleEndian(UInt64.self, at: offset + 9))
        key = IdempotencyKey(
            name: KeyDigest(Array(bytes[offset + 17..<offset + 33])),
            content: KeyDigest(Array(bytes[offset + 33..<offset + 49])))
        payload = Array(bytes[offset + Self.headSize..<offset + size])
    }

    /// How many bytes it takes in a file.
    var size: Int { Self.headSize + payload.count }

    var bytes: [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Self.headSize)
        bytes[8] = state.rawValue
        bytes.storeLittleEndian(UInt64(UInt(bitPattern: time)), at: 9)
        for (digest, place) in [(key.name, 17), (key.content, 33)] {
            bytes.storeLittleEndian(digest.high, at: place)
            bytes.storeLittleEndian(digest.low, at: place + 8)
        }
        bytes += payload
        bytes.storeLittleEndian(UInt32(bytes.count - 8), at: 0)
        bytes.storeLittleEndian(Self.sum(of: bytes[8...]), at: 4)
        return bytes
    }

    private static func sum(of bytes: ArraySlice<UInt8>) -> UInt32 {
        bytes.withUnsafeBytes { CRC32C.checksum(of: $0) }
    }
}
