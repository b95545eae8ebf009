/// A log cursor: `WT_SESSION::open_cursor("log:")`.
///
/// It sees what is written after it was opened, and stays where it is at the end.
package struct JournalCursor: ~Copyable {
    private let files: JournalFiles
    private var reader: JournalReader
    private var rows: RecordRows?
    /// The row that was given last.
    package private(set) var row: JournalRow?
    /// What `compare` looks at: the record, and how many of its rows were given.
    private var order: (lsn: LSN, steps: Int) = (.beginning, 0)

    init(_ files: JournalFiles) {
        self.files = files
        reader = JournalReader(files)
    }

    /// Where the next record is looked for.
    package var place: LSN { reader.place }

    /// The next row; nil at the end of the log; `WT_CURSOR::next`.
    ///
    /// - Throws: what is wrong with the next row; the cursor stays where it is.
    package mutating func next() throws(StoreError) -> JournalRow? {
        if let next = try rows?.next() { return give(next) }
        let place = reader.place
        guard let record = try reader.next() else { return nil }
        do throws(StoreError) {
            return try enter(record)
        } catch {
            reader.seek(to: place)
            throw error
        }
    }

    /// Takes the record at an LSN, or what the original finds instead; `WT_CURSOR::search`.
    ///
    /// - Returns: the row of the whole record.
    /// - Throws: `.notFound`; then the cursor stays where it is.
    package mutating func search(_ lsn: LSN) throws(StoreError) -> JournalRow {
        let record = try files.record(at: lsn)
        let row = try enter(record)
        reader.seek(to: LSN(file: record.lsn.file, offset: UInt32(clamping: record.end)))
        return row
    }

    /// Goes back to the beginning; `WT_CURSOR::reset`.
    package mutating func reset() {
        reader.seek(to: .beginning)
        rows = nil
        row = nil
        order = (.beginning, 0)
    }

    /// Goes to where the next row is the first of the record at `lsn`, or of the first one behind
    /// a file's end there.
    ///
    /// - Throws: `.notFound`; `.archived`.
    package mutating func seek(to lsn: LSN) throws(StoreError) {
        let place = try files.place(at: lsn)
        reset()
        reader.seek(to: place)
    }

    /// What `WT_CURSOR::compare` looks at: the record, then how many rows of it were given.
    package var compared: (lsn: LSN, steps: Int) { order }

    private mutating func enter(_ record: StoredRecord) throws(StoreError) -> JournalRow {
        var rows = try record.unpacked(by: files.compressor)
        guard let row = try rows.next() else { throw .journal(.notFound(record.lsn)) }
        self.rows = rows
        return give(row)
    }

    private mutating func give(_ next: JournalRow) -> JournalRow {
        row = next
        order = (next.lsn, next.operationCounter + 1)
        return next
    }
}

extension JournalFiles {
    /// The record that a search for an LSN finds.
    func record(at lsn: LSN) throws(StoreError) -> StoredRecord {
        guard Int(lsn.offset) % RecordHeader.alignment == 0 else { throw .journal(.notFound(lsn)) }
        if lsn == .beginning {
            var reader = JournalReader(self)
            guard let first = try reader.next() else { throw .journal(.notFound(lsn)) }
            return first
        }
        guard let index = try index(of: lsn.file) else { throw .journal(.notFound(lsn)) }
        // Taken before the file is looked through: else its end might not have been its last yet.
        let end = writtenEnd
        switch try index.find(at: Int(lsn.offset), limit: limit(of: lsn.file)) {
        case .record(let record):
            statistics.count(scanned: record)
            return record
        case .nothing: throw .journal(.notFound(lsn))
        case .behindTheEnd:
            // As the original, which slides into the next file.
            let (next, isLast) = lsn.file.addingReportingOverflow(1)
            guard !isLast, end.map({ lsn.file < $0.file }) ?? true,
                let index = try self.index(of: next),
                case .record(let record) = try index.find(at: 0, limit: limit(of: next))
            else { throw .journal(.notFound(lsn)) }
            return record
        }
    }

    /// - Throws: `.archived` for a file that is not there, if there are later ones.
    func requireNotArchived(_ number: UInt32) throws(StoreError) {
        guard let first = try directory.numbers().first, first > number else { return }
        throw .journal(.archived(first: LSN(file: first, offset: UInt32(RecordHeader.alignment))))
    }

    /// Where a reader may go on: at a record, or where a file's last one ends.
    func place(at lsn: LSN) throws(StoreError) -> LSN {
        if lsn == .beginning { return lsn }
        guard Int(lsn.offset) % RecordHeader.alignment == 0 else { throw .journal(.notFound(lsn)) }
        guard let index = try index(of: lsn.file) else {
            try requireNotArchived(lsn.file)
            throw .journal(.notFound(lsn))
        }
        switch try index.find(at: Int(lsn.offset), limit: limit(of: lsn.file)) {
        case .record, .behindTheEnd(Int(lsn.offset)): return lsn
        default: throw .journal(.notFound(lsn))
        }
    }

    /// All rows of the record at an LSN, and the LSN of the record behind it.
    func rows(at lsn: LSN) throws(StoreError) -> (rows: [JournalRow], next: LSN?) {
        let record = try record(at: lsn)
        var rows = try record.unpacked(by: compressor)
        var all: [JournalRow] = []
        while let row = try rows.next() { all.append(row) }
        var reader = JournalReader(
            self, from: LSN(file: record.lsn.file, offset: UInt32(clamping: record.end)))
        return (all, try? reader.next()?.lsn)
    }
}
