/// What all of a log's writing needs to know.
struct LogSetting: Sendable {
    let name: String
    let node: String
    let format: LogFormat
    let mode: LogMode
    /// The file, or what a ring's names begin with, relative to the data directory.
    let base: String
    let directory: DataDirectory
    /// Kept open, since a flush that fails would end the log's work; nil of a read-only log.
    let folder: Folder?
    let place: LogPlaceFile
    let gate: AppendGate
    /// Files that are being emptied or removed, from before that until readers are shown the outcome;
    /// and where what takes their place starts, `.max` if nothing does.
    let emptied = Locked<[Int: Int]>([:])
}

/// The files of one log from the writing side; only the log's own turn calls it.
protocol LogWriter: Sendable {
    var setting: LogSetting { get }
    /// What is written now.
    var appender: FileAppender { get }
    var place: LogPlace { get }
    /// Where the files' items lie in the count of all that was ever logged.
    var map: LogMap { get }
    var figures: LogFigures { get }
    var size: LogSize { get }

    /// Takes in the records of an append from `index` on, as many as there is room for, or all or
    /// none; how many that was.
    mutating func add(_ append: Append, isDurable: Bool) throws(StoreError) -> Addition

    /// Hands what was gathered to the operating system.
    mutating func writePending() throws(StoreError)
    /// Puts everything that was written on stable storage.
    mutating func sync() throws(StoreError)
    /// Goes on to the next file; how many items of it were lost.
    mutating func moveOn(isDurable: Bool) throws(StoreError) -> Int
    /// Empties the log; `head` is used this once.
    mutating func truncate(head: LogHead?) throws(StoreError)
    /// Gives the files another base name and starts anew.
    mutating func reopen(as base: String, head: LogHead?) throws(StoreError)
    mutating func changeSize(_ size: LogSize) throws(StoreError)
    mutating func changeHead(_ head: LogHead)
    /// Marks everything closed.
    mutating func close() throws(StoreError)
    /// The files as closing would leave them now, once all that was gathered is written.
    func exportedFiles() throws(StoreError) -> [ExportedFile]
}

extension LogWriter {
    /// What an append adds to the byte count that limits a file.
    func countedSize(_ append: Append) -> Int {
        append.bytes.count
            + (setting.format == .internal ? append.lengths.count * LogItem.headerSize : 0)
    }

    /// The position after the last record.
    var position: Int { place.start + appender.units }

    /// What a log without room answers.
    var full: LogError.Full {
        var limit = 0
        if case .bytes(let bytes) = size { limit = bytes }
        return LogError.Full(name: setting.name, held: appender.counted, limit: limit)
    }
}

/// A writer that goes on to another file when one is full.
protocol MovingWriter: LogWriter {
    var appender: FileAppender { get set }
    /// The byte count at which a file is full.
    var maxBytes: Int { get }
}

extension MovingWriter {
    mutating func add(_ append: Append, isDurable: Bool) throws(StoreError) -> Addition {
        var addition = Addition()
        if appender.isLarge { try writePending() }
        if append.key != nil { try makeRoom(for: append, &addition, isDurable: isDurable) }
        addition.first = position
        if appender.counted + countedSize(append) <= maxBytes {
            appender.add(append)
            addition.count = append.lengths.count
        } else {
            try addMoving(append, &addition, isDurable: isDurable)
        }
        addition.next = position
        return addition
    }

    /// Takes in record by record, and goes on to the next file where one is full.
    private mutating func addMoving(
        _ append: Append, _ addition: inout Addition, isDurable: Bool
    ) throws(StoreError) {
        try append.forEachRecord { (record) throws(StoreError) in
            let size = appender.countedSize(record.count)
            // A file that holds nothing but its head takes one record of any size.
            let isEmpty = appender.counted == appender.first
            if appender.counted + size > maxBytes, !isEmpty, append.key == nil {
                try move(&addition, isDurable: isDurable)
            }
            if addition.count == 0 { addition.first = position }
            appender.add(record)
            addition.count += 1
            return true
        }
    }

