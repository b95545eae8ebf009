/// Reads the external term format token by token: the one place that knows what its bytes mean.
///
/// It takes what `binary_to_term` of OTP 25 takes, odd forms included; that no key of a map occurs
/// twice is for the caller to see. Every length is held against what is left before it is used.
package struct TermReader {
    let base: UnsafeRawBufferPointer
    /// How many bytes have been read.
    package private(set) var offset = 0
    /// Where the token that was read last has its tag.
    package private(set) var start = 0

    /// - Parameter body: a term's bytes, from its tag on; must outlive the reader and its tokens.
    package init(_ body: UnsafeRawBufferPointer) { base = body }

    /// The largest integer in bytes: Erlang's limit on digits of 64 bits.
    static let maximumIntegerBytes = ((1 << 19) - 1) * 8
    /// What Erlang keeps in one word.
    static let smallIntegers = -(1 << 59)...(1 << 59) - 1
    /// The most free variables of a fun.
    static let maximumFreeCount = 255

    /// Reads a leaf or the start of a container.
    package mutating func next() throws(TermError) -> TermToken {
        while true {
            start = offset
            switch try byte() {
            case TermTag.smallInteger: return .integer(Int(try byte()))
            case TermTag.integer: return .integer(Int(Int32(bitPattern: try word())))
            case TermTag.binary: return .binary(try take(Int(try word())))
            case TermTag.atom: return .atom(try atom(count: Int(try half()), isLatin1: true))
            case TermTag.smallAtomUTF8:
                return .atom(try atom(count: Int(try byte()), isLatin1: false))
            case TermTag.smallTuple: return .tuple(count: Int(try byte()))
            case TermTag.largeTuple: return .tuple(count: Int(try word()))
            case TermTag.emptyList: return .emptyList
            case TermTag.list:
                let count = Int(try word())
                // A list without elements is its tail, whatever that is.
                if count > 0 { return .list(count: count) }
            case TermTag.string:
                let count = Int(try half())
                return count == 0 ? .emptyList : .string(try take(count))
            case TermTag.map: return .map(count: Int(try word()))
            case TermTag.newFloat: return .float(try float())
            case let tag: return try rare(tag)
            }
        }
    }

    private mutating func rare(_ tag: UInt8) throws(TermError) -> TermToken {
        switch tag {
        case TermTag.smallBig: return try bigInteger(count: Int(try byte()))
        case TermTag.largeBig: return try bigInteger(count: Int(try word()))
        case TermTag.bitBinary: return try bitString()
        case TermTag.float: return .float(try floatText())
        case TermTag.smallAtom, TermTag.atomUTF8:
            offset -= 1
            return .atom(try atom())
        case TermTag.newFun: return .function(try function())
        case TermTag.newPid, TermTag.pid, TermTag.newPort, TermTag.port, TermTag.v4Port,
            TermTag.newerReference, TermTag.newReference, TermTag.reference, TermTag.export:
            let start = offset - 1
            _ = try TermIdentifier(tag: tag, from: &self)
            return .identifier(UnsafeRawBufferPointer(rebasing: base[start..<offset]))
        default:
            offset -= 1
            let isAtom = tag == TermTag.atomNumber2 || tag == TermTag.atomNumber3
            throw failure(isAtom ? .atomNumber : .unknownTag(tag))
        }
    }

    /// Reads so many terms and whatever they hold, in constant space.
    package mutating func skip(terms: Int) throws(TermError) {
        var left = terms
        while left > 0 {
            left -= 1
            switch try next() {
            case .list(let count): left += count + 1
            case .tuple(let count): left += count
            case .map(let count): left += 2 * count
            case .function(let head): left += 1 + head.freeCount
            default: break
            }
        }
    }

    // MARK: Leaves

    /// Reads an atom with its tag, where nothing else may stand.
    mutating func atom() throws(TermError) -> AtomText {
        switch try byte() {
        case TermTag.atom: return try atom(count: Int(try half()), isLatin1: true)
        case TermTag.smallAtom: return try atom(count: Int(try byte()), isLatin1: true)
        case TermTag.atomUTF8: return try atom(count: Int(try half()), isLatin1: false)
        case TermTag.smallAtomUTF8: return try atom(count: Int(try byte()), isLatin1: false)
        case TermTag.atomNumber2, TermTag.atomNumber3: throw failure(.atomNumber)
        default: throw failure(.identifier)
        }
    }

    @inline(__always)
    private mutating func atom(count: Int, isLatin1: Bool) throws(TermError) -> AtomText {
        let text = AtomText(bytes: try take(count), isLatin1: isLatin1)
        guard text.isValid else { throw failure(.atom) }
        return text
    }

    /// Reads an integer of one of Erlang's words with its tag, where nothing else may stand.
    mutating func smallInteger() throws(TermError) -> Int {
        while offset < base.count {
            switch base[offset] {
            case TermTag.list:
                offset += 1
                guard try word() == 0 else { throw failure(.identifier) }
            case TermTag.smallInteger, TermTag.integer, TermTag.smallBig, TermTag.largeBig:
                guard case .integer(let value) = try next(), Self.smallIntegers.contains(value)
                else { throw failure(.identifier) }
                return value
            default: throw failure(.identifier)
            }
        }
        throw failure(.cutShort)
    }

    private mutating func bigInteger(count: Int) throws(TermError) -> TermToken {
        guard count <= Self.maximumIntegerBytes else { throw failure(.integer) }
        let isNegative = try byte() != 0
        var digits = try take(count)
        while digits.last == 0 { digits = UnsafeRawBufferPointer(rebasing: digits.dropLast()) }
        guard digits.count <= 8 else {
            return .bigInteger(isNegative: isNegative, magnitude: digits)
        }
        let magnitude = digits.reversed().reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
        if magnitude <= UInt64(Int.max) {
            return .integer(isNegative ? -Int(magnitude) : Int(magnitude))
        }
        if isNegative && magnitude == Int.min.magnitude { return .integer(.min) }
        return .bigInteger(isNegative: isNegative, magnitude: digits)
    }

    private mutating func bitString() throws(TermError) -> TermToken {
        let count = Int(try word())
        let bits = Int(try byte())
        guard bits <= 8, (bits == 0) == (count == 0) else { throw failure(.bitString) }
        let bytes = try take(count)
        return bits == 8 || bits == 0
            ? .binary(bytes) : .bitString(bytes, bitsInLastByte: bits)
    }

    private mutating func float() throws(TermError) -> Double {
        let value = Double(bitPattern: try double())
        guard value.isFinite else { throw failure(.float) }
        return value
    }

    /// The form of old releases: text in 31 bytes, filled up with zeros.
    private mutating func floatText() throws(TermError) -> Double {
        guard let value = FloatText.value(base[offset...]) else { throw failure(.float) }
        _ = try take(31)
        return value
    }

    /// Its length is not looked at: releases from 23 on wrote wrong ones, and Erlang passes over it.
    private mutating func function() throws(TermError) -> TermToken.FunctionHead {
        // The integers in it are tokens too.
        let tag = start
        defer { start = tag }
        _ = try take(4 + 1 + 16)
        let index = try word()
        let freeCount = Int(try word())
        guard freeCount <= Self.maximumFreeCount else { throw failure(.identifier) }
        return TermToken.FunctionHead(
            module: try atom(), index: index, oldIndex: try smallInteger(),
            oldUniq: try smallInteger(), freeCount: freeCount)
    }

    // MARK: Bytes

    func failure(_ reason: TermError.Reason) -> TermError { TermError(reason, at: offset) }

    @inline(__always)
    mutating func take(_ count: Int) throws(TermError) -> UnsafeRawBufferPointer {
        guard count <= base.count - offset else { throw failure(.cutShort) }
        defer { offset += count }
        return UnsafeRawBufferPointer(rebasing: base[offset..<offset + count])
    }

    @inline(__always)
    private mutating func load<Integer: FixedWidthInteger>(
        _ type: Integer.Type
    ) throws(TermError) -> Integer {
        let size = MemoryLayout<Integer>.size
        guard size <= base.count - offset else { throw failure(.cutShort) }
        defer { offset += size }
        return Integer(bigEndian: base.loadUnaligned(fromByteOffset: offset, as: Integer.self))
    }

    @inline(__always)
    mutating func byte() throws(TermError) -> UInt8 { try load(UInt8.self) }

    @inline(__always)
    mutating func half() throws(TermError) -> UInt16 { try load(UInt16.self) }

    @inline(__always)
    mutating func word() throws(TermError) -> UInt32 { try load(UInt32.self) }

    @inline(__always)
    mutating func double() throws(TermError) -> UInt64 { try load(UInt64.self) }
}
