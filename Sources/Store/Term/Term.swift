/// A term of Erlang as a tree.
///
/// Lists are flat: the tail of an improper list is never a list. Trees that are made from bytes or
/// text nest at most `maximumNesting` levels, since a tree is freed by recursion. 0.0 and -0.0 are equal,
/// as they are to OTP 25.
package enum Term: Hashable, Sendable {
    case integer(Int)
    /// Only what `integer` cannot hold.
    case bigInteger(BigInteger)
    case float(Double)
    case atom(Atom)
    case binary([UInt8])
    /// Bits of which the last byte has 1 to 7, the most significant ones.
    case bitString([UInt8], bitsInLastByte: Int)
    case list([Term])
    indirect case improperList([Term], tail: Term)
    case tuple([Term])
    /// Pairs in the order in which they were read.
    case map([Pair])
    /// A pid, port, reference or fun: its encoding, without the version byte.
    case opaque([UInt8])

    /// A key of a map and its value.
    package struct Pair: Hashable, Sendable {
        package var key: Term
        package var value: Term

        package init(_ key: Term, _ value: Term) {
            self.key = key
            self.value = value
        }
    }

    /// How deep terms may nest in each other.
    package static let maximumNesting = 256

    /// A list of the bytes of `text` in UTF-8, as Erlang's older interfaces name things.
    package static func string(_ text: String) -> Term {
        .list(text.utf8.map { .integer(Int($0)) })
    }
}

extension Term {
    /// A map of keys and values in turn.
    static func map(pairs terms: [Term]) -> Term {
        let starts = stride(from: 0, to: terms.count - 1, by: 2)
        return .map(starts.map { Pair(terms[$0], terms[$0 + 1]) })
    }
}

extension Term: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral {
    /// An atom.
    package init(stringLiteral name: String) { self = .atom(Atom(name)) }
    package init(integerLiteral value: Int) { self = .integer(value) }
}
