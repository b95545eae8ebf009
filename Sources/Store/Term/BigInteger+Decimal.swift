extension BigInteger {
    /// The longest magnitude, in bytes, that is written in digits of ten.
    ///
    /// The time grows with the square of the length; longer ones are left to other forms.
    package static let maximumDecimalBytes = 1024
    /// As many digits as that can be.
    package static let maximumDecimalDigits = 2467

    /// Ten to the 19th, the largest power of ten in 64 bits.
    private static let group: UInt64 = 10_000_000_000_000_000_000
    private static let groupDigits = 19

    /// The digits with a sign before them if it is negative; nil if there are too many.
    package var decimal: [UInt8]? {
        guard magnitude.count <= Self.maximumDecimalBytes else { return nil }
        var limbs = Self.limbs(magnitude)
        var groups: [UInt64] = []
        while !limbs.isEmpty { groups.append(Self.divide(&limbs)) }
        var text: [UInt8] = isNegative ? [UInt8(ascii: "-")] : []
        text.append(contentsOf: String(groups.last ?? 0).utf8)
        for group in groups.dropLast().reversed() {
            let digits = String(group).utf8
            text.append(
                contentsOf: repeatElement(
                    UInt8(ascii: "0"), count: Self.groupDigits - digits.count))
            text.append(contentsOf: digits)
        }
        return text
    }

    /// 64 bits each, the least significant first.
    private static func limbs(_ magnitude: [UInt8]) -> [UInt64] {
        stride(from: 0, to: magnitude.count, by: 8).map { start in
            magnitude[start..<min(start + 8, magnitude.count)].reversed()
                .reduce(0) { $0 << 8 | UInt64($1) }
        }
    }

    /// Divides by a group and gives back what is left over.
    private static func divide(_ limbs: inout [UInt64]) -> UInt64 {
        var rest: UInt64 = 0
        for index in limbs.indices.reversed() {
            (limbs[index], rest) = group.dividingFullWidth((rest, limbs[index]))
        }
        if limbs.last == 0 { limbs.removeLast() }
        return rest
    }

    /// Reads digits in a base up to 36; nil if there are none, or too many of a base that is no power
    /// of two.
    package init?(digits: some BidirectionalCollection<UInt8>, base: Int, isNegative: Bool) {
        guard !digits.isEmpty else { return nil }
        let isCheap = base == 16
        guard isCheap || digits.count <= Self.maximumDecimalDigits else { return nil }
        let values = digits.compactMap { Self.value($0) }.filter { $0 < base }
        guard values.count == digits.count else { return nil }
        self.init(
            isNegative: isNegative,
            magnitude: isCheap ? Self.bytes(hexadecimal: values) : Self.bytes(values, base: base))
    }

    private static func value(_ digit: UInt8) -> Int? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): Int(digit) - 48
        case UInt8(ascii: "a")...UInt8(ascii: "z"): Int(digit) - 97 + 10
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): Int(digit) - 65 + 10
        default: nil
        }
    }

    private static func bytes(hexadecimal values: [Int]) -> [UInt8] {
        stride(from: values.count - 1, through: 0, by: -2).map { index in
            UInt8(values[index]) | (index > 0 ? UInt8(values[index - 1]) << 4 : 0)
        }
    }

    private static func bytes(_ values: [Int], base: Int) -> [UInt8] {
        var limbs: [UInt64] = []
        for value in values {
            var carry = UInt64(value)
            for index in limbs.indices {
                let (high, low) = limbs[index].multipliedFullWidth(by: UInt64(base))
                let (sum, isOver) = low.addingReportingOverflow(carry)
                limbs[index] = sum
                carry = high + (isOver ? 1 : 0)
            }
            if carry > 0 { limbs.append(carry) }
        }
        return limbs.flatMap { limb in (0..<8).map { UInt8(truncatingIfNeeded: limb >> ($0 * 8)) } }
    }

    /// The integer as a term: what fits into 64 bits is no large one.
    package var term: Term {
        guard magnitude.count <= 8 else { return .bigInteger(self) }
        let value = magnitude.reversed().reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
        if isNegative, value <= Int.min.magnitude {
            return .integer(Int(truncatingIfNeeded: 0 &- value))
        }
        return Int(exactly: value).map { isNegative ? .bigInteger(self) : .integer($0) }
            ?? .bigInteger(self)
    }
}
