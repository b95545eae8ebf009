/// Records of a journal in order, each with all of its rows.
package struct JournalRecords: ~Copyable {
    /// One record.
    package struct Record: Sendable {
        package let lsn: LSN
        package let rows: [JournalRow]
    }

    private let files: JournalFiles
    private var reader: JournalReader

    init(_ files: JournalFiles, from place: LSN) {
        self.files = files
        reader = JournalReader(files, from: place)
    }

    /// Where the next record is looked for.
    package var place: LSN { reader.place }

    /// The next record, if it begins before `end`; nil if there is none yet.
    package mutating func next(before end: LSN?) throws(StoreError) -> Record? {
        if let end, reader.place >= end { return nil }
        guard let record = try reader.next() else { return nil }
        if let end, record.lsn >= end {
            reader.seek(to: record.lsn)
            return nil
        }
        var rows = try record.unpacked(by: files.compressor)
        var all: [JournalRow] = []
        while let row = try rows.next() { all.append(row) }
        return Record(lsn: record.lsn, rows: all)
    }
}

extension Journal {
    /// Records from a place on, which hold archiving back until `release` is called; waits.
    ///
    /// - Throws: `.notFound`, `.archived`.
    package func records(from place: LSN) throws(StoreError) -> JournalRecords {
        holds.take()
        do throws(StoreError) {
            return JournalRecords(files, from: try files.place(at: place))
        } catch {
            release()
            throw error
        }
    }

    /// Behind the last record that there is; goes through the newest file.
    package func findEnd() throws(StoreError) -> LSN {
        guard let newest = try files.directory.numbers().last else { return .beginning }
        var reader = JournalReader(files, from: LSN(file: newest, offset: 0))
        while try reader.next() != nil {}
        return reader.place
    }
}
