import Glibc

/// The repair of an internal file that was not closed: its good items are kept, in today's framing.
///
/// Mirrors disk_log_1:repair/2, item by item. The original copies every good item into a new file;
/// here nothing is written where nothing is bad, and what is only cut short at its end is cut back.
struct LogRepair {
    struct Outcome: Equatable {
        /// Items that were kept, the head included.
        var recovered = 0
        /// Bytes that were no item, counted as the original does.
        var badBytes = 0
        /// Where the first of them was.
        var firstBad: Int?
        /// Whether items lie elsewhere now than before.
        var wasRewritten = false
    }

    private let path: String
    /// Nil if nothing is to be changed.
    private let directory: DataDirectory?
    private var outcome = Outcome()
    /// The file up to here is good and is kept as it is.
    private var goodEnd = LogMark.headerSize
    /// Where good items go once one lies behind something bad.
    private var copy: LogFile?
    private var pending: [UInt8] = []

    private static let pendingLimit = 1 << 20

    /// Repairs the file at `path`; it keeps its opened mark.
    ///
    /// - Parameter isSuspect: whether a flush of the file has failed.
    static func run(
        _ path: String, isSuspect: Bool, in directory: DataDirectory
    ) throws(StoreError) -> Outcome {
        var repair = LogRepair(path: path, directory: directory)
        let file = try LogFile.open(path, format: .internal, mode: .readWrite, in: directory)
        // After a failed write-back the page cache may show what the device has lost.
        if isSuspect { file.dropCache() }
        do throws(StoreError) {
            try repair.scan(file, end: file.end)
            try repair.finish(file, in: directory)
        } catch {
            repair.copy?.abandon(in: directory)
            throw error
        }
        return repair.outcome
    }

    /// What a repair of the file would find, without one.
    ///
    /// - Parameter end: where the file ends for the caller.
    static func examine(_ file: LogFile, end: Int) throws(StoreError) -> Outcome {
        var repair = LogRepair(path: file.path, directory: nil)
        try repair.scan(file, end: end)
        return repair.outcome
    }

    private init(path: String, directory: DataDirectory?) {
        self.path = path
        self.directory = directory
    }

    private mutating func scan(_ file: LogFile, end: Int) throws(StoreError) {
        var scan = LogScan()
        try scan.run(file, end: end) { (item) throws(StoreError) in
            if copy == nil, goodEnd == item.offset, !item.isOld {
                goodEnd = item.end
            } else {
                try keep(item.term, file)
            }
            return true
        }
        outcome.recovered = scan.items
        outcome.badBytes = scan.badBytes
        outcome.firstBad = scan.firstBad
    }

    private mutating func keep(
        _ term: UnsafeRawBufferPointer, _ file: LogFile
    ) throws(StoreError) {
        guard let directory else { return }
        if copy == nil {
            let started = try LogFile.make(path, format: .internal, head: nil, in: directory)
            copy = started
            try started.append(copying: LogMark.headerSize..<goodEnd, of: file)
        }
        LogItem.append(term, to: &pending)
        if pending.count > Self.pendingLimit { try writePending() }
    }

    private mutating func writePending() throws(StoreError) {
        try copy?.append(pending)
        pending.removeAll(keepingCapacity: true)
    }

    private mutating func finish(
        _ file: LogFile, in directory: DataDirectory
    ) throws(StoreError) {
        guard let copy else {
            if goodEnd < file.end { try file.truncate(to: goodEnd) }
            return try file.sync()
        }
        try writePending()
        try copy.sync()
        try copy.publish(in: directory)
        try directory.syncFolder(of: path)
        outcome.wasRewritten = true
    }
}
