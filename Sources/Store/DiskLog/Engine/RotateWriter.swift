/// Writes a rotate log: one file of external format, and compressed archives of those before.
///
/// Mirrors the log type that disk_log has since OTP 26. Positions count the bytes of all files, of
/// which only the one that is written can be read here.
struct RotateWriter: MovingWriter {
    let setting: LogSetting
    var appender: FileAppender
    private(set) var place: LogPlace
    private(set) var maxBytes: Int
    private var maxFiles: Int
    private var head: HeadMaker
    /// Of the files before this one.
    private var written: Int
    private var overflows = 0
    private var unsynced: [LogFile] = []
    private var hasNewNames = false

    private var archives: RotateArchives {
        RotateArchives(base: setting.base, directory: setting.directory)
    }

    /// Takes over the file as it was opened; a head is written to it also if it was there before.
    init(
        _ setting: LogSetting, _ opened: LogOpening.File, head: HeadMaker, maxBytes: Int,
        maxFiles: Int
    ) throws(StoreError) {
        self.setting = setting
        self.head = head
        self.maxBytes = maxBytes
        self.maxFiles = maxFiles
        appender = opened.appender
        place = opened.place
        written = 0
        guard setting.mode == .readWrite else { return }
        try archives.tidy(maxFiles: maxFiles)
        if opened.itemsWritten == 0, let bytes = try self.head.make(file: 0) {
            bytes.withUnsafeBytes { appender.add($0) }
            try appender.writePending()
        }
        try setting.place.write(place)
    }

    var map: LogMap { LogMap(current: 0, ringSize: 0, starts: [0: place.start]) }

    var size: LogSize { .files(maxBytes: maxBytes, maxFiles: maxFiles) }

    var figures: LogFigures {
        LogFigures(
            writtenItems: written + appender.records, currentBytes: appender.counted,
            currentItems: appender.records, items: written + appender.records,
            overflows: overflows)
    }

    mutating func writePending() throws(StoreError) { try appender.writePending() }

    mutating func sync() throws(StoreError) {
        try setting.place.sync()
        for file in unsynced { try file.sync() }
        unsynced = []
        if appender.file.isDirty { try appender.file.sync() }
        if hasNewNames { try setting.directory.syncFolder(of: setting.base) }
        hasNewNames = false
    }

    mutating func moveOn(isDurable: Bool) throws(StoreError) -> Int {
        try appender.writePending()
        // Else what could not be compressed the last time would be overwritten.
        try archives.compressLeft()
        let bytes = try head.make(file: 0)
        // The archive holds what was acknowledged: it must not depend on the page cache.
        if appender.file.isDirty { try appender.file.sync() }
        let before = place
        do throws(StoreError) {
            try announce(newSize: bytes?.count ?? 0)
            try archives.push(maxFiles: maxFiles)
            try start(bytes)
        } catch {
            place = before
            if case .syncFailed = error { throw error }
            try archives.takeBack()
            throw error
        }
        // What can't be compressed now is at the next move, or at the next opening.
        try? archives.compressLeft()
        overflows += 1
        return 0
    }

    private mutating func announce(newSize: Int) throws(StoreError) {
        place.start += appender.units
        place.items = appender.units
        place.bytes = newSize
        place.isMoving = true
        try setting.place.write(place)
        setting.emptied.withLock { _ = $0.insert(0) }
    }

    private mutating func start(_ headBytes: [UInt8]?) throws(StoreError) {
        let file = try LogFile.replace(
            setting.base, format: .external, head: headBytes, in: setting.directory)
        hasNewNames = true
        written += appender.records
        appender = FileAppender(new: file, head: headBytes, writes: appender.writes)
        place.isMoving = false
        do throws(StoreError) {
            try setting.place.write(place)
        } catch {
            throw error.poisoning
        }
    }

    /// Removes all archives too; the original ends here if there is a head.
    mutating func truncate(head given: LogHead?) throws(StoreError) {
        let bytes = try head.make(given, file: 0)
        try appender.writePending()
        place.generation += 1
        try announce(newSize: bytes?.count ?? 0)
        try setting.place.sync()
        archives.removeAll(maxFiles: maxFiles)
        setting.directory.discard(setting.base)
        try start(bytes)
        written = 0
        try sync()
    }

    mutating func reopen(as base: String, head given: LogHead?) throws(StoreError) {
        let bytes = try head.make(given, file: 0)
        try close()
        place.generation += 1
        place.isClosed = false
        try announce(newSize: bytes?.count ?? 0)
        try setting.place.sync()
        try archives.moveAway(to: base, maxFiles: maxFiles)
        place.items = 0
        place.isMoving = false
        try setting.place.write(place)
        try setting.place.sync()
        try start(bytes)
        written = 0
        overflows = 0
        try sync()
    }

    mutating func changeSize(_ size: LogSize) throws(StoreError) {
        guard case .files(let bytes, let files) = size else {
            throw .badArgument(option: "size", detail: "a rotate log's size is bytes and files")
        }
        maxBytes = bytes
        maxFiles = files
        try archives.removeBeyond(files)
    }

    mutating func changeHead(_ head: LogHead) { self.head.head = head }

    mutating func close() throws(StoreError) {
        guard setting.mode == .readWrite else { return }
        try writePending()
        if appender.file.isDirty { try appender.file.sync() }
        try setting.place.close(&place, appender)
    }
}
