import TestSupport

@testable import API

extension JSONValue {
    static func random(using random: inout SeededGenerator, depth: Int) -> JSONValue {
        switch Int.random(in: 0..<(depth > 0 ? 7 : 5), using: &random) {
        case 0: return .null
        case 1: return .bool(Bool.random(using: &random))
        case 2: return .integer(Int.random(in: Int.min...Int.max, using: &random))
        case 3: return .real(Double.random(in: -1e9...1e9, using: &random))
        case 4: return .string(text(using: &random))
        case 5:
            return .array(
                (0..<Int.random(in: 0...4, using: &random)).map { _ in
                    JSONValue.random(using: &random, depth: depth - 1)
                })
        default:
            return .object(
                (0..<Int.random(in: 0...4, using: &random)).map { index in
                    Member(
                        name: "\(index)" + text(using: &random).filter { $0 != "\u{0}" },
                        value: JSONValue.random(using: &random, depth: depth - 1))
                })
        }
    }

    private static func text(using random: inout SeededGenerator) -> String {
        let ranges: [ClosedRange<UInt32>] = [
            0...0x7F, 0x20...0x7E, 0x80...0xD7FF, 0x10000...0x10FFFF,
        ]
        let scalars = (0..<Int.random(in: 0...12, using: &random)).compactMap { _ in
            ranges.randomElement(using: &random).flatMap {
                Unicode.Scalar(UInt32.random(in: $0, using: &random))
            }
        }
        return String(String.UnicodeScalarView(scalars))
    }
}
