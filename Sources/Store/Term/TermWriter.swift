/// Writes the parts of a term as `term_to_binary` does.
///
/// What has terms in it is written as its head, and the terms after it.
package struct TermWriter {
    /// How atoms are written that have no character beyond Latin-1.
    package enum AtomEncoding: Sendable {
        /// As OTP 25 and older releases do.
        case latin1
        /// As OTP 26 and later releases do.
        case utf8
    }

    package var bytes: [UInt8] = []
    private let atoms: AtomEncoding

    /// The longest list of bytes that is written as a string.
    package static let maximumString = 65535

    package init(atoms: AtomEncoding) { self.atoms = atoms }

    /// The version byte, which stands before the whole term.
    package mutating func version() { bytes.append(TermTag.version) }

    package mutating func integer(_ value: Int) {
        if let byte = UInt8(exactly: value) {
            bytes.append(TermTag.smallInteger)
            bytes.append(byte)
        } else if let word = Int32(exactly: value) {
            bytes.append(TermTag.integer)
            append(word)
        } else {
            withUnsafeBytes(of: value.magnitude.littleEndian) { magnitude in
                bigInteger(isNegative: value < 0, magnitude: magnitude)
            }
        }
    }

    /// - Parameter magnitude: least significant byte first.
    package mutating func bigInteger(isNegative: Bool, magnitude: some Collection<UInt8>) {
        let count = magnitude.count - magnitude.reversed().prefix { $0 == 0 }.count
        if count <= 255 {
            bytes.append(TermTag.smallBig)
            bytes.append(UInt8(count))
        } else {
            bytes.append(TermTag.largeBig)
            append(UInt32(count))
        }
        bytes.append(isNegative ? 1 : 0)
        bytes.append(contentsOf: magnitude.prefix(count))
    }

    package mutating func float(_ value: Double) {
        bytes.append(TermTag.newFloat)
        append(value.bitPattern)
    }

    /// - Parameter utf8: the name, at most 255 characters of it.
    package mutating func atom(utf8: some Collection<UInt8>) {
        if atoms == .latin1, let latin1 = Self.latin1(utf8) {
            bytes.append(TermTag.atom)
            append(UInt16(latin1.count))
            bytes.append(contentsOf: latin1)
        } else if utf8.count <= 255 {
            bytes.append(TermTag.smallAtomUTF8)
            bytes.append(UInt8(utf8.count))
            bytes.append(contentsOf: utf8)
        } else {
            bytes.append(TermTag.atomUTF8)
            append(UInt16(utf8.count))
            bytes.append(contentsOf: utf8)
        }
    }

    /// One byte a character, if all of them have one.
    private static func latin1(_ utf8: some Collection<UInt8>) -> [UInt8]? {
        var latin1: [UInt8] = []
        latin1.reserveCapacity(utf8.count)
        var lead: UInt8 = 0
        for byte in utf8 {
            switch byte {
            case 0..<0x80: latin1.append(byte)
            case 0x80..<0xC0 where lead != 0:
                latin1.append(lead << 6 | byte & 0x3F)
                lead = 0
            case 0xC2, 0xC3: lead = byte
            default: return nil
            }
        }
        return latin1
    }

    package mutating func binary(_ content: some Collection<UInt8>) {
        bytes.append(TermTag.binary)
        append(UInt32(content.count))
        bytes.append(contentsOf: content)
    }

    /// - Parameter content: bits that are not used must be zero.
    package mutating func bitString(_ content: some Collection<UInt8>, bitsInLastByte bits: Int) {
        bytes.append(TermTag.bitBinary)
        append(UInt32(content.count))
        bytes.append(UInt8(bits))
        bytes.append(contentsOf: content)
    }

    /// Also the end of a proper list.
    package mutating func emptyList() { bytes.append(TermTag.emptyList) }

    /// A list of one to `maximumString` bytes.
    package mutating func string(_ content: some Collection<UInt8>) {
        bytes.append(TermTag.string)
        append(UInt16(content.count))
        bytes.append(contentsOf: content)
    }

    /// The head of a list that has elements; after them comes its tail.
    package mutating func list(count: Int) {
        bytes.append(TermTag.list)
        append(UInt32(count))
    }

    package mutating func tuple(count: Int) {
        if count <= 255 {
            bytes.append(TermTag.smallTuple)
            bytes.append(UInt8(count))
        } else {
            bytes.append(TermTag.largeTuple)
            append(UInt32(count))
        }
    }

    package mutating func map(count: Int) {
        bytes.append(TermTag.map)
        append(UInt32(count))
    }

    /// A pid, port, reference or fun, in the form of OTP 25; a fun keeps its bytes.
    package mutating func opaque(_ encoding: UnsafeRawBufferPointer) throws(TermError) {
        guard encoding.first != TermTag.newFun else {
            bytes.append(contentsOf: encoding)
            return
        }
        identifier(try TermIdentifier(encoding))
    }

    private mutating func identifier(_ identifier: TermIdentifier) {
        switch identifier {
        case .pid(let node, let number, let serial):
            bytes.append(TermTag.newPid)
            atom(utf8: node.name.utf8)
            append(number)
            append(serial)
            append(node.creation)
        case .port(let node, let number): port(node, number)
        case .reference(let node, let count, let words):
            let count = node.isLocal ? TermIdentifier.localReferenceWords : count
            bytes.append(TermTag.newerReference)
            append(UInt16(count))
            atom(utf8: node.name.utf8)
            append(node.creation)
            for index in 0..<count { append(words[index]) }
        case .export(let module, let function, let arity):
            export(
                module: Atom(utf8: module.utf8), function: Atom(utf8: function.utf8), arity: arity)
        }
    }

    mutating func export(module: Atom, function: Atom, arity: Int) {
        bytes.append(TermTag.export)
        atom(utf8: module.utf8)
        atom(utf8: function.utf8)
        integer(arity)
    }

    private mutating func port(_ node: TermIdentifier.Node, _ number: UInt64) {
        let isWide = number >= TermIdentifier.localPortNumbers
        bytes.append(isWide ? TermTag.v4Port : TermTag.newPort)
        atom(utf8: node.name.utf8)
        if isWide { append(number) } else { append(UInt32(number)) }
        append(node.creation)
    }

    private mutating func append(_ value: some FixedWidthInteger) {
        withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
    }
}
