/// All rows between two records, forwards or backwards, without a cursor that others can use.
package struct JournalWalk: ~Copyable {
    /// The record after which it ends; nil for the end of the log.
    private let last: LSN?
    private var cursor: JournalCursor
    private var backwards: BackwardReader?

    /// - Parameters:
    ///   - first: the record to begin with, or where a file's last one ends; nil for the end that
    ///     the walk begins at.
    ///   - last: the record to end with; nil for the other end.
    /// - Throws: `.notFound` if no record begins at `first`.
    init(
        _ files: JournalFiles, from first: LSN?, to last: LSN?, backwards: Bool
    ) throws(StoreError) {
        self.last = last
        cursor = JournalCursor(files)
        if backwards {
            self.backwards = try BackwardReader(files, from: first)
        } else if let first {
            try cursor.seek(to: first)
        }
    }

    /// Where the next record is looked for, or the one before which it is.
    package var place: LSN { backwards?.place ?? cursor.place }

    /// The next row; nil behind the last one.
    package mutating func next() throws(StoreError) -> JournalRow? {
        if backwards != nil {
            guard let row = try backwards?.next(), row.lsn >= last ?? .none else { return nil }
            return row
        }
        // The place is that of the record after the one whose rows are being given.
        guard let row = try cursor.next(), last.map({ row.lsn <= $0 }) ?? true else { return nil }
        return row
    }
}

/// The rows of a journal from its end to its beginning.
struct BackwardReader {
    private let files: JournalFiles
    private var numbers: [UInt32]
    private var rows: [JournalRow] = []
    /// The record before this place is the next one.
    private(set) var place: LSN

    init(_ files: JournalFiles, from first: LSN?) throws(StoreError) {
        self.files = files
        numbers = try files.directory.numbers()
        if let end = files.writtenEnd { numbers.removeAll { $0 > end.file } }
        guard let newest = numbers.last else {
            throw .journal(.noLogFiles(path: files.directory.path))
        }
        place = LSN(file: newest, offset: .max)
        guard let first else { return }
        // The record itself is the first one, so that the place is behind its beginning.
        let record = try files.record(at: first)
        place = record.lsn.advanced(by: 1)
        numbers.removeAll { $0 > record.lsn.file }
    }

    mutating func next() throws(StoreError) -> JournalRow? {
        while rows.isEmpty {
            guard let number = numbers.last else { return nil }
            if place.file != number {
                if place.file == number &+ 1 { try files.requireWhole(number) }
                place = LSN(file: number, offset: .max)
            }
            guard let index = try files.index(of: number),
                let record = try index.last(
                    before: Int(place.offset), limit: files.limit(of: number))
            else {
                numbers.removeLast()
                continue
            }
            var all = try record.unpacked(by: files.compressor)
            while let row = try all.next() { rows.append(row) }
            place = record.lsn
        }
        return rows.popLast()
    }
}

extension JournalFiles {
    /// - Throws: `.corrupt` if the records of a file end before the place where the next one goes on.
    fileprivate func requireWhole(_ number: UInt32) throws(StoreError) {
        let isNewest = try directory.numbers().last == number + 1
        // Where others write what is missing may be on its way.
        if isNewest, writtenEnd == nil { return }
        guard let index = try index(of: number), var next = try reader(number + 1),
            case .behindTheEnd(let offset) = try index.find(at: .max, limit: limit(of: number))
        else { return }
        let end = LSN(file: number, offset: UInt32(clamping: offset))
        try next.measure(limit: limit(of: number + 1))
        _ = try next.checkHead()
        guard let complaint = try next.complaint(of: end, isNewest: isNewest) else { return }
        throw .journal(.corrupt(end, detail: "at \(end) is \(complaint)"))
    }
}
