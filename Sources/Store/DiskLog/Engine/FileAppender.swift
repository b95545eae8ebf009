/// The end of the file that a log is writing: what waits to be written, and the counts.
///
/// Records are gathered and written with one call. What could not be written is taken out of the
/// counts again, so that they always say what is in the file.
struct FileAppender {
    /// What the records that wait come to.
    private struct Tally {
        var records = 0
        var counted = 0
    }

    let file: LogFile
    /// The byte count that limits the file: large items' digests are not in it.
    private(set) var counted: Int
    /// The count when the file held nothing but its head; 0 for one that was there before.
    let first: Int
    /// Records of the file as far as they are known, the head included.
    private(set) var records: Int
    /// Positions that the file holds: items, or bytes of an external file.
    private(set) var units: Int
    /// Writes that succeeded, to tell whether what was gathered before is in the file.
    private(set) var writes: Int

    private let keys: AppendKeys
    private var pending: [UInt8] = []
    private var tally = Tally()

    /// Much for one call, and little enough to be in the processor's cache still when it is written.
    private static let pendingLimit = 256 << 10

    /// A file that was just made, with nothing but its head.
    ///
    /// - Parameter writes: to carry on the count of the file before.
    init(new file: LogFile, head: [UInt8]?, keys: AppendKeys, writes: Int = 0) {
        self.file = file
        self.keys = keys
        self.writes = writes
        let isInternal = file.format == .internal
        counted =
            (isInternal ? LogMark.headerSize : 0)
            + (head.map { isInternal ? LogItem.countedSize($0.count) : $0.count } ?? 0)
        first = counted
        records = head == nil ? 0 : 1
        units = isInternal ? records : file.end
    }

    /// A file that was there before.
    init(existing file: LogFile, records: Int, units: Int, keys: AppendKeys) {
        self.file = file
        self.keys = keys
        counted = file.end
        first = 0
        writes = 0
        self.records = records
        self.units = units
    }

    /// Whether records wait to be written.
    var hasPending: Bool { tally.records > 0 }

    /// What a record of that size adds to the count.
    func countedSize(_ size: Int) -> Int {
        file.format == .internal ? LogItem.countedSize(size) : size
    }

    /// Gathers all records of an append.
    mutating func add(_ append: Append) {
        append.forEachRecord { record in
            add(record)
            return true
        }
    }

    /// Gathers a record.
    mutating func add(_ record: UnsafeRawBufferPointer) {
        let before = pending.count
        if file.format == .internal {
            LogItem.append(record, to: &pending)
            units += 1
        } else {
            pending.append(contentsOf: record)
            units += pending.count - before
        }
        let size = countedSize(record.count)
        counted += size
        records += 1
        tally.counted += size
        tally.records += 1
    }

    /// Whether so much was gathered that it is to be written: between appends, so that none is written
    /// in part.
    var isLarge: Bool { pending.count > Self.pendingLimit }

    /// Hands what was gathered to the operating system.
    mutating func writePending() throws(StoreError) {
        guard hasPending else { return }
        defer {
            tally = Tally()
            pending.removeAll(keepingCapacity: pending.capacity <= 64 * 1024)
        }
        do throws(StoreError) {
            try keys.commit()
            try append()
            writes += 1
        } catch {
            counted -= tally.counted
            records -= tally.records
            units -= file.format == .internal ? tally.records : pending.count
            throw error
        }
    }

    private func append() throws(StoreError) {
        do throws(StoreError) {
            try file.append(pending)
        } catch {
            // Of records that could not be taken back the next opening decides.
            if !error.isFatal { try keys.revoke() }
            throw error
        }
        keys.confirm()
    }

    /// Takes the records behind the first `count` units out of the file, durably.
    mutating func cut(toUnits count: Int) throws(StoreError) {
        let isInternal = file.format == .internal
        let end = isInternal ? try LogCounter.end(ofItems: count, in: file) : count
        try file.truncate(to: end)
        try file.sync()
        if isInternal { records -= units - count }
        units = count
        counted = end
    }
}
