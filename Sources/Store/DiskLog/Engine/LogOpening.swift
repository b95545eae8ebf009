/// How the file that is to be written is opened: created, taken as it is, or repaired; and where it
/// stands in the count of all that was ever logged.
struct LogOpening {
    /// The file, ready to be written.
    struct File {
        var appender: FileAppender
        var place: LogPlace
        /// What the original counts as written since the opening.
        var itemsWritten = 0
        var result = LogOpened.ok
    }

    let setting: LogSetting
    let repair: RepairMode
    /// 0 for a log of one file.
    let number: Int
    let path: String
    /// Items that the index gives the file; nil for a log of one file.
    let indexed: Int?
    let places: LogPlaces

    /// - Throws: `.needRepair`, `.notALogFile`, `.noSuchFile`, `.invalidHeader`, and what files do.
    func open(_ head: inout HeadMaker) throws(StoreError) -> File {
        var opened = try openOrCreate(&head)
        if setting.mode == .readWrite { try cutUnfinished(&opened) }
        return opened
    }

    /// An append with a key that a crash has left in part is taken out.
    private func cutUnfinished(_ opened: inout File) throws(StoreError) {
        let (start, generation) = (opened.place.start, Int(opened.place.generation))
        let keys = setting.gate.keys
        let tail = start + opened.appender.units
        let cut = try keys.cut(tail: tail, generation: generation)
        if let cut, cut >= start { try opened.appender.cut(toUnits: cut - start) }
        try keys.settle(tail: start + opened.appender.units, generation: generation)
    }

    private func openOrCreate(_ head: inout HeadMaker) throws(StoreError) -> File {
        let exists = setting.directory.exists(path)
        if setting.mode == .readOnly {
            guard exists else { throw .log(.noSuchFile(file: path)) }
            let file = try openFile()
            if setting.format == .internal { _ = try file.mark() }
            return try existing(file, isClosed: false, repaired: nil)
        }
        guard exists, repair != .truncate else { return try create(&head, replacing: exists) }
        let file = try openFile()
        let mark = setting.format == .internal ? try file.mark() : .closed
        if mark == .closed {
            let opened = try existing(file, isClosed: true, repaired: nil)
            try file.mark(.opened)
            return opened
        }
        guard repair == .repair else { throw .log(.needRepair(file: path)) }
        let outcome = try LogRepair.run(
            path, isSuspect: places.isSuspect, in: setting.directory)
        let repaired = try openFile()
        try repaired.mendMark()
        return try existing(repaired, isClosed: false, repaired: outcome)
    }

    private func openFile() throws(StoreError) -> LogFile {
        try LogFile.open(path, format: setting.format, mode: setting.mode, in: setting.directory)
    }

    private func create(
        _ head: inout HeadMaker, replacing: Bool
    ) throws(StoreError) -> File {
        let bytes = try head.make(file: number)
        var place = places.placeOfNew(number)
        if replacing {
            place.epoch += 1
        } else if places.isMoving {
            // Beside a new file the slot would say that the old one had never left.
            try setting.place.write(place)
            try setting.place.sync()
        }
        let file = try LogFile.make(
            path, format: setting.format, head: bytes, in: setting.directory)
        try file.sync()
        try file.publish(in: setting.directory)
        try setting.directory.syncFolder(of: path)
        let appender = FileAppender(new: file, head: bytes, keys: setting.gate.keys)
        return File(appender: appender, place: place, itemsWritten: appender.records)
    }

    private func existing(
        _ file: LogFile, isClosed: Bool, repaired: LogRepair.Outcome?
    ) throws(StoreError) -> File {
        var (place, known) = places.place(
            of: number, size: file.end, inode: try file.inode(), isClosed: isClosed)
        if repaired?.wasRewritten == true { place.epoch += 1 }
        let units = try units(of: file, repaired?.recovered ?? known ?? indexedItems(file))
        // Of a log that was closed the index is believed, as the original believes it.
        let believed = places.wasLeftOpen ? nil : indexed
        let records =
            setting.format == .internal
            ? repaired?.recovered ?? believed ?? units : indexed ?? 0
        var opened = File(
            appender: FileAppender(
                existing: file, records: records, units: units, keys: setting.gate.keys),
            place: place)
        if let repaired {
            opened.result = .repaired(
                recovered: repaired.recovered, badBytes: repaired.badBytes,
                firstBad: repaired.firstBad)
            opened.itemsWritten = indexed == nil ? repaired.recovered : 0
        }
        return opened
    }

    private func units(of file: LogFile, _ known: Int?) throws(StoreError) -> Int {
        if setting.format == .external { return file.end }
        if let known { return known }
        return try LogCounter.count(file).items
    }