    /// The records of an append with a key lie in one file: a crash that leaves some of them can be made
    /// good there.
    private mutating func makeRoom(
        for append: Append, _ addition: inout Addition, isDurable: Bool
    ) throws(StoreError) {
        let size = countedSize(append)
        guard append.lengths.count == 1 || appender.first + size <= maxBytes else {
            throw .badArgument(
                option: "Idempotency-Key",
                detail: "records under one key lie in one file: \(size) bytes, of \(maxBytes)")
        }
        if appender.counted + size > maxBytes, appender.counted != appender.first {
            try move(&addition, isDurable: isDurable)
        }
    }

    /// Moves on in the middle of an append, some of whose records may be in the files already.
    private mutating func move(_ addition: inout Addition, isDurable: Bool) throws(StoreError) {
        do throws(StoreError) {
            try writePending()
            addition.writtenCount = addition.count
            addition.writtenNext = position
            addition.wraps.append(try moveOn(isDurable: isDurable))
        } catch {
            throw addition.failure(error)
        }
    }
}

/// What became of an append's records.
struct Addition {
    /// Records that were taken in, from the first.
    var count = 0
    /// The position of the first of them.
    var first = 0
    /// The position after the last.
    var next = 0
    /// Items lost with each file that was overwritten, in order.
    var wraps: [Int] = []
    /// Set if not all were taken in: the log is full.
    var isFull = false
    /// Records that are in the files whatever becomes of the rest, and where they end.
    var writtenCount = 0
    var writtenNext = 0

    /// What is said of the append if the rest of it can't be written.
    func failure(_ error: StoreError) -> StoreError {
        guard writtenCount > 0 else { return error }
        return .log(
            .partial(count: writtenCount, first: first, next: writtenNext, because: error))
    }
}

/// Which files there are, and the position of each one's first item.
struct LogMap: Sendable {
    /// The file that is written; 0 for a log of one file.
    var current: Int
    /// The highest number of the ring as it is used now; 0 for a log of one file.
    var ringSize: Int
    var starts: [Int: Int]

    /// The numbers of the files, the oldest first.
    var order: [Int] {
        guard ringSize > 0 else { return [current] }
        let after = starts.keys.filter { $0 > current }.sorted()
        return after + starts.keys.filter { $0 <= current }.sorted()
    }

    /// The position of the first item that still exists.
    var oldest: Int { order.first.flatMap { starts[$0] } ?? 0 }

    /// The position of the first item that stays when files have been emptied.
    func oldest(after emptied: [Int: Int]) -> Int {
        starts.map { max($0.value, emptied[$0.key] ?? 0) }.min() ?? 0
    }

    /// The file after `number` on the way to the current one.
    func next(after number: Int) -> Int? {
        let order = order
        guard number != current, let index = order.firstIndex(of: number) else { return nil }
        return index + 1 < order.count ? order[index + 1] : nil
    }
}

/// What info/1 tells of a log's contents.
package struct LogFigures: Equatable, Sendable {
    /// Items written since the opening, heads and recovered ones included.
    package var writtenItems = 0
    /// A halt log: whether it is full.
    package var isFull = false
    /// The byte count of the current file that decides when it is full.
    package var currentBytes = 0
    /// Items of the current file, its head included.
    package var currentItems = 0
    /// A ring: items of each file by its index, which knows nothing of the one that is written.
    var counts: [Int] = []
    /// The file that is written, from 1.
    package var currentFile = 0
    /// How often a ring moved on since the opening.
    package var overflows = 0

    /// Items of all files.
    package var items: Int {
        guard currentFile > 0 else { return writtenItems }
        let others = counts.enumerated().filter { $0.offset + 1 != currentFile }
        return others.reduce(currentItems) { $0 + $1.element }
    }
}
