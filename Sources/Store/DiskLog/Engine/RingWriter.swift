/// Writes a wrap log: a ring of files, of which one is written.
///
/// Mirrors mf_int_log/2, mf_ext_log/2, inc_wrap/3 and change_size_wrap/3 of disk_log_1.
struct RingWriter: MovingWriter {
    let setting: LogSetting
    var appender: FileAppender
    var head: HeadMaker
    var index: RingIndex
    var sizeFile: RingSizeFile
    /// The number of files before a decrease that has not been carried out everywhere.
    var oldMaxFiles: Int?
    var place: LogPlace
    /// The position of each file's first item.
    var starts: [Int: Int]
    var overflows = 0
    /// Items written since the opening to files that are not written any more, less what the
    /// current file had then.
    var writtenBefore: Int
    /// Files, and the index, that were written and may not be durable.
    var unsynced = Unsynced()

    struct Unsynced {
        var files: [LogFile] = []
        var index: IndexWrite?
        var hasNewNames = false
    }

    /// So many files may wait for their sync before one is made to.
    private static let unsyncedLimit = 16

    var maxBytes: Int { Int(clamping: sizeFile.maxBytes) }
    var maxFiles: Int { Int(sizeFile.maxFiles) }
    /// The number of files that the ring turns around in now.
    var ringSize: Int { max(oldMaxFiles ?? 0, maxFiles) }

    var size: LogSize { .files(maxBytes: maxBytes, maxFiles: maxFiles) }

    var map: LogMap {
        LogMap(current: index.current, ringSize: ringSize, starts: starts)
    }

    var figures: LogFigures {
        let others = index.counts.enumerated().filter { $0.offset + 1 != index.current }
        return LogFigures(
            writtenItems: writtenBefore + appender.records, currentBytes: appender.counted,
            currentItems: appender.records,
            items: others.reduce(appender.records) { $0 + $1.element },
            currentFile: index.current, overflows: overflows)
    }

    func path(_ number: Int) -> String { "\(setting.base).\(number)" }

    // MARK: - Writing

    mutating func writePending() throws(StoreError) { try appender.writePending() }

    mutating func sync() throws(StoreError) {
        try setting.place.sync()
        for file in unsynced.files { try file.sync() }
        unsynced.files = []
        if appender.file.isDirty { try appender.file.sync() }
        try unsynced.index?.sync()
        if unsynced.hasNewNames { try setting.directory.syncFolder(of: setting.base) }
        unsynced = Unsynced()
    }

    // MARK: - Moving on

    mutating func moveOn(isDurable: Bool) throws(StoreError) -> Int {
        try appender.writePending()
        if isDurable { try syncMove() }
        let number = nextNumber
        let bytes = try head.make(file: number)
        try removeFilesForDecrease()
        if isDurable, appender.file.isDirty { try appender.file.sync() }
        var next = place
        next.start += appender.units
        next.file = UInt32(number)
        next.items = appender.units
        next.bytes = LogFile.startSize(setting.format, head: bytes)
        next.isMoving = number == index.current
        do throws(StoreError) {
            try setting.place.write(next)
            setting.emptied.withLock { _ = $0.insert(number) }
            return next.isMoving
                ? try replaceFile(next, bytes, isDurable)
                : try emptyFile(number, next, bytes, isDurable)
        } catch {
            try? setting.place.write(place)
            if !setting.directory.exists(path(number)) { starts[number] = nil }
            throw error
        }
    }

    /// At most one move is not durable, so that after a power loss it is known how far the log was.
    private mutating func syncMove() throws(StoreError) {
        guard let written = unsynced.index else { return }
        try setting.place.sync()
        try written.sync()
        unsynced.index = nil
    }

