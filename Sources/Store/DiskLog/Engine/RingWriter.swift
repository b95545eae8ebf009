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
        var index: IndexWrite?
        var hasNewNames = false
        /// How often the ring has moved on since the last sync.
        var moves = 0

        mutating func add(_ write: IndexWrite) {
            index = write
            hasNewNames = true
            moves += 1
        }
    }

    var maxBytes: Int { Int(clamping: sizeFile.maxBytes) }
    var maxFiles: Int { Int(sizeFile.maxFiles) }
    /// The number of files that the ring turns around in now.
    var ringSize: Int { max(oldMaxFiles ?? 0, maxFiles) }

    var size: LogSize { .files(maxBytes: maxBytes, maxFiles: maxFiles) }

    var map: LogMap {
        LogMap(current: index.current, ringSize: ringSize, starts: starts)
    }

    var figures: LogFigures {
        LogFigures(
            writtenItems: writtenBefore + appender.records, currentBytes: appender.counted,
            currentItems: appender.records, counts: index.counts, currentFile: index.current,
            overflows: overflows)
    }

    func path(_ number: Int) -> String { "\(setting.base).\(number)" }

    // MARK: - Writing

    mutating func writePending() throws(StoreError) { try appender.writePending() }

    mutating func sync() throws(StoreError) {
        if appender.file.isDirty { try appender.file.sync() }
        try syncNames()
    }

    /// Puts on stable storage which files there are, and what is known of them.
    private mutating func syncNames() throws(StoreError) {
        try setting.place.sync()
        if unsynced.hasNewNames { try setting.directory.syncFolder(of: setting.base) }
        try unsynced.index?.sync()
        unsynced = Unsynced()
    }

    // MARK: - Moving on

    mutating func moveOn(isDurable: Bool) throws(StoreError) -> Int {
        try appender.writePending()
        let number = nextNumber
        let bytes = try head.make(file: number)
        try removeFilesForDecrease()
        let old = appender.file
        // It is about to be marked closed: a tear that the mark hides would stay for good.
        if old.isDirty { try old.sync() }
        // After a power loss the slots and the index must not be further apart than one move.
        if unsynced.moves > 0 { try syncNames() }
        let file = try LogFile.make(
            path(number), format: setting.format, head: bytes, in: setting.directory)
        var isPublished = false
        do throws(StoreError) {
            return try turn(to: number, file, bytes, isDurable: isDurable, &isPublished)
        } catch {
            try stay(number, file, isPublished, because: error)
            throw error
        }
    }

    /// The log stays where it is: that must be what slots, index and files say.
    private mutating func stay(
        _ number: Int, _ file: LogFile, _ isPublished: Bool, because error: StoreError
    ) throws(StoreError) {
        guard isPublished else {
            file.abandon(in: setting.directory)
            return try setting.place.write(place)
        }
        guard number != index.current else {
            throw .failed(detail: "\(error.summary), when a new file was in place already")
        }
        try setting.directory.remove(path(number))
        starts[number] = nil
        if number <= index.counts.count {
            index[number] = 0
            unsynced.index = try index.write(
                setting.base, countOf: number, in: setting.directory)
        }
        try setting.place.write(place)
    }

    /// Makes `file` the one that is written; how many items of its former self are gone.
    ///
    /// Nothing that the ring remembers is changed before all is done.
    private mutating func turn(
        to number: Int, _ file: LogFile, _ headBytes: [UInt8]?, isDurable: Bool,
        _ isPublished: inout Bool
    ) throws(StoreError) -> Int {
        let (old, oldFile) = (index.current, appender.file)
        if isDurable { try file.sync() }
        var next = place.moving(after: appender.units)
        next.file = UInt32(number)
        next.bytes = try file.inode()
        try setting.place.write(next)
        try setting.place.sync()
        setting.emptied.withLock { $0[number] = next.start }
        try file.publish(in: setting.directory)
        isPublished = true
        if number != old { starts[number] = nil }
        // The index must not say so before the file is there, also after a power loss.
        if isDurable { try setting.directory.syncFolder(of: setting.base) }
        var turned = index
        let lost = number == old ? appender.records : index[number]
        turned.current = number
        turned[old] = appender.records
        let write = try turned.write(setting.base, countOf: old, in: setting.directory)
        index = turned
        next.settle()
        place = next
        starts[number] = place.start
        unsynced.add(write)
        writtenBefore += appender.records
        overflows += 1
        appender = FileAppender(
            new: file, head: headBytes, keys: setting.gate.keys, writes: appender.writes)
        // What is left spares the next opening some work, and is made up for by it.
        try? setting.place.write(place)
        if number != old { try? oldFile.mark(.closed) }
        return lost
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
            setting.emptied.withLock { $0[number] = .max }
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
        let changed = RingSizeFile(
            maxBytes: UInt64(bytes), maxFiles: UInt32(files), version: sizeFile.version)
        do throws(StoreError) {
            try changed.write(setting.base, in: setting.directory)
        } catch {
            // It may have its name already, and only the flush behind that have failed.
            try? sizeFile.write(setting.base, in: setting.directory)
            throw error
        }
        // The original forgets the largest maximum at a second change.
        let highest = max(oldMaxFiles ?? 0, maxFiles)
        sizeFile = changed
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
        // Before the mark: of a file that is marked closed the count is believed.
        index[index.current] = appender.records
        _ = try index.write(setting.base, countOf: index.current, in: setting.directory)
        try appender.file.close()
        try setting.place.close(&place, appender)
    }
}
