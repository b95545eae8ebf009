/// Writes JSON text straight into bytes; a randomized test lets jansson read back what it wrote.
package struct JSONWriter {
    package var bytes: [UInt8] = []

    /// - Parameter capacity: bytes that the text is likely to have.
    package init(capacity: Int = 0) { bytes.reserveCapacity(capacity) }

    package mutating func literal(_ text: StaticString) {
        text.withUTF8Buffer { bytes.append(contentsOf: $0) }
    }

    package mutating func integer(_ value: Int) {
        Decimal.withDigits(of: value) { bytes.append(contentsOf: $0) }
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

    // MARK: - An object, member by member

    package mutating func beginObject() { bytes.append(UInt8(ascii: "{")) }

    package mutating func endObject() { bytes.append(UInt8(ascii: "}")) }

    package mutating func member(_ name: StaticString, _ text: String) {
        begin(name)
        string(text)
    }

    package mutating func member(_ name: StaticString, _ number: Int) {
        begin(name)
        integer(number)
    }

    package mutating func member(_ name: StaticString, _ tree: JSONValue) {
        begin(name)
        value(tree)
    }

    /// - Parameter name: holds nothing that needs an escape.
    private mutating func begin(_ name: StaticString) {
        if bytes.last != UInt8(ascii: "{") { bytes.append(UInt8(ascii: ",")) }
        bytes.append(UInt8(ascii: "\""))
        literal(name)
        literal("\":")
    }

    // MARK: - A tree

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
