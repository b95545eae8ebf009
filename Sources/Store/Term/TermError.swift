/// Why bytes or text are not taken as a term.
package struct TermError: Error, Equatable, Sendable, CustomStringConvertible {
    /// What is wrong.
    package enum Reason: Equatable, Sendable {
        /// The first byte is not 131.
        case version
        /// A length reaches past the end.
        case cutShort
        case unknownTag(UInt8)
        /// Longer than 255 characters, or not UTF-8.
        case atom
        /// An integer of more bytes than Erlang takes.
        case integer
        /// Infinite, not a number, or no text of a float.
        case float
        /// Bits that do not fit the bytes.
        case bitString
        /// A pid, port, reference or fun that Erlang does not take.
        case identifier
        case duplicateKey
        /// A zlib stream that is damaged, or does not have the length that it should.
        case compression
        /// A compressed term that is larger than the caller allows.
        case inflated(limit: Int)
        case nesting(limit: Int)
        /// An atom by its number in the table of a running virtual machine, which nobody else has.
        case atomNumber
        /// A reference without numbers, of which Erlang reads more than is there.
        case emptyReference
        /// More bytes follow where exactly one term must be.
        case trailing
        /// Text that is no term.
        case expected(String)
    }

    package let reason: Reason
    /// The byte at which it was noticed, within the term or the text.
    package let offset: Int

    package init(_ reason: Reason, at offset: Int) {
        self.reason = reason
        self.offset = offset
    }

    package var description: String { "\(text) at byte \(offset)" }

    private var text: String {
        switch reason {
        case .version: "no version byte 131"
        case .cutShort: "the term is cut short"
        case .unknownTag(let tag): "unknown tag \(tag)"
        case .atom: "an atom that is too long or not UTF-8"
        case .integer: "an integer that is too large"
        case .float: "a float that is not finite"
        case .bitString: "a bit string whose bits do not fit its bytes"
        case .identifier: "a pid, port, reference or fun out of range"
        case .duplicateKey: "a map with the same key twice"
        case .compression: "a compressed term that is damaged"
        case .inflated(let limit): "a compressed term of more than \(limit) bytes"
        case .nesting(let limit): "terms nest deeper than \(limit) levels"
        case .atomNumber: "an atom that only one virtual machine knows"
        case .emptyReference: "a reference without numbers"
        case .trailing: "more bytes after the term"
        case .expected(let what): "expected \(what)"
        }
    }
}
