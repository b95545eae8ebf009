/// RFC 4648 with the standard alphabet and padding.
package enum Base64 {
    private static let alphabet = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    private static let values: [UInt8] = {
        var values = [UInt8](repeating: 0xFF, count: 256)
        for (value, byte) in alphabet.enumerated() { values[Int(byte)] = UInt8(value) }
        return values
    }()

    /// Appends the text of `bytes`, padded.
    package static func encode(_ bytes: UnsafeRawBufferPointer, to output: inout [UInt8]) {
        output.reserveCapacity(output.count + (bytes.count + 2) / 3 * 4)
        alphabet.withUnsafeBufferPointer { alphabet in
            var index = 0
            while index + 3 <= bytes.count {
                let group =
                    Int(bytes[index]) << 16 | Int(bytes[index + 1]) << 8 | Int(bytes[index + 2])
                output.append(alphabet[group >> 18])
                output.append(alphabet[group >> 12 & 63])
                output.append(alphabet[group >> 6 & 63])
                output.append(alphabet[group & 63])
                index += 3
            }
            let rest = bytes.count - index
            guard rest > 0 else { return }
            let group = Int(bytes[index]) << 16 | (rest == 2 ? Int(bytes[index + 1]) << 8 : 0)
            output.append(alphabet[group >> 18])
            output.append(alphabet[group >> 12 & 63])
            output.append(rest == 2 ? alphabet[group >> 6 & 63] : UInt8(ascii: "="))
            output.append(UInt8(ascii: "="))
        }
    }

    /// Appends the bytes that `text` stands for; false, with nothing certain appended, if it is not
    /// exactly of this form.
    package static func decode(_ text: String, to output: inout [UInt8]) -> Bool {
        var text = text
        return text.withUTF8 { text in
            guard text.count % 4 == 0 else { return false }
            let padding = text.suffix(2).count { $0 == UInt8(ascii: "=") }
            var group = 0
            for (index, byte) in text.dropLast(padding).enumerated() {
                let value = values[Int(byte)]
                guard value != 0xFF else { return false }
                group = group << 6 | Int(value)
                guard index % 4 == 3 else { continue }
                output.append(UInt8(truncatingIfNeeded: group >> 16))
                output.append(UInt8(truncatingIfNeeded: group >> 8))
                output.append(UInt8(truncatingIfNeeded: group))
                group = 0
            }
            switch padding {
            case 1:
                guard group & 3 == 0 else { return false }
                output.append(UInt8(truncatingIfNeeded: group >> 10))
                output.append(UInt8(truncatingIfNeeded: group >> 2))
            case 2:
                guard group & 15 == 0 else { return false }
                output.append(UInt8(truncatingIfNeeded: group >> 4))
            default: break
            }
            return true
        }
    }
}
