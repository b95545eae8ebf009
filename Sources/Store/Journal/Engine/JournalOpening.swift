import Glibc

/// Opens a journal to be written: finds where it ends, cuts off what a crash left, begins a new
/// file; `__wt_log_open` and what recovery does to the log.
struct JournalOpening {
    /// What an opening comes to.
    struct Opened: ~Copyable {
        let files: JournalFiles
        let writer: JournalWriter
        let mark: File
        let lock: DirectoryLock
        let end: LSN
        let last: LSN
        let transaction: UInt64
        var generation: Int
        let result: JournalOpened
        let isForeign: Bool
    }

    /// Where the records of the newest file end.
    private struct Tail {
        var end: LSN
        var last: LSN
        var transaction: UInt64
        var cut: (at: LSN, badBytes: Int)?
        /// What had been flushed and is not there any more.
        var lost: (at: LSN, count: Int)?

        var result: JournalOpened {
            if let lost { return .damaged(at: lost.at, missing: lost.count) }
            return cut.map { .repaired(cutAt: $0.at, badBytes: $0.badBytes) } ?? .ok
        }
    }

    let name: String
    let directory: JournalDirectory
    /// Whether no other program can have put log files there that it still writes.
    let isOurs: Bool
    let settings: JournalSettings
    let keys: AppendKeys
    let workers: Workers
    let statistics: JournalStatistics

    func open() throws(StoreError) -> Opened {
        try directory.data.makeFolders(above: directory.path("x"))
        let lock = try StubDatabase.lock(directory)
        let isForeign = try StubDatabase.isForeign(directory)
        if !isOurs { try StubDatabase.requireDatabase(directory) }
        if !isForeign { try StubDatabase.make(in: directory) }
        let maker = LogFileMaker(directory: directory, fileMax: settings.fileMax)
        try maker.discardAll()
        let files = JournalFiles(
            directory, compressor: settings.compressor, statistics: statistics)
        let known = try JournalMark.read(of: name, in: directory.data)
        let newest = try directory.numbers().last
        var tail = Tail(end: .none, last: .none, transaction: 0)
        if let newest { tail = try findTail(of: newest, known, files) }
        try keys.settle(tail: tail.end.position, generation: nil)
        let number = newest.map { $0 &+ 1 } ?? 1
        guard number > 0 else {
            throw .fileTooLarge(detail: "there are no more numbers for log files")
        }
        files.forgetAll()
        let preparer =
            settings.prealloc
            ? FilePreparer(maker, workers: workers, statistics: statistics) : nil
        // As the original begins a file at an opening, unless readers have to find that the file before
        // has lost its end.
        let writer = try JournalWriter(
            maker, number: number, previous: tail.lost == nil ? .beginning : tail.end,
            preparer: preparer, statistics: statistics)
        let end = writer.end
        let mark = try JournalMark.open(of: name, in: directory.data)
        try JournalMark(
            end: end, last: tail.last, transaction: tail.transaction, isClosed: false
        ).write(to: mark)
        return Opened(
            files: files, writer: writer, mark: mark, lock: lock, end: end, last: tail.last,
            transaction: tail.transaction, generation: 0,
            result: tail.result,
            isForeign: isForeign)
    }

    /// Where the newest file ends; cuts it there.
    private func findTail(
        of number: UInt32, _ known: JournalMark?, _ files: JournalFiles
    ) throws(StoreError) -> Tail {
        let path = directory.logPath(number)
        let file = try directory.data.open(path, flags: O_RDWR)
        // After a failed flush the page cache may show what the device never got.
        file.dropCache()
        let size = Int(try file.status().st_size)
        if let known, known.isClosed, known.end.file == number, Int(known.end.offset) == size {
            return Tail(end: known.end, last: known.last, transaction: known.transaction)
        }
        var tail = try scan(number, known, files)
        // An append with a key that is there in part is taken out.
        if let cut = try keys.cut(tail: tail.end.position, generation: nil).map(
            LSN.init(position:)),
            cut.file == number
        {
            tail = try scan(number, known, files, before: Int(cut.offset))
        }
        let end = Int(tail.end.offset)
        if let bad = try file.lastNonZero(from: end, to: size) {
            tail.cut = (tail.end, bad + 1 - end)
        }
        // One that has no record yet is as long as one that has.
        let length = max(end, JournalFileHead.firstRecord)
        if size > length || size < JournalFileHead.firstRecord { try file.truncate(to: length) }
        // Whatever its size: of what is in it nobody knows whether it was ever flushed.
        try file.sync()
        if tail.last == .none { tail.last = try lastRecord(before: number, known, files) }
        return tail
    }

