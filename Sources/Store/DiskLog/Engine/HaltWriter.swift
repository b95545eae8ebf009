/// Writes a halt log: one file, with or without a limit.
struct HaltWriter: LogWriter {
    let setting: LogSetting
    private(set) var appender: FileAppender
    private var head: HeadMaker
    private var limit: Int?
    private var isFull: Bool
    /// As of the last write that succeeded.
    private var wasFull = false
    private var written: Int
    private(set) var place: LogPlace

    init(
        _ setting: LogSetting, _ opened: LogOpening.File, head: HeadMaker, size: LogSize
    ) throws(StoreError) {
        self.setting = setting
        self.head = head
        appender = opened.appender
        place = opened.place
        written = opened.itemsWritten
        isFull = false
        if case .bytes(let bytes) = size {
            limit = bytes
            // The original forgets such a limit; here the log is full, as asked for.
            isFull = opened.appender.counted > bytes
        }
        wasFull = isFull
        if setting.mode == .readWrite { try setting.place.write(place) }
    }

    var map: LogMap { LogMap(current: 0, ringSize: 0, starts: [0: place.start]) }

    var size: LogSize { limit.map { .bytes($0) } ?? .infinity }

    var figures: LogFigures {
        LogFigures(
            writtenItems: written, isFull: isFull, currentBytes: appender.counted,
            currentItems: appender.records)
    }

    mutating func add(_ append: Append, isDurable: Bool) throws(StoreError) -> Addition {
        var addition = Addition()
        if appender.isLarge { try writePending() }
        addition.first = position
        addition.next = addition.first
        if hasRoom(for: countedSize(append)) {
            appender.add(append)
            addition.count = append.lengths.count
        } else if !append.isAtomic {
            append.forEachRecord { record in
                guard hasRoom(for: appender.countedSize(record.count)) else { return false }
                appender.add(record)
                addition.count += 1
                return true
            }
        }
        written += addition.count
        addition.next = position
        if addition.count < append.lengths.count || isFull {
            isFull = true
            addition.isFull = true
        }
        return addition
    }

    private func hasRoom(for counted: Int) -> Bool {
        !isFull && limit.map { appender.counted + counted <= $0 } ?? true
    }

    mutating func writePending() throws(StoreError) {
        let before = appender.records
        do throws(StoreError) {
            try appender.writePending()
        } catch {
            written -= before - appender.records
            // It may have been full only with what is not there now.
            isFull = wasFull
            throw error
        }
        wasFull = isFull
    }

    mutating func sync() throws(StoreError) {
        try setting.place.sync()
        if appender.file.isDirty { try appender.file.sync() }
    }

    mutating func moveOn(isDurable: Bool) throws(StoreError) -> Int {
        throw .log(.haltLog(name: setting.name))
    }

    /// The new file takes the place of the old one at once, so that a crash leaves one or the other.
    mutating func truncate(head given: LogHead?) throws(StoreError) {
        let bytes = try head.make(given, file: 0)
        let file = try LogFile.make(
            setting.base, format: setting.format, head: bytes, in: setting.directory)
        let before = place
        do throws(StoreError) {
            try file.sync()
            try announce { (place) throws(StoreError) in place.bytes = try file.inode() }
            setting.emptied.withLock { [start = place.start] in $0[0] = start }
            try file.publish(in: setting.directory)
        } catch {
            file.abandon(in: setting.directory)
            place = before
            try setting.place.write(place)
            throw error
        }
        try setting.directory.syncFolder(of: setting.base)
        try start(file, bytes)
    }

    /// The old file has its new name before a new one is made.
    mutating func reopen(as base: String, head given: LogHead?) throws(StoreError) {
        let bytes = try head.make(given, file: 0)
        try close()
        try announce { place in
            place.bytes = 0
            place.isReopening = true
        }
        try setting.directory.rename(setting.base, to: base)
        try setting.directory.syncFolder(of: base)
        try setting.directory.syncFolder(of: setting.base)
        try settle()
        let file = try LogFile.make(
            setting.base, format: setting.format, head: bytes, in: setting.directory)
        try file.sync()
        try file.publish(in: setting.directory)
        try setting.directory.syncFolder(of: setting.base)
        try start(file, bytes)
    }

    /// Says where the next file starts, before it takes the place of this one.
    private mutating func announce(
        _ change: (inout LogPlace) throws(StoreError) -> Void
    ) throws(StoreError) {
        var next = place.moving(after: appender.units, generations: 1)
        try change(&next)
        try setting.place.write(next)
        try setting.place.sync()
        place = next
    }

    /// What was announced is done.
    private mutating func settle() throws(StoreError) {
        place.settle()
        try setting.place.write(place)
        try setting.place.sync()
    }

    private mutating func start(_ file: LogFile, _ bytes: [UInt8]?) throws(StoreError) {
        appender = FileAppender(
            new: file, head: bytes, keys: setting.gate.keys, writes: appender.writes)
        written = appender.records
        (isFull, wasFull) = (false, false)
        try settle()
    }

    mutating func changeSize(_ size: LogSize) throws(StoreError) {
        if case .bytes(let bytes) = size {
            guard appender.counted <= bytes else {
                throw .log(
                    .newSizeTooSmall(name: setting.name, current: appender.counted))
            }
            limit = bytes
        } else {
            limit = nil
        }
        (isFull, wasFull) = (false, false)
    }

    mutating func changeHead(_ head: LogHead) { self.head.head = head }

    mutating func close() throws(StoreError) {
        guard setting.mode == .readWrite else { return }
        try writePending()
        try appender.file.close()
        try setting.place.close(&place, appender)
    }
}
