import Glibc

/// Goes through the records of a journal's files, past what is damaged.
struct JournalTraversal {
    let file: RecordFile
    let request: ReadRequest
    let progress: (Int) -> Void
    private(set) var findings = FileFindings()
    private var compressor: JournalCompressor?
    private var bytesBefore = 0
    private var isStopped = false
    /// Where the records of the file before end, if nothing else is wrong with its end.
    private var end: LSN?

    init(_ file: RecordFile, _ request: ReadRequest, progress: @escaping (Int) -> Void) {
        self.file = file
        self.request = request
        self.progress = progress
    }

    mutating func run(
        _ take: (FoundRecord) throws(StoreError) -> Bool
    ) throws(StoreError) {
        let directory = file.journalDirectory
        var before: UInt32?
        for number in file.numbers where !isStopped {
            if let before, number != before + 1 {
                findings.faults.append("log file \(before + 1) is missing")
                end = nil
            }
            before = number
            guard let reader = try file.journalReader(number, directory) else {
                end = nil
                continue
            }
            try read(reader, take)
        }
    }

    private mutating func read(
        _ reader: consuming JournalFileReader,
        _ take: (FoundRecord) throws(StoreError) -> Bool
    ) throws(StoreError) {
        var reader = reader
        try reader.measure()
        let size = reader.size
        var part = FileFindings.Part(
            name: JournalDirectory.name(JournalDirectory.logPrefix, reader.number), size: size)
        defer {
            findings.parts.append(part)
            bytesBefore += size
        }
        var offset: Int
        do throws(StoreError) {
            offset = try reader.checkHead()
            if try !reader.hasWholeHeader() {
                part.blame("its header has a wrong checksum", at: 0, badBytes: 0)
            }
            try compareEnds(&reader)
        } catch {
            end = nil
            guard case .journal(.corrupt(let lsn, let detail)) = error else { throw error }
            return part.blame(detail, at: Int(lsn.offset), badBytes: size - Int(lsn.offset))
        }
        while !isStopped {
            progress(bytesBefore + offset)
            switch try reader.read(at: offset) {
            case .record(let record):
                guard try give(record, &part, take) else { return }
                offset = record.end
            case .end:
                end = LSN(file: reader.number, offset: UInt32(clamping: offset))
                return
            case .unfinished(let detail), .corrupt(let detail):
                let next = try reader.nextRecord(behind: offset)
                part.blame(detail, at: offset, badBytes: (next ?? size) - offset)
                guard let next else { return }
                offset = next
            }
        }
    }

    /// Sees whether the file goes on where the one before ends.
    private mutating func compareEnds(
        _ reader: inout JournalFileReader
    ) throws(StoreError) {
        defer { end = nil }
        let isNewest = reader.number == file.numbers.last
        guard let end, let complaint = try reader.complaint(of: end, isNewest: isNewest) else {
            return
        }
        findings.faults.append("at byte \(end.offset) is \(complaint)")
    }

    /// Gives the rows of a record; false if no more are wanted.
    private mutating func give(
        _ record: StoredRecord, _ part: inout FileFindings.Part,
        _ take: (FoundRecord) throws(StoreError) -> Bool
    ) throws(StoreError) -> Bool {
        part.records += 1
        findings.bytes += record.range.count
        guard record.lsn.position >= request.from else { return true }
        var rows: RecordRows
        do throws(StoreError) {
            rows = try unpack(record)
        } catch {
            switch error {
            case .journal(.noCompressor(_, let detail)): findings.faults.append(detail)
            case .journal(.corrupt(let lsn, let detail)):
                part.blame(detail, at: Int(lsn.offset), badBytes: 0)
            default: throw error
            }
            return true
        }
        do throws(StoreError) {
            while let row = try rows.next() {
                let found = FoundRecord(
                    position: record.lsn.position, file: nil, offset: Int(record.lsn.offset),
                    content: .row(row))
                guard try take(found) else {
                    isStopped = true
                    return false
                }
                if !request.wantsOperations { break }
            }
        } catch {
            guard case .journal(.corrupt(let lsn, let detail)) = error else { throw error }
            part.blame(detail, at: Int(lsn.offset), badBytes: 0)
        }
        return true
    }

    /// Nothing in a file names its compressor; a block of the one is none of the other.
    private mutating func unpack(_ record: StoredRecord) throws(StoreError) -> RecordRows {
        guard record.header.isCompressed, !record.header.isEncrypted else {
            return try record.unpacked(by: .none)
        }
        _ = try record.unpackedLength()
        if let compressor { return try record.unpacked(by: compressor) }
        for candidate in [JournalCompressor.zlib, .snappy] {
            if let rows = try? record.unpacked(by: candidate) {
                compressor = candidate
                return rows
            }
        }
        throw .journal(
            .noCompressor(
                record.lsn,
                detail: "the record at \(record.lsn) is compressed, neither by zlib nor by snappy"))
    }
}

extension RecordFile {
    /// The folder of a journal's log files.
    var journalDirectory: JournalDirectory {
        JournalDirectory(data: folder, path: isFolder ? name : ".")
    }

    /// Opens a log file: by its number, or the one that was named, whatever its name.
    func journalReader(
        _ number: UInt32, _ directory: JournalDirectory
    ) throws(StoreError) -> JournalFileReader? {
        guard isFolder else {
            return JournalFileReader(try folder.open(name, flags: O_RDONLY), number: number)
        }
        guard let file = try directory.open(number) else { return nil }
        return JournalFileReader(file, number: number)
    }
}
