/// One step through an encoded term: a whole leaf, or the start of something with terms in it.
///
/// What it points to is valid as long as the bytes of the encoding are.
package enum TermToken {
    case integer(Int)
    /// Does not fit into `Int`; the magnitude is least significant byte first, its last one not 0.
    case bigInteger(isNegative: Bool, magnitude: UnsafeRawBufferPointer)
    case float(Double)
    case atom(AtomText)
    case binary(UnsafeRawBufferPointer)
    /// The last byte has 1 to 7 bits, the most significant ones; the others may be anything.
    case bitString(UnsafeRawBufferPointer, bitsInLastByte: Int)
    case emptyList
    /// A list of one byte or more.
    case string(UnsafeRawBufferPointer)
    /// A pid, port, reference or external fun: its encoding from the tag on.
    case identifier(UnsafeRawBufferPointer)
    /// So many elements follow, one at least, and a tail.
    case list(count: Int)
    case tuple(count: Int)
    /// So many pairs of key and value follow.
    case map(count: Int)
    /// A fun of which so many free variables follow, and before them its creator.
    case function(FunctionHead)

    /// What stands before the terms of a fun.
    package struct FunctionHead {
        package let module: AtomText
        /// The fun's number within its module.
        package let index: UInt32
        package let oldIndex: Int
        package let oldUniq: Int
        package let freeCount: Int
    }
}
