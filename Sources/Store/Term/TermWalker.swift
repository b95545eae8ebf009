/// Leads a visitor through an encoded term, in its order.
///
/// Has a stack of its own, which is as deep as the visitor goes. That keys of maps differ is not
/// looked at: see `ExternalTerm.validate`.
package struct TermWalker {
    /// A container that has been begun.
    private struct Frame {
        var container: TermContainer?
        /// Terms that are still to come; the tail of a list is one.
        var left: Int
        var isFirst = true
    }

    private var reader: TermReader
    private var top = Frame(container: nil, left: 1)
    private var frames: [Frame] = []

    /// - Parameter body: a term's bytes from its tag on; must outlive the walker.
    package init(_ body: UnsafeRawBufferPointer) { reader = TermReader(body) }

    /// How many bytes the term takes, once it has been walked.
    package var length: Int { reader.offset }

    /// Walks the whole term.
    package mutating func walk<Visitor: TermVisitor>(
        _ visitor: inout Visitor
    ) throws(TermError) {
        while true {
            if top.left == 0 {
                guard let container = top.container, let frame = frames.popLast() else { return }
                try visitor.end(container)
                top = frame
                continue
            }
            if top.container == .list && top.left == 1 {
                try tail(&visitor)
            } else {
                try announce(to: &visitor)
                top.left -= 1
                try take(reader.next(), &visitor)
            }
        }
    }

    private mutating func announce<Visitor: TermVisitor>(
        to visitor: inout Visitor
    ) throws(TermError) {
        guard let container = top.container else { return }
        if container == .map && top.left % 2 == 1 {
            try visitor.next(.value)
        } else {
            try visitor.next(top.isFirst ? .firstElement : .element)
            top.isFirst = false
        }
    }

    private mutating func take<Visitor: TermVisitor>(
        _ token: TermToken, _ visitor: inout Visitor
    ) throws(TermError) {
        switch token {
        case .list(let count): try begin(.list, count + 1, &visitor)
        case .tuple(let count) where count > 0: try begin(.tuple, count, &visitor)
        case .map(let count) where count > 0: try begin(.map, 2 * count, &visitor)
        case .function(let head):
            try visitor.opaque(skip(terms: 1 + head.freeCount, from: reader.start))
        case .identifier(let bytes): try visitor.opaque(bytes)
        default: try visitor.leaf(token)
        }
    }

    private mutating func begin<Visitor: TermVisitor>(
        _ container: TermContainer, _ terms: Int, _ visitor: inout Visitor
    ) throws(TermError) {
        let start = reader.start
        if try visitor.begin(container, at: start) {
            if frames.isEmpty { frames.reserveCapacity(16) }
            frames.append(top)
            top = Frame(container: container, left: terms)
        } else {
            try visitor.opaque(skip(terms: terms, from: reader.start))
        }
    }

    /// The tail of a list: nothing, more of the list, or what makes it an improper one.
    private mutating func tail<Visitor: TermVisitor>(_ visitor: inout Visitor) throws(TermError) {
        let token = try reader.next()
        top.left = 0
        switch token {
        case .emptyList: break
        case .list(let count): top.left = count + 1
        case .string(let bytes):
            for byte in bytes {
                try visitor.next(.element)
                try visitor.leaf(.integer(Int(byte)))
            }
        default:
            try visitor.next(.tail)
            try take(token, &visitor)
        }
    }

    /// The bytes of a term from `start` on, of which so many terms have not been read.
    private mutating func skip(terms: Int, from start: Int) throws(TermError)
        -> UnsafeRawBufferPointer
    {
        try reader.skip(terms: terms)
        return UnsafeRawBufferPointer(rebasing: reader.base[start..<reader.offset])
    }
}
