extension LSN {
    /// The two numbers that stand at `place` of a page, in this machine's order, file first.
    init(in page: UnsafeRawBufferPointer, at place: Int) {
        self.init(
            file: page.loadUnaligned(fromByteOffset: place, as: UInt32.self),
            offset: page.loadUnaligned(fromByteOffset: place + 4, as: UInt32.self))
    }
}
