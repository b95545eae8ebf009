/// Floats as text, as Erlang reads them.
enum FloatText {
    /// The value of a text of digits that a zero byte ends: sign, digits, point or comma, digits,
    /// and an exponent if there is one.
    ///
    /// A number too small is zero; one that is too large is refused.
    static func value(_ bytes: Slice<UnsafeRawBufferPointer>) -> Double? {
        guard let end = bytes.firstIndex(of: 0), isNumber(bytes[..<end]) else { return nil }
        let text = String(decoding: bytes[..<end], as: UTF8.self)
        let value = Double(text.contains(",") ? String(text.map { $0 == "," ? "." : $0 }) : text)
        return value.flatMap { $0.isFinite ? $0 : nil }
    }

    private static func isNumber(_ text: Slice<UnsafeRawBufferPointer>) -> Bool {
        var rest = text
        dropSign(&rest)
        guard dropDigits(&rest), let point = rest.popFirst() else { return false }
        guard point == UInt8(ascii: ".") || point == UInt8(ascii: ","), dropDigits(&rest) else {
            return false
        }
        guard let mark = rest.popFirst() else { return true }
        guard mark | 0x20 == UInt8(ascii: "e") else { return false }
        dropSign(&rest)
        return dropDigits(&rest) && rest.isEmpty
    }

    private static func dropSign(_ rest: inout Slice<UnsafeRawBufferPointer>) {
        if rest.first == UInt8(ascii: "+") || rest.first == UInt8(ascii: "-") { rest.removeFirst() }
    }

    private static func dropDigits(_ rest: inout Slice<UnsafeRawBufferPointer>) -> Bool {
        let digits = rest.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        rest = rest[digits.endIndex...]
        return !digits.isEmpty
    }
}
