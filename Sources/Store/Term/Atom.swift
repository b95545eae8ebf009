/// The name of an atom; equal if the characters are, not if Unicode calls them equal.
package struct Atom: Hashable, Sendable {
    /// The name in UTF-8.
    package let utf8: [UInt8]

    package init(utf8: [UInt8]) { self.utf8 = utf8 }

    package init(_ name: String) { utf8 = Array(name.utf8) }

    /// The name as text.
    package var name: String { String(decoding: utf8, as: UTF8.self) }
}

extension Atom: ExpressibleByStringLiteral {
    package init(stringLiteral name: String) { self.init(name) }
}
