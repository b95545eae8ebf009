/// Writes JSON text straight into bytes; a randomized test lets jansson read back what it wrote.
package struct JSONWriter {
    package var bytes: [UInt8] = []

    package init() {}

    package mutating func literal(_ text: StaticString) {
        text.withUTF8Buffer { bytes.append(contentsOf: $0) }
    }

    package mutating func integer(_ value: some FixedWidthInteger) {
        var digits = value.description
        digits.withUTF8 { bytes.append(contentsOf: $0) }
    }

    /// As the other, for the type that most integers have.
    package mutating func integer(_ value: Int) {
        if value < 0 { bytes.append(UInt8(ascii: "-")) }
        var rest = value.magnitude
        guard rest >= 10 else { return bytes.append(UInt8(ascii: "0") + UInt8(rest)) }
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { digits in
            var place = digits.count
            while rest > 0 {
                place -= 1
                digits[place] = UInt8(ascii: "0") + UInt8(rest % 10)
                rest /= 10
            }
            bytes.append(contentsOf: digits[place...])
        }
    }

    /// Digits, a sign, a point and an exponent, as somebody else wrote them.
    package mutating func number(_ text: some Sequence<UInt8>) { bytes.append(contentsOf: text) }

    /// The shortest text that reads back as the same number; JSON has none for infinities.
    package mutating func real(_ value: Double) {
        guard value.isFinite else { return literal("null") }
        bytes.append(contentsOf: value.description.utf8)
    }

    package mutating func string(_ value: String) {
        var value = value
        value.withUTF8 { string(utf8: UnsafeRawBufferPointer($0)) }
    }

    /// - Parameter utf8: valid UTF-8.
    package mutating func string(utf8: UnsafeRawBufferPointer) {
        bytes.append(UInt8(ascii: "\""))
        var rest = utf8[...]
        while let place = JSONText.escape(in: rest) {
            bytes.append(contentsOf: rest[..<place])
            escape(rest[place])
            rest = rest[(place + 1)...]
        }
        bytes.append(contentsOf: rest)
        bytes.append(UInt8(ascii: "\""))
    }

    /// Writes a string if the bytes are UTF-8 and none of them is zero; says whether they are.
    package mutating func string(ifText bytes: UnsafeRawBufferPointer) -> Bool {
        guard JSONText.isText(bytes) else { return false }
        string(utf8: bytes)
        return true
    }

    /// Writes bytes as a string of base64.
    package mutating func base64(_ content: UnsafeRawBufferPointer) {
        bytes.append(UInt8(ascii: "\""))
        Base64.encode(content, to: &bytes)
        bytes.append(UInt8(ascii: "\""))
    }

    private mutating func escape(_ byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\""): literal("\\\"")
        case UInt8(ascii: "\\"): literal("\\\\")
        case 0x0A: literal("\\n")
        case 0x0D: literal("\\r")
        case 0x09: literal("\\t")
        default:
            let digits = Array("0123456789abcdef".utf8)
            literal("\\u00")
            bytes.append(digits[Int(byte >> 4)])
            bytes.append(digits[Int(byte & 15)])
        }
    }

    /// Writes a tree of ours; nothing that a client sent decides how deep it is.
    package mutating func value(_ value: JSONValue) {
        switch value {
        case .null: literal("null")
        case .bool(let value): value ? literal("true") : literal("false")
        case .integer(let value): integer(value)
        case .real(let value): real(value)
        case .string(let value): string(value)
        case .array(let elements):
            list("[", elements, "]") { writer, element in writer.value(element) }
        case .object(let members):
            list("{", members, "}") { writer, member in
                writer.string(member.name)
                writer.literal(":")
                writer.value(member.value)
            }
        }
    }

    private mutating func list<Element>(
        _ open: StaticString, _ elements: [Element], _ close: StaticString,
        _ write: (inout JSONWriter, Element) -> Void
    ) {
        literal(open)
        for (index, element) in elements.enumerated() {
            if index > 0 { literal(",") }
            write(&self, element)
        }
        literal(close)
    }
}
