import Glibc
import Store

/// The words behind an operation of a trace.
struct TraceWords {
    private let words: [String]

    init(_ words: [String]) { self.words = words }

    var count: Int { words.count }

    subscript(place: Int) -> String { place < words.count ? words[place] : "" }

    func number(_ place: Int) -> Int { number(of: self[place]) ?? 0 }

    func has(_ name: String) -> Bool { words.contains(name) }

    func value(_ name: String) -> String? {
        words.first { $0.hasPrefix(name + "=") }.map { String($0.dropFirst(name.count + 1)) }
    }

    func number(_ name: String) -> Int? { value(name).flatMap(number(of:)) }

    private func number(of word: String) -> Int? {
        word.hasPrefix("0x") ? Int(word.dropFirst(2), radix: 16) : Int(word)
    }
}

func littleEndian<Integer: FixedWidthInteger>(_ value: Integer) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
}

func bytes(ofHex text: String) -> [UInt8] {
    let digits = text.compactMap(\.hexDigitValue)
    return stride(from: 0, to: digits.count - 1, by: 2).map { place in
        UInt8(digits[place] << 4 | digits[place + 1])
    }
}

/// The filters that traces know; each is its own inverse.
func traceFilter(_ text: String) -> PageFilter {
    let parts = text.split(separator: ":").map(String.init)
    let value = TraceWords(parts).number(1)
    func both(_ function: @escaping PageFilter.Function) -> PageFilter {
        PageFilter(pgin: function, pgout: function)
    }
    @Sendable func xor(_ page: UnsafeMutableRawBufferPointer, _ byte: Int) -> Int32 {
        for place in page.indices { page[place] ^= UInt8(truncatingIfNeeded: byte) }
        return 0
    }
    func fails(_ isOn: Bool) -> PageFilter.Function {
        { pgno, _, _ in isOn && Int(pgno) == value ? EIO : 0 }
    }
    switch parts[0] {
    case "swap32":
        return both { _, page, _ in
            for place in stride(from: 0, to: page.count, by: 4) {
                let word = page.load(fromByteOffset: place, as: UInt32.self).byteSwapped
                page.storeBytes(of: word, toByteOffset: place, as: UInt32.self)
            }
            return 0
        }
    case "xor": return both { _, page, _ in xor(page, value) }
    case "xorpage": return both { pgno, page, _ in xor(page, Int(pgno)) }
    case "xorcookie": return both { _, page, cookie in xor(page, Int(cookie?.first ?? 0)) }
    default:
        return PageFilter(pgin: fails(parts[0] == "failin"), pgout: fails(parts[0] == "failout"))
    }
}
