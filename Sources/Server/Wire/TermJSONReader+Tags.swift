import API
import Store

extension TermJSONReader {
    /// Writes what an object with a tag stands for, as far as the first value in it.
    mutating func beginTagged(
        _ object: JSONCursor, by tagged: JSONMember, count: Int
    ) throws(Problem) {
        let (tag, value) = (tagged.name, tagged.value)
        let first = object.firstMember
        let other = first?.isTagged == true ? first?.next : first
        switch (tag, count, other?.name) {
        case ("$improper", 2, "tail"): return try beginImproper(value, tail: other?.value ?? value)
        case ("$bits", 2, "n"): return try bits(value, count: other?.value ?? value)
        case (_, 1, _): break
        default: throw failure("has the key \(tag), which must be alone")
        }
        switch tag {
        case "$tuple": try beginTuple(value)
        case "$map": try beginPairs(value)
        default:
            guard case .string = value.kind, let text = Self.text(value) else {
                throw failure(
                    Self.textTags.contains(tag)
                        ? "must have a string as \(tag)" : "has the unknown key \(tag)")
            }
            try leaf(tag, text)
        }
    }

    private static let textTags: Set = ["$atom", "$int", "$float", "$str", "$bin", "$etf"]

    private static func text(_ value: JSONCursor) -> String? {
        value.withUTF8 { String(decoding: $0, as: UTF8.self) }
    }

    private mutating func beginTuple(_ array: JSONCursor) throws(Problem) {
        guard case .array(let count) = array.kind else {
            throw failure("must have an array as $tuple")
        }
        writer.tuple(count: count)
        open.append(.tuple(array, next: 0))
    }

    private mutating func beginImproper(
        _ array: JSONCursor, tail: JSONCursor
    ) throws(Problem) {
        guard case .array(let count) = array.kind, count > 0 else {
            throw failure("must have an array that is not empty as $improper")
        }
        writer.list(count: count)
        open.append(.improper(array, next: 0, tail: tail))
    }

    private mutating func beginPairs(_ array: JSONCursor) throws(Problem) {
        guard case .array(let count) = array.kind else {
            throw failure("must have an array of pairs as $map")
        }
        hasPairs = true
        let start = writer.bytes.count
        writer.map(count: count)
        open.append(.pairs(array, next: 0, start: start))
    }

    private mutating func leaf(_ tag: String, _ text: String) throws(Problem) {
        switch tag {
        case "$atom":
            guard text.unicodeScalars.count <= 255 else {
                throw failure("has an atom of more than 255 characters")
            }
            writer.atom(utf8: text.utf8)
        case "$int": try integer(text)
        case "$float":
            guard let value = FloatText.value(of: text) else {
                throw failure("must have the text of a finite number as $float")
            }
            writer.float(value)
        case "$str": string(text)
        case "$bin": writer.binary(try base64(text, tag))
        case "$etf": try etf(try base64(text, tag))
        default: throw failure("has the unknown key \(tag)")
        }
    }

    private func base64(_ text: String, _ tag: String) throws(Problem) -> [UInt8] {
        var bytes: [UInt8] = []
        guard Base64.decode(text, to: &bytes) else {
            throw failure("must have base64 text with padding as \(tag)")
        }
        return bytes
    }

    private mutating func integer(_ text: String) throws(Problem) {
        let isNegative = text.utf8.first == UInt8(ascii: "-")
        let digits = text.utf8.dropFirst(isNegative ? 1 : 0)
        guard let value = BigInteger(digits: digits, base: 10, isNegative: isNegative) else {
            throw failure(
                "must have 1 to \(BigInteger.maximumDecimalDigits) digits as $int")
        }
        switch value.term {
        case .integer(let value): writer.integer(value)
        default: writer.bigInteger(isNegative: isNegative, magnitude: value.magnitude)
        }
    }

    private mutating func string(_ text: String) {
        let characters = text.unicodeScalars
        let count = characters.count
        guard count > 0 else { return writer.emptyList() }
        if count <= TermWriter.maximumString && characters.allSatisfy({ $0.value < 256 }) {
            return writer.string(characters.map { UInt8(truncatingIfNeeded: $0.value) })
        }
        writer.list(count: count)
        for character in characters { writer.integer(Int(character.value)) }
        writer.emptyList()
    }

    private mutating func bits(_ value: JSONCursor, count: JSONCursor) throws(Problem) {
        guard case .integer(let bits) = count.kind, let text = Self.text(value) else {
            throw failure("must have base64 text as $bits and an integer as n")
        }
        let bytes = try base64(text, "$bits")
        let used = bits % 8
        guard bits >= 0, bytes.count == bits / 8 + (used > 0 ? 1 : 0),
            used == 0 || (bytes.last ?? 0) & (0xFF >> UInt8(used)) == 0
        else { throw failure("must have \(bits) bits as $bits, and zeros behind them") }
        if used == 0 {
            writer.binary(bytes)
        } else {
            writer.bitString(bytes, bitsInLastByte: used)
        }
    }

    private mutating func etf(_ encoding: [UInt8]) throws(Problem) {
        do throws(TermError) {
            try encoding.withUnsafeBufferPointer { (bytes) throws(TermError) in
                try writer.term(
                    encoding: UnsafeRawBufferPointer(bytes), inflatedLimit: TermJSON.inflatedLimit)
            }
        } catch {
            throw failure("has a $etf that is not one term: \(error)")
        }
    }
}