    private mutating func emptyFile(
        _ number: Int, _ next: LogPlace, _ head: [UInt8]?, _ isDurable: Bool
    ) throws(StoreError) -> Int {
        let old = appender.file
        let file = try LogFile.create(
            path(number), format: setting.format, head: head, in: setting.directory)
        let lost = index[number]
        do throws(StoreError) {
            // The index must not say so before the file is empty, also after a power loss.
            if isDurable { try file.sync() }
            try turn(to: number, next, file, head)
        } catch {
            setting.directory.discard(path(number))
            throw error
        }
        try? old.mark(.closed)
        return lost
    }

    /// The only file of a ring: the new one takes its place at once.
    private mutating func replaceFile(
        _ next: LogPlace, _ head: [UInt8]?, _ isDurable: Bool
    ) throws(StoreError) -> Int {
        let number = index.current
        let lost = appender.records
        if isDurable { try setting.place.sync() }
        let file = try LogFile.replace(
            path(number), format: setting.format, head: head, in: setting.directory)
        do throws(StoreError) {
            try turn(to: number, next, file, head)
            place.isMoving = false
            try setting.place.write(place)
        } catch {
            // The old file is gone, and it is not known that it is.
            throw error.poisoning
        }
        return lost
    }

    /// Makes `file` the one that is written.
    private mutating func turn(
        to number: Int, _ next: LogPlace, _ file: LogFile, _ headBytes: [UInt8]?
    ) throws(StoreError) {
        let old = index.current
        var turned = index
        turned.current = number
        turned[old] = appender.records
        unsynced.index = try turned.write(
            setting.base, countOf: old, in: setting.directory)
        index = turned
        place = next
        starts[number] = place.start
        unsynced.hasNewNames = true
        writtenBefore += appender.records
        overflows += 1
        unsynced.files.append(appender.file)
        appender = FileAppender(new: file, head: headBytes, writes: appender.writes)
        if unsynced.files.count > Self.unsyncedLimit { try unsynced.files.removeFirst().sync() }
    }

    /// The number of the file after the current one; inc_wrap/3.
    private var nextNumber: Int {
        guard oldMaxFiles != nil else { return index.current % maxFiles + 1 }
        return index.current >= maxFiles ? 1 : index.current + 1
    }

    /// A decrease is carried out where the ring ends: files above the current one go.
    ///
    /// Those between the new maximum and the current one stay until the new maximum is filled.
    private mutating func removeFilesForDecrease() throws(StoreError) {
        guard let old = oldMaxFiles, index.current >= maxFiles else { return }
        try removeFiles(from: index.current + 1, through: old)
        if index.current > maxFiles {
            oldMaxFiles = index.current
        } else {
            oldMaxFiles = nil
            try index.truncate(setting.base, to: maxFiles, in: setting.directory)
        }
    }

    mutating func removeFiles(from first: Int, through last: Int) throws(StoreError) {
        guard first <= last else { return }
        for number in first...last {
            starts[number] = nil
            setting.directory.discard(path(number))
        }
        unsynced.hasNewNames = true
    }

    // MARK: - Changing

    mutating func changeSize(_ size: LogSize) throws(StoreError) {
        guard case .files(let bytes, let files) = size else {
            throw .badArgument(option: "size", detail: "a wrap log's size is bytes and files")
        }
        let before = maxFiles
        sizeFile = RingSizeFile(
            maxBytes: UInt64(bytes), maxFiles: UInt32(files), version: sizeFile.version)
        try sizeFile.write(setting.base, in: setting.directory)
        // The original forgets the largest maximum at a second change.
        let highest = max(oldMaxFiles ?? 0, before)
        if files < highest {
            oldMaxFiles = highest
        } else {
            oldMaxFiles = nil
            try removeFiles(from: highest + 1, through: files)
        }
    }

    mutating func changeHead(_ head: LogHead) { self.head.head = head }

    mutating func close() throws(StoreError) {
        guard setting.mode == .readWrite else { return }
        try writePending()
        if appender.file.isDirty { try appender.file.sync() }
        index[index.current] = appender.records
        _ = try index.write(setting.base, countOf: index.current, in: setting.directory)
        try appender.file.close()
        try setting.place.close(&place, appender)
    }
}