    /// The index knows the count of a file that was closed; of others it says 0, or after a crash
    /// what the file held before it was made anew.
    private func indexedItems(_ file: LogFile) -> Int? {
        if places.wasLeftOpen { return nil }
        return indexed.flatMap { $0 > 0 || file.end == LogMark.headerSize ? $0 : nil }
    }
}

/// What became of a log when it was opened.
package enum LogOpened: Equatable, Sendable {
    case ok
    /// - firstBad: where in the file the first bad byte was, if there was one.
    case repaired(recovered: Int, badBytes: Int, firstBad: Int?)
}

/// What is remembered of a log's place, against what its files show.
struct LogPlaces {
    private let slots: [LogPlace]
    /// Items of the files of a ring by its index, to carry on where a slot is one file behind.
    var counts: [Int: Int] = [:]

    init(_ slots: [LogPlace]) { self.slots = slots }

    private var newest: LogPlace {
        slots.first ?? LogPlace(identity: .random(in: 1...UInt32.max), boot: LogPlace.currentBoot)
    }

    /// Whether a flush has failed since the log was opened the last time.
    var isSuspect: Bool { slots.first?.isSuspect ?? false }

    /// The place of a file that is made now: behind everything that is known.
    func placeOfNew(_ number: Int) -> LogPlace {
        var place = newest
        if !place.isMoving {
            place.start += max(place.items, counts[Int(place.file)] ?? 0)
        }
        return opened(place, number)
    }

    /// Slots that are newer than the one of the file `current`: of moves that the index does not know.
    func overtaken(_ current: Int) -> [LogPlace] {
        guard let index = slots.firstIndex(where: { $0.file == current }) else { return [] }
        return Array(slots[..<index])
    }

    /// The file of a ring that was written before the file `current`, and the units that it holds; nil
    /// if they are not known, or the log was emptied in between.
    func before(_ current: Int, inode: Int) -> (number: Int, units: Int)? {
        let move = slots.first { $0.file == current && $0.isMoving && $0.bytes == inode }
        guard let move, let newest = slots.first(where: { $0.file == current }) else { return nil }
        // A move that failed has left a slot too, of a file that was never written.
        let before = slots.first {
            $0.file != current && $0.start == move.start - move.items
                && $0.generation == move.generation
        }
        guard let before, before.file > 0, newest.generation == move.generation else { return nil }
        return (Int(before.file), move.items)
    }

    /// Whether the newest slot was written before its file was.
    var isMoving: Bool { newest.isMoving }

    /// Whether the log was not closed when it was written the last time.
    var wasLeftOpen: Bool { slots.first.map { !$0.isClosed } ?? false }

    /// The place of a file that is there, and how many items it has if that is certain.
    func place(
        of number: Int, size: Int, inode: Int, isClosed: Bool
    ) -> (place: LogPlace, items: Int?) {
        guard var place = slots.first(where: { $0.file == number }) else {
            var place = placeOfNew(number)
            // Made elsewhere if nothing is known; else changed elsewhere.
            if !slots.isEmpty { place.epoch += 1 }
            return (place, nil)
        }
        if place.isMoving {
            if inode != place.bytes { place.start -= place.items }
            return (opened(place, number), nil)
        }
        let isSame = place.isClosed && isClosed && size == place.bytes
        let isOurCrash =
            !place.isClosed && !isClosed && place.boot == LogPlace.currentBoot && !isSuspect
        if !isSame && !isOurCrash { place.epoch += 1 }
        let items = isSame ? place.items : nil
        return (opened(place, number), items)
    }

    private func opened(_ place: LogPlace, _ number: Int) -> LogPlace {
        var place = place
        place.file = UInt32(number)
        place.isClosed = false
        place.settle()
        place.isSuspect = false
        place.boot = LogPlace.currentBoot
        return place
    }
}

/// Counts the items of an internal file, as far as they are whole.
enum LogCounter {
    /// The items from the start, and where the first byte lies that is none.
    static func count(_ file: LogFile) throws(StoreError) -> (items: Int, end: Int) {
        try count(file, limit: .max)
    }

    /// Where the first items end.
    static func end(ofItems count: Int, in file: LogFile) throws(StoreError) -> Int {
        try self.count(file, limit: count).end
    }

    private static func count(
        _ file: LogFile, limit: Int
    ) throws(StoreError) -> (items: Int, end: Int) {
        var window = FileWindow(file, end: file.end)
        var offset = LogMark.headerSize
        var items = 0
        while offset < window.end, items < limit {
            let frame = try window.withBytes(at: offset, count: 24) { LogItem.frame($0) }
            switch frame {
            case .item(let term, _): offset += term.upperBound
            case .incomplete(let needed) where needed <= window.end - offset: offset += needed
            default: return (items, offset)
            }
            items += 1
        }
        return (items, offset)
    }
}
