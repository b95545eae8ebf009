/// A pid, port, reference or external fun where it stands in an encoding.
package enum TermIdentifier {
    case pid(Node, number: UInt32, serial: UInt32)
    case port(Node, number: UInt64)
    /// Words that are not there are zero, which is no difference to Erlang.
    case reference(Node, count: Int, words: SIMD8<UInt32>)
    case export(module: AtomText, function: AtomText, arity: Int)

    /// A node, in one of its lives.
    package struct Node {
        package let name: AtomText
        package let creation: UInt32

        /// Whether it means the node that reads it, if that one has no name; Erlang then holds the
        /// numbers against what it would give out itself.
        package var isLocal: Bool {
            creation == 0 && name.isEqual(to: "nonode@nohost")
        }
    }

    static let localPidNumbers = 1 << 15 as UInt32
    static let localPidSerials = 1 << 13 as UInt32
    static let localPortNumbers = 1 << 28 as UInt64
    static let localReferenceNumbers = 1 << 18 as UInt32
    static let localReferenceWords = 3
    static let maximumReferenceWords = 5
    /// Creations of the old forms.
    static let maximumTinyCreation = 3 as UInt32

    /// Reads what follows the tag.
    init(tag: UInt8, from reader: inout TermReader) throws(TermError) {
        switch tag {
        case TermTag.newPid, TermTag.pid: self = try Self.pid(tag, &reader)
        case TermTag.newPort, TermTag.port, TermTag.v4Port: self = try Self.port(tag, &reader)
        case TermTag.reference: self = try Self.oldestReference(&reader)
        case TermTag.newReference, TermTag.newerReference: self = try Self.reference(tag, &reader)
        case TermTag.export:
            let (module, function) = (try reader.atom(), try reader.atom())
            let arity = try reader.smallInteger()
            guard arity >= 0 else { throw reader.failure(.identifier) }
            self = .export(module: module, function: function, arity: arity)
        default: throw reader.failure(.unknownTag(tag))
        }
    }

    /// Reads one that a token points to.
    package init(_ bytes: UnsafeRawBufferPointer) throws(TermError) {
        var reader = TermReader(bytes)
        let tag = try reader.byte()
        try self.init(tag: tag, from: &reader)
    }

    private static func pid(
        _ tag: UInt8, _ reader: inout TermReader
    ) throws(TermError) -> TermIdentifier {
        let name = try reader.atom()
        let (number, serial) = (try reader.word(), try reader.word())
        let creation = tag == TermTag.pid ? try tinyCreation(&reader) : try reader.word()
        let node = Node(name: name, creation: creation)
        guard !node.isLocal || number < localPidNumbers && serial < localPidSerials else {
            throw reader.failure(.identifier)
        }
        return .pid(node, number: number, serial: serial)
    }

    private static func port(
        _ tag: UInt8, _ reader: inout TermReader
    ) throws(TermError) -> TermIdentifier {
        let name = try reader.atom()
        let number = tag == TermTag.v4Port ? try reader.double() : UInt64(try reader.word())
        let creation = tag == TermTag.port ? try tinyCreation(&reader) : try reader.word()
        let node = Node(name: name, creation: creation)
        guard !node.isLocal || number < localPortNumbers else { throw reader.failure(.identifier) }
        return .port(node, number: number)
    }

    private static func oldestReference(
        _ reader: inout TermReader
    ) throws(TermError) -> TermIdentifier {
        let name = try reader.atom()
        let number = try reader.word()
        let node = Node(name: name, creation: try tinyCreation(&reader))
        guard number < localReferenceNumbers else { throw reader.failure(.identifier) }
        var words = SIMD8<UInt32>()
        words[0] = number
        return .reference(node, count: 1, words: words)
    }

    private static func reference(
        _ tag: UInt8, _ reader: inout TermReader
    ) throws(TermError) -> TermIdentifier {
        let count = Int(try reader.half())
        guard count > 0 else { throw reader.failure(.emptyReference) }
        guard count <= maximumReferenceWords else { throw reader.failure(.identifier) }
        let name = try reader.atom()
        let isOld = tag == TermTag.newReference
        let node = Node(
            name: name, creation: isOld ? try tinyCreation(&reader) : try reader.word())
        var words = SIMD8<UInt32>()
        for index in 0..<count { words[index] = try reader.word() }
        let isBounded = isOld || node.isLocal
        guard !isBounded || words[0] < localReferenceNumbers,
            !node.isLocal || count <= localReferenceWords
        else { throw reader.failure(.identifier) }
        return .reference(node, count: count, words: words)
    }

    private static func tinyCreation(_ reader: inout TermReader) throws(TermError) -> UInt32 {
        let creation = UInt32(try reader.byte())
        guard creation <= maximumTinyCreation else { throw reader.failure(.identifier) }
        return creation
    }
}
