/// One record as it lies in a file, as long as it is being looked at.
package struct FoundRecord {
    package enum Content {
        /// The encoding of an Erlang term.
        case term(UnsafeRawBufferPointer)
        case bytes(UnsafeRawBufferPointer)
        case row(JournalRow)
    }

    /// Items before it, of what is there; of bytes how many; of a journal the number of the LSN.
    package let position: Int
    /// The number of a ring's file; nil for others.
    package let file: Int?
    /// Where in its file it begins, framing included; of a pool where in its data.
    package let offset: Int
    package let content: Content
}

/// How bytes that have no framing of their own are told as records.
package enum ByteDivision: Equatable, Sendable {
    /// Each line is one, its end left out.
    case lines
    /// Pieces of so many bytes; the last one is shorter.
    case pieces(Int)
}

/// What is to be read of a file.
package struct ReadRequest: Sendable {
    /// Records before that position are passed over.
    package var from = 0
    package var division = ByteDivision.pieces(64 << 10)
    /// Whether the operations of a journal's records are told, or each record as a whole only.
    package var wantsOperations = true

    package init() {}
}
