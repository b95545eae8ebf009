/// Makes encodings by the grammar of the format, with all the forms that Erlang itself never writes,
/// and now and then one that is out of range.
package struct OddForms {
    package var random: SeededGenerator

    package init(seed: UInt64) { random = SeededGenerator(seed: seed) }

    private mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &random) }

    private mutating func bytes(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
    }

    private func half(_ value: Int) -> [UInt8] { [UInt8(value >> 8 & 255), UInt8(value & 255)] }

    private func word(_ value: Int) -> [UInt8] { half(value >> 16) + half(value) }

    /// A whole encoding.
    package mutating func encoding() -> [UInt8] {
        let depth = below(5)
        return [131] + term(depth) + bytes(below(4) == 0 ? below(9) : 0)
    }

    private mutating func term(_ depth: Int) -> [UInt8] {
        guard depth > 0 else { return leaf() }
        let count = below(5)
        switch below(12) {
        case 0, 1: return [108] + word(count) + terms(count, depth) + tail(depth)
        case 2: return [108] + word(0) + term(depth - 1)
        case 3: return [104, UInt8(count)] + terms(count, depth)
        case 4: return [105] + word(count) + terms(count, depth)
        case 5, 6: return [116] + word(count) + terms(2 * count, depth)
        case 7: return twins(depth)
        case 8: return manyKeys(depth)
        case 9: return function(depth)
        default: return leaf()
        }
    }

    private mutating func terms(_ count: Int, _ depth: Int) -> [UInt8] {
        (0..<count).flatMap { _ in term(depth - 1) }
    }

    private mutating func tail(_ depth: Int) -> [UInt8] {
        switch below(4) {
        case 0: term(depth - 1)
        case 1: [107] + half(3) + bytes(3)
        default: [106]
        }
    }

    /// A map whose keys are often the same term in two forms.
    private mutating func twins(_ depth: Int) -> [UInt8] {
        let seed = random.next()
        var forms = SeededGenerator(seed: seed)
        let left = twin(using: &forms, depth)
        forms = SeededGenerator(seed: seed)
        let right = below(3) == 0 ? term(depth - 1) : twin(using: &forms, depth)
        return [116] + word(2) + left + term(0) + right + term(0)
    }

    /// One of several forms of a term that `forms` alone decides.
    private mutating func twin(using forms: inout SeededGenerator, _ depth: Int) -> [UInt8] {
        let value = Int.random(in: 0..<200, using: &forms)
        switch Int.random(in: 0..<10, using: &forms) {
        case 0: return integer(value)
        case 1: return atom(Array("k\(value)".utf8))
        case 2:
            return [70, 0, 0, 0, 0, 0, 0, 0, 0].enumerated().map {
                $0.offset == 1 && below(2) == 0 ? 0x80 : $0.element
            }
        case 3: return list([value, value + 1, value + 2])
        case 4:
            return below(2) == 0
                ? [109] + word(1) + [UInt8(value)] : [77] + word(1) + [8, UInt8(value)]
        case 5: return [77] + word(1) + [3, UInt8(value) & 0xE0 | UInt8(below(32))]
        case 6: return identifier(forms.next())
        case 7:
            let pairs = [integer(1) + integer(value), atom([0x61]) + list([value])]
            return [116] + word(2) + (below(2) == 0 ? pairs[0] + pairs[1] : pairs[1] + pairs[0])
        case 8: return [104, 2] + integer(value) + twin(using: &forms, depth)
        default: return closure(value, creator: integer(below(5)))
        }
    }

    private mutating func integer(_ value: Int) -> [UInt8] {
        switch below(5) {
        case 0: [98] + word(value)
        case 1: [110, 1, 0, UInt8(value)]
        case 2: [110, 3, 0, UInt8(value), 0, 0]
        case 3: [108] + word(0) + [97, UInt8(value)]
        default: [97, UInt8(value)]
        }
    }

    private mutating func atom(_ utf8: [UInt8]) -> [UInt8] {
        switch below(4) {
        case 0: [100] + half(utf8.count) + utf8
        case 1: [115, UInt8(utf8.count)] + utf8
        case 2: [118] + half(utf8.count) + utf8
        default: [119, UInt8(utf8.count)] + utf8
        }
    }

    private mutating func list(_ values: [Int]) -> [UInt8] {
        switch below(3) {
        case 0: [107] + half(values.count) + values.map { UInt8($0) }
        case 1: [108] + word(values.count) + values.flatMap { integer($0) } + [106]
        default:
            [108] + word(1) + integer(values[0])
                + (values.count > 1 ? list(Array(values[1...])) : [106])
        }
    }

    private mutating func closure(_ value: Int, creator: [UInt8]) -> [UInt8] {
        let index = word(value % 3)
        let body = [UInt8(0)] + [UInt8](repeating: 7, count: 16) + index + word(1) + atom([0x6D])
        return [112] + word(below(100)) + body + integer(1) + integer(value % 5) + creator
            + list([value, 7])
    }

    private mutating func function(_ depth: Int) -> [UInt8] {
        let free = below(3)
        return [112] + word(below(1000)) + [UInt8(below(4))] + bytes(16) + bytes(4) + word(free)
            + node() + integer(below(200)) + small() + term(depth - 1) + terms(free, depth)
    }

    private mutating func manyKeys(_ depth: Int) -> [UInt8] {
        let count = 30 + below(20)
        let repeated = below(3) == 0 ? below(count) : -1
        return [116] + word(count)
            + (0..<count).flatMap { integer($0 == repeated ? (count - 1) : $0) + term(0) }
    }

    private mutating func node() -> [UInt8] {
        let names = ["nonode@nohost", "a@b", "x", ""]
        return below(12) == 0 ? leaf() : atom(Array(names[below(names.count)].utf8))
    }

    private mutating func small() -> [UInt8] {
        switch below(6) {
        case 0: leaf()
        case 1: [98] + bytes(4)
        case 2: [110, 8, UInt8(below(2))] + bytes(7) + [UInt8(below(10))]
        default: integer(below(200))
        }
    }

    /// Numbers near the bounds of what the local node has.
    private mutating func number(_ bits: Int) -> [UInt8] {
        switch below(4) {
        case 0: word(1 << bits)
        case 1: word((1 << bits) - 1)
        case 2: bytes(4)
        default: word(below(1 << 13))
        }
    }

    private mutating func creation() -> [UInt8] { word(below(3)) }

    /// Several forms of one pid, port or reference.
    private mutating func identifier(_ value: UInt64) -> [UInt8] {
        let name = atom(Array((value & 8 == 0 ? "nonode@nohost" : "a@b").utf8))
        let number = word(Int(value >> 8 & 0xFFF))
        let isTiny = below(2) == 0
        switch value % 3 {
        case 0:
            return isTiny
                ? [103] + name + number + number + [0] : [88] + name + number + number + word(0)
        case 1:
            return isTiny
                ? [102] + name + number + [0] : [120] + name + word(0) + number + word(0)
        default:
            let more = below(3)
            return isTiny
                ? [101] + name + number + [0]
                : [90] + half(1 + more) + name + word(0) + number
                    + [UInt8](repeating: 0, count: 4 * more)
        }
    }

    private mutating func away() -> [UInt8] {
        switch below(9) {
        case 0: return [88] + node() + number(15) + number(13) + creation()
        case 1: return [103] + node() + number(15) + number(13) + [UInt8(below(5))]
        case 2: return [89] + node() + number(28) + creation()
        case 3: return [102] + node() + number(28) + [UInt8(below(5))]
        case 4:
            return [120] + node() + (below(2) == 0 ? word(0) : bytes(4)) + number(28) + creation()
        case 5:
            let words = 1 + below(6)
            return [90] + half(words) + node() + creation() + number(18) + bytes(4 * (words - 1))
        case 6:
            let words = 1 + below(6)
            return [114] + half(words) + node() + [UInt8(below(5))] + number(18)
                + bytes(4 * (words - 1))
        case 7: return [101] + node() + number(18) + [UInt8(below(5))]
        default: return [113] + node() + node() + small()
        }
    }

    private mutating func floatText() -> [UInt8] {
        let texts = [
            "1.5", "-1.50000000000000000000e+00", "1,5", "+2.0", "1.", ".5", "1e5", "1.0e",
            "1.0E+3",
            "1.0e400", "1.0e-400", "1.5x", "0x1.8", "inf", "nan", " 1.5",
            "12.50000000000000000000e-3",
            "-0.0", "1.0e-320",
        ]
        var text = Array(texts[below(texts.count)].utf8)
        text += [UInt8](repeating: 0, count: 31 - text.count)
        return [99] + text
    }

    private mutating func leaf() -> [UInt8] {
        switch below(16) {
        case 0: return small()
        case 1:
            let count = below(12)
            return [110, UInt8(count), UInt8(below(3))] + bytes(count)
        case 2:
            let count = below(300)
            return [111] + word(count) + [UInt8(below(2))] + bytes(count)
        case 3: return [70] + bytes(8)
        case 4: return floatText()
        case 5: return atom(Array("atom".utf8.prefix(below(5))))
        case 6: return atom(bytes(below(4)))
        case 7: return atom(Array("ä€😀".utf8.prefix(below(10))))
        case 8:
            return [118] + half(510)
                + [UInt8](repeating: 0xC3, count: 510).enumerated().map {
                    $0.offset % 2 == 0 ? $0.element : 0xA4
                }
        case 9:
            let count = below(9)
            return [109] + word(count) + bytes(count)
        case 10:
            let count = below(4)
            return [77] + word(count) + [UInt8(below(10))] + bytes(count)
        case 11:
            let count = below(5)
            return [107] + half(count) + bytes(count)
        case 12: return [106]
        case 13, 14: return away()
        default: return below(8) == 0 ? [UInt8(below(256))] : [116] + word(0)
        }
    }

    /// The encoding with a few bytes changed, cut, repeated or put in.
    package mutating func mutated(_ encoding: [UInt8]) -> [UInt8] {
        var encoding = encoding
        for _ in 0...below(3) where encoding.count > 1 {
            let place = 1 + below(encoding.count - 1)
            switch below(7) {
            case 0: encoding[place] ^= 1 << UInt8(below(8))
            case 1: encoding[place] = UInt8(below(256))
            case 2: encoding.removeSubrange(place...)
            case 3: encoding.remove(at: place)
            case 4: encoding.insert(UInt8(below(256)), at: place)
            case 5: encoding[place] = Self.tags[below(Self.tags.count)]
            default:
                let count = below(min(12, encoding.count - place) + 1)
                encoding.insert(contentsOf: encoding[place..<place + count], at: place)
            }
        }
        return encoding
    }

    private static let tags: [UInt8] = [
        70, 77, 80, 88, 89, 90, 97, 98, 99, 100, 101, 102, 103, 104, 105, 106, 107, 108, 109, 110,
        111, 112, 113, 114, 115, 116, 117, 118, 119, 120, 0, 1, 255,
    ]
}
