/// A sum of 128 bits over the meaning of a term: equal for terms that Erlang calls equal.
struct Fingerprint: Equatable {
    fileprivate(set) var first: UInt64
    fileprivate(set) var second: UInt64

    /// The sum of no pair at all.
    static let zero = Fingerprint(first: 0, second: 0)

    /// Adds the sum of a pair; the order of pairs means nothing.
    static func &+= (left: inout Fingerprint, right: Fingerprint) {
        left.first &+= right.first
        left.second &+= right.second
    }

    /// The place among so many (a power of two).
    func slot(of count: Int) -> Int { Int(truncatingIfNeeded: first) & (count - 1) }
}

/// Makes fingerprints.
///
/// Two lanes of multiplying and folding under secrets that nobody outside the process knows, so that
/// terms with the same sum can be taken for the same, also where somebody wants to make others.
struct TermHasher {
    private struct Secrets {
        let first = UInt64.random(in: .min ... .max)
        let second = UInt64.random(in: .min ... .max)
        let third = UInt64.random(in: .min ... .max) | 1
        let fourth = UInt64.random(in: .min ... .max) | 1
    }

    private static let processSecrets = Secrets()

    /// What a value stands for, so that values of different kinds differ.
    enum Kind: UInt64 {
        case integer, bigInteger, float, atom, binary, bitString
        case list, endOfList, tail, tuple, map, function
        case pid, port, reference, export
    }

    /// What has been taken in so far.
    private(set) var sum: Fingerprint
    private let secrets: Secrets

    init() {
        secrets = Self.processSecrets
        sum = Fingerprint(first: secrets.first, second: secrets.second)
    }

    /// Goes on from an earlier sum.
    mutating func resume(_ earlier: Fingerprint) { sum = earlier }

    @inline(__always)
    private mutating func absorb(_ word: UInt64) {
        let left = (sum.first ^ word).multipliedFullWidth(by: secrets.third)
        let right = (sum.second &+ word).multipliedFullWidth(by: secrets.fourth)
        sum.first = left.high ^ left.low
        sum.second = right.high ^ right.low &+ secrets.second
    }

    mutating func absorb(_ kind: Kind, _ word: UInt64 = 0) {
        absorb(kind.rawValue << 56 ^ word)
    }

    /// As the other, for words of which all bits count.
    private mutating func absorb(number: UInt64, _ kind: Kind) {
        absorb(kind)
        absorb(number)
    }

    mutating func absorb(_ kind: Kind, _ bytes: UnsafeRawBufferPointer) {
        absorb(kind, UInt64(bytes.count))
        let whole = bytes.count & ~7
        for offset in stride(from: 0, to: whole, by: 8) {
            absorb(bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
        }
        guard whole < bytes.count else { return }
        absorb(bytes[whole...].reduce(0) { $0 << 8 | UInt64($1) })
    }

    mutating func absorb(_ other: Fingerprint) {
        absorb(other.first)
        absorb(other.second)
    }

    mutating func absorb(_ kind: Kind, _ atom: AtomText) {
        guard atom.isLatin1 && !atom.isASCII else { return absorb(kind, atom.bytes) }
        atom.utf8.withUnsafeBytes { absorb(kind, $0) }
    }

    /// Takes a leaf in, or the head of a tuple.
    mutating func absorb(_ token: TermToken) throws(TermError) {
        switch token {
        case .integer(let value): absorb(number: UInt64(bitPattern: Int64(value)), .integer)
        case .bigInteger(let isNegative, let magnitude):
            absorb(.bigInteger, isNegative ? 1 : 0)
            absorb(.bigInteger, magnitude)
        case .float(let value): absorb(number: value == 0 ? 0 : value.bitPattern, .float)
        case .atom(let text): absorb(.atom, text)
        case .binary(let bytes): absorb(.binary, bytes)
        case .bitString(let bytes, let bits): absorb(bytes, bitsInLastByte: bits)
        case .identifier(let bytes): absorb(try TermIdentifier(bytes))
        case .tuple(let count): absorb(.tuple, UInt64(count))
        case .map(let count): absorb(.map, UInt64(count))
        case .function(let head): absorb(head)
        case .list: absorb(.list)
        case .emptyList:
            absorb(.list)
            absorb(.endOfList)
        case .string(let bytes):
            absorb(.list)
            absorb(elements: bytes)
        }
    }

    /// Takes in the elements of a list of bytes, and its end.
    mutating func absorb(elements bytes: UnsafeRawBufferPointer) {
        for byte in bytes { absorb(number: UInt64(byte), .integer) }
        absorb(.endOfList)
    }

    private mutating func absorb(_ bytes: UnsafeRawBufferPointer, bitsInLastByte bits: Int) {
        absorb(.bitString, UInt64(bits))
        absorb(.bitString, UnsafeRawBufferPointer(rebasing: bytes.dropLast()))
        absorb(UInt64((bytes.last ?? 0) >> (8 - UInt8(bits))))
    }

    private mutating func absorb(_ node: TermIdentifier.Node) {
        guard !node.isLocal else { return absorb(.atom) }
        absorb(.atom, node.name)
        absorb(UInt64(node.creation))
    }

    private mutating func absorb(_ identifier: TermIdentifier) {
        switch identifier {
        case .pid(let node, let number, let serial):
            absorb(number: UInt64(number) << 32 | UInt64(serial), .pid)
            absorb(node)
        case .port(let node, let number):
            absorb(number: number, .port)
            absorb(node)
        case .reference(let node, _, let words):
            absorb(.reference)
            absorb(node)
            for index in 0..<TermIdentifier.maximumReferenceWords { absorb(UInt64(words[index])) }
        case .export(let module, let function, let arity):
            absorb(.export, module)
            absorb(.export, function)
            absorb(UInt64(arity))
        }
    }

    /// Of a fun Erlang compares neither who made it nor its older number.
    private mutating func absorb(_ head: TermToken.FunctionHead) {
        absorb(.function, head.module)
        absorb(UInt64(head.index) << 32 | UInt64(UInt32(truncatingIfNeeded: head.oldUniq)))
        absorb(UInt64(head.freeCount))
    }
}
