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

    var archiveCount: Int { maxFiles }

    /// Compresses what could not be when the log went on.
    func finishArchives() throws(StoreError) {
        if setting.mode == .readWrite { try archives.tidy(maxFiles: maxFiles) }
    }

    var figures: LogFigures {
        LogFigures(
            writtenItems: written + appender.records, currentBytes: appender.counted,
            currentItems: appender.records, overflows: overflows)
    }

    mutating func writePending() throws(StoreError) { try appender.writePending() }

    mutating func sync() throws(StoreError) {
        try setting.place.sync()
        if appender.file.isDirty { try appender.file.sync() }
        if hasNewNames { try setting.directory.syncFolder(of: setting.base) }
        hasNewNames = false
    }

    mutating func moveOn(isDurable: Bool) throws(StoreError) -> Int {
        try appender.writePending()
        let bytes = try head.make(file: 0)
        // The archive holds what was acknowledged: it must not depend on the page cache.
        if appender.file.isDirty { try appender.file.sync() }
        try replaceFile(bytes, generations: 0) { (archives, maxFiles) throws(StoreError) in
            try archives.push(maxFiles: maxFiles)
        }
        overflows += 1
        // What stays uncompressed is compressed before the next move, or at the next opening.
        try? archives.compressNewest()
        return 0
    }

    /// Puts a new file in the place of the one that is written; `clear` moves that away.
    private mutating func replaceFile(
        _ headBytes: [UInt8]?, generations: UInt32,
        _ clear: (RotateArchives, Int) throws(StoreError) -> Void
    ) throws(StoreError) {
        let file = try LogFile.make(
            setting.base, format: .external, head: headBytes, in: setting.directory)
        var next = place.moving(after: appender.units, generations: generations)
        do throws(StoreError) {
            next.bytes = try file.inode()
            try setting.place.write(next)
            setting.emptied.withLock { [start = next.start] in $0[0] = start }
            try clear(archives, maxFiles)
            if next.isReopening {
                // Known before there is a new file: that one must not be moved away as well.
                next.settle()
                try setting.place.write(next)
                try setting.place.sync()
            }
            try file.publish(in: setting.directory)
        } catch {
            file.abandon(in: setting.directory)
            try? archives.takeBack()
            try? setting.place.write(place)
            throw error
        }
        next.settle()
        place = next
        hasNewNames = true
        written += appender.records
        appender = FileAppender(
            new: file, head: headBytes, keys: setting.gate.keys, writes: appender.writes)
        try? setting.place.write(place)
    }

    /// Removes all archives too; the original ends here if there is a head.
    mutating func truncate(head given: LogHead?) throws(StoreError) {
        let bytes = try head.make(given, file: 0)
        try appender.writePending()
        try replaceFile(bytes, generations: 1) { (archives, maxFiles) throws(StoreError) in
            try archives.removeAll(maxFiles: maxFiles)
        }
        written = 0
        try sync()
    }

    mutating func reopen(as base: String, head given: LogHead?) throws(StoreError) {
        let bytes = try head.make(given, file: 0)
        try close()
        place.isReopening = true
        defer { place.isReopening = false }
        try replaceFile(bytes, generations: 1) { (archives, maxFiles) throws(StoreError) in
            try archives.moveAway(to: base, maxFiles: maxFiles)
        }
        written = 0
        overflows = 0
        try sync()
    }

    mutating func changeSize(_ size: LogSize) throws(StoreError) {
        guard case .files(let bytes, let files) = size else {
            throw .badArgument(option: "size", detail: "a rotate log's size is bytes and files")
        }
        try archives.removeBeyond(files, former: maxFiles)
        maxBytes = bytes
        maxFiles = files
    }

    mutating func changeHead(_ head: LogHead) { self.head.head = head }

    mutating func close() throws(StoreError) {
        guard setting.mode == .readWrite else { return }
        try writePending()
        if appender.file.isDirty { try appender.file.sync() }
        try setting.place.close(&place, appender)
    }
}
