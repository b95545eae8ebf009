/// Floats as text, as Erlang reads them.
package enum FloatText {
    /// The value of a text that a zero byte ends, in the form of old releases: sign, digits, point or
    /// comma, digits, and an exponent if there is one.
    ///
    /// A number too small is zero; one that is too large is refused.
    static func value(_ bytes: Slice<UnsafeRawBufferPointer>) -> Double? {
        guard let end = bytes.firstIndex(of: 0), isNumber(bytes[..<end]) else { return nil }
        let text = String(decoding: bytes[..<end], as: UTF8.self)
        return finite(text.contains(",") ? String(text.map { $0 == "," ? "." : $0 }) : text)
    }

    /// The value of a number, with or without point and exponent.
    package static func value(of text: String) -> Double? {
        let isPlain = text.utf8.allSatisfy {
            switch $0 {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"),
                UInt8(ascii: "+"), UInt8(ascii: "e"), UInt8(ascii: "E"):
                true
            default: false
            }
        }
        return isPlain ? finite(text) : nil
    }

    private static func finite(_ text: String) -> Double? {
        Double(text).flatMap { $0.isFinite ? $0 : nil }
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

extension FloatText {
    /// Appends the shortest text that reads back as the same float, in the form that Erlang gives it:
    /// always with a point, with an exponent where that is shorter.
    package static func append(_ value: Double, to text: inout [UInt8]) {
        if value.sign == .minus { text.append(UInt8(ascii: "-")) }
        guard value != 0 else { return text.append(contentsOf: "0.0".utf8) }
        let shortest = Shortest(value.magnitude)
        if shortest.isFixed {
            shortest.appendFixed(to: &text)
        } else {
            shortest.appendScientific(to: &text)
        }
    }

    /// The fewest digits that tell a float from its neighbours, as an integer with so many digits and
    /// `exponent` powers of ten behind.
    private struct Shortest {
        var number: UInt64 = 0
        var count = 0
        var exponent = 0

        init(_ value: Double) {
            var isFraction = false
            var rest = Substring(value.description).utf8
            while let byte = rest.popFirst() {
                if byte == UInt8(ascii: ".") {
                    isFraction = true
                } else if byte == UInt8(ascii: "e") {
                    exponent += Int(Substring(rest)) ?? 0
                    break
                } else {
                    number = number * 10 + UInt64(byte & 15)
                    if isFraction { exponent -= 1 }
                }
            }
            while number % 10 == 0 && number > 0 {
                number /= 10
                exponent += 1
            }
            var power: UInt64 = 1
            while power <= number {
                power *= 10
                count += 1
            }
        }

        /// Whether Erlang writes no exponent: where it would not make the text shorter, except for
        /// integers from 2 to the 53rd on, whose last digits would be made up.
        var isFixed: Bool {
            let least = count == 1 ? -4 : -(count + 2)
            let most = count == 1 || exponent + count - 1 >= 10 ? 2 : 1
            guard (least...most).contains(exponent) else { return false }
            switch exponent {
            case 0: return number < 1 << 53
            case 1: return number <= 1 << 52 / 5
            case 2: return number <= 1 << 51 / 25
            default: return true
            }
        }

        /// Appends the digits with a point after the first `whole` of them, or without.
        private func appendDigits(pointAfter whole: Int? = nil, to text: inout [UInt8]) {
            let start = text.count
            var rest = number
            for place in (0..<count).reversed() {
                text.append(UInt8(ascii: "0") + UInt8(rest % 10))
                rest /= 10
                if place == whole { text.append(UInt8(ascii: ".")) }
            }
            text[start...].reverse()
        }

        private func appendZeros(_ count: Int, to text: inout [UInt8]) {
            for _ in 0..<count { text.append(UInt8(ascii: "0")) }
        }

        func appendFixed(to text: inout [UInt8]) {
            let whole = count + exponent
            if exponent >= 0 {
                appendDigits(to: &text)
                appendZeros(exponent, to: &text)
                text.append(contentsOf: ".0".utf8)
            } else if whole > 0 {
                appendDigits(pointAfter: whole, to: &text)
            } else {
                text.append(contentsOf: "0.".utf8)
                appendZeros(-whole, to: &text)
                appendDigits(to: &text)
            }
        }

        func appendScientific(to text: inout [UInt8]) {
            if count > 1 {
                appendDigits(pointAfter: 1, to: &text)
            } else {
                appendDigits(to: &text)
                text.append(contentsOf: ".0".utf8)
            }
            text.append(UInt8(ascii: "e"))
            text.append(contentsOf: String(exponent + count - 1).utf8)
        }
    }
}
