extension RingWriter {
    /// Opens a ring, or makes one; mf_int_open/7 and mf_ext_open/7 of disk_log_1.
    ///
    /// - Parameters:
    ///   - given: used where there is no size file.
    ///   - slots: what is remembered of the log's place, the newest first.
    static func open(
        _ setting: LogSetting, head: HeadMaker, size given: LogSize?, repair: RepairMode,
        slots: [LogPlace]
    ) throws(StoreError) -> (writer: RingWriter, opened: LogOpening.File) {
        let directory = setting.directory
        let sizeFile = try Self.sizeFile(setting, given)
        try finishTruncation(setting, slots)
        if repair == .truncate {
            for number in 2...max(2, Int(sizeFile.maxFiles)) {
                directory.discard("\(setting.base).\(number)")
            }
            directory.discard(RingIndex.path(setting.base))
        }
        var index = try readIndex(setting, maxFiles: Int(sizeFile.maxFiles))
        if setting.mode == .readWrite { try sizeFile.write(setting.base, in: directory) }
        var places = LogPlaces(slots)
        if setting.mode == .readWrite {
            try undoMoves(setting, places, &index)
            try restoreCount(setting, places, &index)
        }
        for (offset, count) in index.counts.enumerated() { places.counts[offset + 1] = count }
        var head = head
        let opened = try LogOpening(
            setting: setting, repair: repair, number: index.current,
            path: "\(setting.base).\(index.current)", indexed: index[index.current], places: places
        ).open(&head)
        var writer = RingWriter(setting, opened, head, index, sizeFile)
        if setting.mode == .readWrite {
            writer.index[index.current] = 0
            writer.unsynced.index = try writer.index.write(
                setting.base, countOf: index.current, in: directory)
        }
        // Counts that are missing in the index are not written to it, as the original does not.
        try writer.findStarts()
        if setting.mode == .readWrite { try setting.place.write(writer.place) }
        return (writer, opened)
    }

    private init(
        _ setting: LogSetting, _ opened: LogOpening.File, _ head: HeadMaker, _ index: RingIndex,
        _ sizeFile: RingSizeFile
    ) {
        self.setting = setting
        self.head = head
        self.index = index
        self.sizeFile = sizeFile
        appender = opened.appender
        place = opened.place
        starts = [:]
        writtenBefore = opened.itemsWritten - opened.appender.records
        // A decrease that was pending shows in an index of more files than there may be.
        let highest = max(index.counts.count, index.current)
        oldMaxFiles = highest > Int(sizeFile.maxFiles) ? highest : nil
    }

    /// Removes files that a move which the index does not know of has put in the place of others.
    ///
    /// Nothing in them was acknowledged, and what they took the place of was to go.
    private static func undoMoves(
        _ setting: LogSetting, _ places: LogPlaces, _ index: inout RingIndex
    ) throws(StoreError) {
        // Without counts it is known of no file that it was not acknowledged.
        guard !index.counts.isEmpty else { return }
        // The index of a log that was closed says how far it was, or was changed by others since.
        guard places.wasLeftOpen else { return }
        for place in places.overtaken(index.current) {
            let number = Int(place.file)
            let path = "\(setting.base).\(number)"
            // What was closed in good order is no move that was cut short: the index is not ours.
            guard number > 0, number != index.current, !place.isClosed,
                setting.directory.exists(path)
            else { continue }
            let file = try LogFile.open(
                path, format: setting.format, mode: .readOnly, in: setting.directory)
            if place.isMoving, try file.inode() != place.bytes { continue }
            setting.directory.discard(path)
            guard number <= index.counts.count else { continue }
            index[number] = 0
            _ = try index.write(setting.base, countOf: number, in: setting.directory)
        }
    }

    /// Puts the count of the file before the current one into the index if that has lost it.
    ///
    /// A power loss may keep what a move wrote last to the index and not what it wrote first. Without
    /// its count a file is not known to be one of the ring.
    private static func restoreCount(
        _ setting: LogSetting, _ places: LogPlaces, _ index: inout RingIndex
    ) throws(StoreError) {
        let current = "\(setting.base).\(index.current)"
        guard places.wasLeftOpen, setting.directory.exists(current) else { return }
        let inode = try LogFile.open(
            current, format: setting.format, mode: .readOnly, in: setting.directory
        ).inode()
        guard let (number, units) = places.before(index.current, inode: inode),
            setting.directory.exists("\(setting.base).\(number)")
        else { return }
        // Of bytes the index knows nothing, but that there is a file.
        let count = setting.format == .internal ? units : index[number]
        guard number > index.counts.count || index[number] != count else { return }
        index[number] = count
        try index.write(setting.base, countOf: number, in: setting.directory).sync()
    }

