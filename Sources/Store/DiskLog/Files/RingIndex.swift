import Glibc

/// The index of a ring, `F.idx`: which file is written, and how many items each one holds.
///
/// ```
/// version 2    00  00000000  02  current:4  items:8 for each file
/// version 1    00  current:4  items:4 for each file
/// version 0    current:1  items:4 for each file             becomes version 2 with the first write
/// ```
/// Mirrors read_index_file/1, write_index_file/5 and index_file_trunc/2 of disk_log_1. The count of
/// the file that is written is 0 as long as the ring is open.
struct RingIndex: Equatable {
    private(set) var version: Int
    /// The number of the file that is written, from 1.
    var current: Int
    /// Items of each file, the head included, from file 1 on; as many as there are known files.
    var counts: [Int]

    /// A ring that has not moved on yet.
    static let new = RingIndex(version: 2, current: 1, counts: [])

    static func path(_ base: String) -> String { base + ".idx" }

    private var start: Int { version == 2 ? 10 : version == 1 ? 5 : 1 }
    private var width: Int { version == 2 ? 8 : 4 }

    /// How much of an index can be read.
    enum Reading: Equatable {
        case whole(RingIndex)
        /// It ends within a count, or has one that can't be: the current file is known, the counts
        /// are not.
        case cut(current: Int)
        /// There is none, or nothing in it makes sense: the original starts again at file 1.
        case none
    }

    static func read(_ base: String, in directory: DataDirectory) throws(StoreError) -> Reading {
        let limit = 10 + 8 * LogSize.fileNumberLimit
        guard let bytes = try directory.contents(of: path(base), limit: limit) else { return .none }
        return parse(bytes)
    }

    static func parse(_ bytes: [UInt8]) -> Reading {
        guard var index = header(bytes) else { return .none }
        let rest = bytes.count - index.start
        guard rest % index.width == 0 else { return .cut(current: index.current) }
        index.counts = (0..<rest / index.width).map { number in
            let offset = index.start + number * index.width
            return index.width == 8
                ? Int(clamping: bytes.bigEndian(UInt64.self, at: offset))
                : Int(bytes.bigEndian(UInt32.self, at: offset))
        }
        // No file holds so many: such a count is damaged, and others may be.
        guard index.counts.allSatisfy({ $0 < 1 << 40 }) else { return .cut(current: index.current) }
        return .whole(index)
    }

    private static func header(_ bytes: [UInt8]) -> RingIndex? {
        let numbers = 1..<LogSize.fileNumberLimit
        if bytes.count >= 10, bytes.starts(with: [0, 0, 0, 0, 0, 2]) {
            let current = Int(bytes.bigEndian(UInt32.self, at: 6))
            if numbers.contains(current) {
                return RingIndex(version: 2, current: current, counts: [])
            }
        }
        if bytes.count >= 5, bytes[0] == 0 {
            let current = Int(bytes.bigEndian(UInt32.self, at: 1))
            if numbers.contains(current) {
                return RingIndex(version: 1, current: current, counts: [])
            }
        }
        guard let first = bytes.first, first > 0 else { return nil }
        return RingIndex(version: 0, current: Int(first), counts: [])
    }

    /// The items of file `number`; 0 if none are known.
    subscript(number: Int) -> Int {
        get { number <= counts.count ? counts[number - 1] : 0 }
        set {
            if number > counts.count {
                counts += [Int](repeating: 0, count: number - counts.count)
            }
            counts[number - 1] = newValue
        }
    }

    /// Writes the current file's number and the count of one file, in place if the form allows.
    ///
    /// - Parameter countOf: the file whose count is written; the current one's while it is opened.
    mutating func write(
        _ base: String, countOf number: Int, in directory: DataDirectory
    ) throws(StoreError) -> IndexWrite {
        let path = Self.path(base)
        let file = try directory.open(path, flags: O_RDWR | O_CREAT)
        let isShort = try file.status().st_size < start
        if version == 0 || isShort {
            version = version == 0 ? 2 : version
            try file.write(encoded, at: 0)
        } else {
            // The count first: who dies in between leaves a count that the opening sets back.
            try file.write(encoded(counts[number - 1]), at: start + (number - 1) * width)
            var bytes: [UInt8] = []
            bytes.appendBigEndian(UInt32(current))
            try file.write(bytes, at: start - 4)
        }
        return IndexWrite(file)
    }

    /// Puts the whole index in the place of the one that is there, durably.
    func replace(_ base: String, in directory: DataDirectory) throws(StoreError) {
        try directory.replaceContents(of: Self.path(base), with: encoded)
    }

    /// Writes the whole index into the file that is there: for where a flush has failed.
    func overwrite(_ base: String, in directory: DataDirectory) throws(StoreError) {
        let file = try directory.open(Self.path(base), flags: O_RDWR | O_CREAT)
        try file.write(encoded, at: 0)
        try file.truncate(to: encoded.count)
    }

    /// Forgets the files above `count`.
    mutating func truncate(
        _ base: String, to count: Int, in directory: DataDirectory
    ) throws(StoreError) {
        guard counts.count > count else { return }
        counts.removeLast(counts.count - count)
        let file = try directory.open(Self.path(base), flags: O_RDWR)
        try file.truncate(to: start + count * width)
    }

    /// The whole index.
    var encoded: [UInt8] {
        var bytes: [UInt8] = version == 2 ? [0, 0, 0, 0, 0, 2] : [0]
        bytes.appendBigEndian(UInt32(current))
        for count in counts { bytes += encoded(count) }
        return bytes
    }

    private func encoded(_ count: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        if width == 8 {
            bytes.appendBigEndian(UInt64(count))
        } else {
            bytes.appendBigEndian(UInt32(truncatingIfNeeded: count))
        }
        return bytes
    }
}

/// An index that was written and is not yet on stable storage.
final class IndexWrite: Sendable {
    private let file: File

    init(_ file: consuming File) { self.file = file }

    func sync() throws(StoreError) { try file.syncData() }
}
