/// One remembered append in the file of keys: 128 bytes, in one sector of the disk.
///
/// ```
///   0  4  CRC-32C of the rest         48  8  generation
///   4  1  version, 1                  56  8  first
///   5  1  1 if it did not happen      64  8  next
///   6  1  1 written, 2 synced         72  8  length of the last record
///   8  8  sequence number, from 1     80  8  note
///  16 16  name                        88 40  zeros
///  32 16  content                     (integers are little-endian)
/// ```
struct KeySlot: Equatable {
    static let size = 128

    var key: IdempotencyKey
    var sequence: Int
    var generation: Int
    var first: Int
    var next: Int
    var lastLength: Int
    var durability: Durability
    var isVoid = false

    /// - Parameter sequence: given by the ring when it is written.
    init(
        _ key: IdempotencyKey, sequence: Int = 0, generation: Int, first: Int, next: Int,
        lastLength: Int, durability: Durability
    ) {
        self.key = key
        self.sequence = sequence
        self.generation = generation
        self.first = first
        self.next = next
        self.lastLength = lastLength
        self.durability = durability
    }

    /// The slot at `offset` of bytes read; nil if nothing whole is there.
    init?(_ bytes: [UInt8], at offset: Int) {
        guard bytes[offset + 4] == 1 else { return nil }
        let sum = bytes.withUnsafeBytes {
            CRC32C.checksum(
                of: UnsafeRawBufferPointer(rebasing: $0[offset + 4..<offset + Self.size]))
        }
        guard bytes.littleEndian(UInt32.self, at: offset) == sum else { return nil }
        func number(_ place: Int) -> Int {
            Int(bitPattern: UInt(bytes.littleEndian(UInt64.self, at: offset + place)))
        }
        key = IdempotencyKey(
            name: KeyDigest(Array(bytes[offset + 16..<offset + 32])),
            content: KeyDigest(Array(bytes[offset + 32..<offset + 48])), note: number(80))
        isVoid = bytes[offset + 5] == 1
        durability = bytes[offset + 6] == 1 ? .written : .synced
        sequence = number(8)
        generation = number(48)
        first = number(56)
        next = number(64)
        lastLength = number(72)
    }

    var bytes: [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Self.size)
        bytes[4] = 1
        bytes[5] = isVoid ? 1 : 0
        bytes[6] = durability == .written ? 1 : 2
        for (value, place) in [
            (sequence, 8), (generation, 48), (first, 56), (next, 64), (lastLength, 72),
            (key.note, 80),
        ] {
            bytes.storeLittleEndian(UInt64(UInt(bitPattern: value)), at: place)
        }
        for (digest, place) in [(key.name, 16), (key.content, 32)] {
            bytes.storeLittleEndian(digest.high, at: place)
            bytes.storeLittleEndian(digest.low, at: place + 8)
        }
        let sum = bytes.withUnsafeBytes {
            CRC32C.checksum(of: UnsafeRawBufferPointer(rebasing: $0[4...]))
        }
        bytes.storeLittleEndian(sum, at: 0)
        return bytes
    }
}