    private static func sizeFile(
        _ setting: LogSetting, _ given: LogSize?
    ) throws(StoreError) -> RingSizeFile {
        if let found = try RingSizeFile.read(setting.base, in: setting.directory) { return found }
        guard case .files(let bytes, let files) = given else {
            throw .badArgument(
                option: "size", detail: "a new wrap log needs a size: its files' bytes and number")
        }
        return RingSizeFile(maxBytes: UInt64(bytes), maxFiles: UInt32(files), version: 2)
    }

    /// The index; one that was damaged is put together again from the data files.
    private static func readIndex(
        _ setting: LogSetting, maxFiles: Int
    ) throws(StoreError) -> RingIndex {
        let current: Int
        switch try RingIndex.read(setting.base, in: setting.directory) {
        case .none: return .new
        case .whole(let index):
            if index.current <= max(maxFiles, index.counts.count + 1) { return index }
            // It names a file that the ring can't have.
            current = 1
        case .cut(let number): current = number <= maxFiles ? number : 1
        }
        var index = RingIndex(version: 2, current: current, counts: [])
        for number in 1...maxFiles {
            let path = "\(setting.base).\(number)"
            guard setting.directory.exists(path) else { continue }
            let file = try LogFile.open(
                path, format: setting.format, mode: .readOnly, in: setting.directory)
            if setting.format == .internal, (try? file.mark()) != nil {
                index[number] = try LogCounter.count(file).items
            }
        }
        if setting.mode == .readWrite { try index.replace(setting.base, in: setting.directory) }
        return index
    }

    /// The positions of the files' first items, from the current one backwards.
    private mutating func findStarts() throws(StoreError) {
        starts = [index.current: place.start]
        var next = place.start
        var number = index.current
        for _ in 1..<max(ringSize, 1) {
            number = number == 1 ? ringSize : number - 1
            guard setting.directory.exists(path(number)) else { continue }
            next -= try units(number)
            starts[number] = next
        }
        // What was made elsewhere starts at 0 with its oldest item.
        guard next < 0 else { return }
        starts = starts.mapValues { $0 - next }
        place.start -= next
        place.epoch += 1
    }

    private mutating func units(_ number: Int) throws(StoreError) -> Int {
        if setting.format == .internal, index[number] > 0 { return index[number] }
        let file = try LogFile.open(
            path(number), format: setting.format, mode: .readOnly, in: setting.directory)
        guard setting.format == .internal else { return file.end }
        // A power loss may have kept the count out of the index.
        if file.end > LogMark.headerSize, (try? file.mark()) != nil {
            index[number] = try LogCounter.count(file).items
        }
        return index[number]
    }

    // MARK: - Truncating

    /// Ends with file 1 alone; the original gets there by two moves in a ring of one file.
    ///
    /// The new file 1 waits beside the old one until the index is replaced: from then on the log is
    /// empty, whatever happens.
    mutating func truncate(head given: LogHead?) throws(StoreError) {
        let bytes = try head.make(given, file: 1)
        try appender.writePending()
        let new = Self.newFile(setting.base)
        let file = try LogFile.make(
            new, format: setting.format, head: bytes, in: setting.directory)
        let highest = max(ringSize, index.counts.count)
        let before = appender
        let emptied = RingIndex(
            version: index.version, current: 1, counts: [bytes == nil ? 0 : 1])
        do throws(StoreError) {
            try file.sync()
            try file.publish(in: setting.directory)
            // Before the index says that the log is empty: it would be what file 1 holds still.
            try setting.directory.syncFolder(of: setting.base)
            var next = place.moving(after: before.units, generations: 1)
            next.file = 1
            next.bytes = try file.inode()
            try setting.place.write(next)
            try setting.place.sync()
            try emptied.replace(setting.base, in: setting.directory)
            place = next
            index = emptied
            appender = FileAppender(new: file, head: bytes, keys: setting.gate.keys)
        } catch {
            file.abandon(in: setting.directory)
            setting.directory.discard(new)
            // The new index may have its name already, and only the flush behind it have failed.
            try? index.overwrite(setting.base, in: setting.directory)
            try setting.place.write(place)
            throw error
        }
        announceEmptying()
        do throws(StoreError) {
            try Self.finishTruncation(setting, highest: highest)
        } catch {
            // Not to be closed: the next opening carries on.
            throw .failed(detail: "\(error.summary), when the log was being emptied")
        }
        oldMaxFiles = nil
        starts = [1: place.start]
        overflows = 0
        // The original gets here by two moves, and counts a head for each.
        writtenBefore += before.records + (bytes == nil ? 0 : 1)
        unsynced = Unsynced()
        appender = FileAppender(
            new: try LogFile.open(
                path(1), format: setting.format, mode: .readWrite, in: setting.directory),
            head: bytes, keys: setting.gate.keys)
        place.settle()
        try setting.place.write(place)
    }

