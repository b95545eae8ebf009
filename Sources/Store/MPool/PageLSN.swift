/// Where in a log the last change of a page is described: the log's file, and an offset in it.
package struct PageLSN: Comparable, Hashable, Sendable {
    package var file: UInt32
    package var offset: UInt32

    package init(file: UInt32, offset: UInt32) {
        self.file = file
        self.offset = offset
    }

    package static func < (left: Self, right: Self) -> Bool {
        (left.file, left.offset) < (right.file, right.offset)
    }

    /// The two numbers that stand at `offset` of a page, in this machine's order, file first.
    init(in page: UnsafeRawBufferPointer, at offset: Int) {
        file = page.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
        self.offset = page.loadUnaligned(fromByteOffset: offset + 4, as: UInt32.self)
    }
}
