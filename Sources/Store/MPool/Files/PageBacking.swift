import Glibc

/// The open file behind the pages of a file in one process.
final class PageBacking: Sendable {
    let file: File
    let isWritable: Bool
    /// Which file in its place in the table it is.
    let generation: UInt32
    /// Held by who flushes the file: of two flushes at once the kernel might tell one alone of a
    /// failure that concerns both.
    let flushing = Locked(())

    init(_ file: consuming File, isWritable: Bool, generation: UInt32) {
        self.file = file
        self.isWritable = isWritable
        self.generation = generation
    }

    /// Reads as much of a page as there is; how many bytes that was.
    func read(_ pgno: UInt32, into page: UnsafeMutableRawBufferPointer) throws(StoreError) -> Int {
        try file.read(at: Int(pgno) * page.count, into: page)
    }

    /// Reads as much as there is of pages that follow each other; how many bytes that was.
    func read(
        _ pgno: UInt32, into pages: [UnsafeMutableRawBufferPointer]
    ) throws(StoreError) -> Int {
        try file.read(at: Int(pgno) * (pages.first?.count ?? 0), into: pages)
    }

    func write(_ pgno: UInt32, _ page: UnsafeRawBufferPointer) throws(StoreError) {
        try file.write(page, at: Int(pgno) * page.count)
    }

    func size() throws(StoreError) -> Int { Int(try file.status().st_size) }

    /// A file without a name, which is gone when it is closed.
    static func temporary(in folder: String, generation: UInt32) throws(StoreError) -> PageBacking {
        let flags: Int32 = O_RDWR | 0o20_200_000  // O_TMPFILE, a compound macro
        let file = try File(path: folder, name: "a temporary file", flags: flags, mode: 0o600)
        return PageBacking(file, isWritable: true, generation: generation)
    }
}
