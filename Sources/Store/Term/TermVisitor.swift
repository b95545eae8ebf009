/// What takes the parts of a term as a walker comes to them.
package protocol TermVisitor {
    /// A leaf: never a list, nor a tuple or map that has something in it, nor a fun.
    mutating func leaf(_ token: TermToken) throws(TermError)

    /// A pid, port, reference or fun, or what `begin` did not want: its encoding from the tag on.
    mutating func opaque(_ bytes: UnsafeRawBufferPointer) throws(TermError)

    /// Starts what has terms in it; false if it should come as opaque bytes.
    ///
    /// - Parameter offset: where it starts, which no other container shares.
    mutating func begin(_ container: TermContainer, at offset: Int) throws(TermError) -> Bool

    /// Says where in the container the next term stands.
    mutating func next(_ place: TermPlace) throws(TermError)

    /// Ends the container that was begun last.
    mutating func end(_ container: TermContainer) throws(TermError)
}

/// Something with terms in it, at least one.
package enum TermContainer: Sendable {
    case list
    case tuple
    case map
}

/// Where a term stands in its container.
package enum TermPlace: Sendable {
    case firstElement
    /// Also the second key of a map and those after it.
    case element
    /// The last thing in an improper list.
    case tail
    /// After the key that it belongs to.
    case value
}