    /// What readers have begun with all files ends: none of them may be passed over as missing.
    private func announceEmptying() {
        let start = place.start
        setting.emptied.withLock { $0 = starts.mapValues { _ in start } }
    }

    static func newFile(_ base: String) -> String { base + ".1.NEW" }

    /// Carries on where a truncation was cut short behind the replacement of the index.
    private static func finishTruncation(
        _ setting: LogSetting, _ slots: [LogPlace]
    ) throws(StoreError) {
        guard setting.mode == .readWrite, setting.directory.exists(newFile(setting.base)),
            let place = slots.first, place.isMoving, place.file == 1
        else { return }
        guard case .whole(let index) = try RingIndex.read(setting.base, in: setting.directory),
            index.current == 1, index.counts.count == 1
        else { return setting.directory.discard(newFile(setting.base)) }
        try finishTruncation(setting, highest: LogSize.fileNumberLimit - 1)
    }

    private static func finishTruncation(
        _ setting: LogSetting, highest: Int
    ) throws(StoreError) {
        let base = setting.base
        // The new file goes last: while it waits, the next opening knows that others are to go.
        if highest >= 2 {
            for number in 2...highest { setting.directory.discard("\(base).\(number)") }
            try setting.directory.syncFolder(of: base)
        }
        try setting.directory.replace(base + ".1", with: newFile(base))
    }

    // MARK: - Reopening

    /// Gives all files another base name and starts anew; do_rename_files and what follows it.
    mutating func reopen(as base: String, head given: LogHead?) throws(StoreError) {
        let bytes = try head.make(given, file: 1)
        try close()
        var next = place.moving(after: appender.units, generations: 1)
        next.epoch += 1
        next.file = 1
        next.items = 0
        next.bytes = 0
        next.isReopening = true
        try setting.place.write(next)
        try setting.place.sync()
        place = next
        announceEmptying()
        try Self.renameFiles(
            setting.base, to: base, highest: max(ringSize, index.counts.count),
            in: setting.directory)
        place.settle()
        try setting.place.write(place)
        try setting.place.sync()
        let file = try LogFile.make(
            path(1), format: setting.format, head: bytes, in: setting.directory)
        try file.sync()
        try file.publish(in: setting.directory)
        index = RingIndex(version: 2, current: 1, counts: [0])
        sizeFile = RingSizeFile(
            maxBytes: sizeFile.maxBytes, maxFiles: sizeFile.maxFiles, version: 2)
        try index.replace(setting.base, in: setting.directory)
        try sizeFile.write(setting.base, in: setting.directory)
        oldMaxFiles = nil
        starts = [1: place.start]
        overflows = 0
        unsynced = Unsynced()
        appender = FileAppender(new: file, head: bytes, keys: setting.gate.keys)
        writtenBefore = 0
    }

    /// The files, then index and size file; names that are gone already are passed over.
    static func renameFiles(
        _ old: String, to base: String, highest: Int, in directory: DataDirectory
    ) throws(StoreError) {
        let suffixes = (1...highest).map { ".\($0)" } + [".idx", ".siz"]
        for suffix in suffixes where directory.exists(old + suffix) {
            try directory.rename(old + suffix, to: base + suffix)
        }
        try directory.syncFolder(of: base)
        try directory.syncFolder(of: old)
    }
}