    /// Goes through the newest file.
    ///
    /// Records behind damage are kept only if the damage came after they had been flushed. What had
    /// been flushed is never cut off: reading tells that it is damaged.
    private func scan(
        _ number: UInt32, _ known: JournalMark?, _ files: JournalFiles, before limit: Int = .max
    ) throws(StoreError) -> Tail {
        guard var reader = try files.reader(number) else {
            throw .journal(.noSuchDirectory(path: directory.path))
        }
        try reader.measure()
        var offset = try reader.checkHead()
        var tail = Tail(
            end: .none, last: .none, transaction: known?.transaction ?? 0)
        let flushed = known.map { $0.end.file == number ? Int($0.end.offset) : 0 } ?? 0
        let durable = min(flushed, limit)
        scanning: while offset < limit {
            switch try reader.read(at: offset) {
            case .record(let record):
                look(at: record, &tail)
                offset = record.end
            case .end: break scanning
            case .unfinished, .corrupt:
                guard offset < durable, let index = try files.index(of: number),
                    let next = try index.first(behind: offset)
                else { break scanning }
                offset = next
            }
        }
        if offset < durable {
            tail.lost = (LSN(file: number, offset: UInt32(clamping: offset)), durable - offset)
            tail.last = max(tail.last, known?.last ?? .none)
            offset = durable
        }
        tail.end = LSN(file: number, offset: UInt32(clamping: offset))
        return tail
    }

    private func look(at record: StoredRecord, _ tail: inout Tail) {
        guard var rows = try? record.unpacked(by: settings.compressor),
            let row = try? rows.next()
        else { return tail.last = record.lsn }
        // Larger ones nobody gives out: counting on from there would not end well.
        if row.recordType == RecordType.commit, row.transactionID < 1 << 63 {
            tail.transaction = max(tail.transaction, row.transactionID)
        }
        if !Self.isPrevious(row) { tail.last = record.lsn }
    }

    private static func isPrevious(_ row: JournalRow) -> Bool {
        row.recordType == RecordType.system
            && row.withValue { value in
                var reader = PackedReader(value)
                return reader.unsigned() == UInt64(OperationType.previousLSN)
            }
    }

    /// The last record of the files before, which need not be read if it was noted.
    private func lastRecord(
        before number: UInt32, _ known: JournalMark?, _ files: JournalFiles
    ) throws(StoreError) -> LSN {
        if let known, known.end.file == number { return known.last }
        for earlier in try directory.numbers().reversed() where earlier < number {
            guard let index = try files.index(of: earlier),
                let record = try? index.last(before: .max, limit: .max)
            else { continue }
            var rows = try? record.unpacked(by: settings.compressor)
            let row = try? rows?.next()
            if row.map(Self.isPrevious) != true { return record.lsn }
        }
        return .none
    }
}

/// What became of a journal when it was opened.
package enum JournalOpened: Equatable, Sendable {
    case ok
    /// What a crash left unfinished was cut off.
    case repaired(cutAt: LSN, badBytes: Int)
    /// Records that had been flushed are damaged or gone; nothing was cut off.
    case damaged(at: LSN, missing: Int)

    /// What an operator should know of the opening; nil if there is nothing.
    func report(of name: String) -> String? {
        switch self {
        case .ok: nil
        case .repaired(let place, let bad):
            "journal \(name) was not closed: \(bad) bytes behind \(place) were cut off"
        case .damaged(let place, let missing):
            "journal \(name) is damaged: of \(missing) bytes behind \(place) that had been flushed "
                + "none can be read, and nothing was cut off"
        }
    }
}
