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
        var window = FileWindow(file, end: end)
        var offset = LogMark.headerSize
        var needed = 1
        while offset < end {
            let step = try window.withBytes(at: offset, count: needed) {
                (bytes) throws(StoreError) in
                try scan(bytes, at: offset, end: end, file)
            }
            offset += step.used
            needed = step.needed
        }
    }

    /// Takes in what the bytes at `offset` hold; how far, and how many bytes the next step needs.
    private mutating func scan(
        _ bytes: UnsafeRawBufferPointer, at offset: Int, end: Int, _ file: LogFile
    ) throws(StoreError) -> (used: Int, needed: Int) {
        let isWhole = offset + bytes.count == end
        var used = 0
        while used < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[used...])
            let place = offset + used
            switch LogItem.frame(rest) {
            case .item(let term, let isOld):
                let body = UnsafeRawBufferPointer(rebasing: rest[term])
                used = try item(body, at: place, isOld: isOld, file) - offset
            case .incomplete(let needed) where needed <= end - place:
                return (used, needed)
            case .incomplete(let needed):
                // The original takes an old item of any size that fits the file, and no other.
                let isOld = rest.bigEndian(UInt32.self, at: 4) == LogItem.oldMagic
                let isNone = isOld && needed - LogItem.headerSize > end
                used += bad(isNone ? 1 : end - place, at: place)
            case .noHeader, .noDigest:
                guard isWhole else { return (used, LogItem.headerSize + LogItem.digestSize) }
                used += bad(end - place, at: place)
            case .badDigest: used += bad(1, at: place)
            case .badMagic: used += bad(1 + Self.bytesWithoutMagic(rest), at: place)
            }
        }
        return (used, 1)
    }

    /// How many bytes behind the first can't be the start of an item either.
    private static func bytesWithoutMagic(_ bytes: UnsafeRawBufferPointer) -> Int {
        var offset = 1
        while offset + LogItem.headerSize <= bytes.count {
            let first = bytes[offset + 4]
            if first == LogItem.magic >> 24 || first == LogItem.oldMagic >> 24 { break }
            offset += 1
        }
        return offset - 1
    }

    /// Takes in one framed item; where to go on.
    private mutating func item(
        _ term: UnsafeRawBufferPointer, at offset: Int, isOld: Bool, _ file: LogFile
    ) throws(StoreError) -> Int {
        let isLarge = !isOld && term.count >= LogItem.largeSize
        let end =
            offset + LogItem.headerSize + term.count + (isLarge ? LogItem.digestSize : 0)
        guard ExternalTerm.isTerm(term) else {
            _ = bad(isLarge ? term.count : 1, at: offset)
            return isLarge ? end : offset + 1
        }
        outcome.recovered += 1
        if copy == nil, goodEnd == offset, !isOld {
            goodEnd = end
        } else {
            try keep(term, file)
        }
        return end
    }

    private mutating func bad(_ count: Int, at offset: Int) -> Int {
        outcome.badBytes += count
        outcome.firstBad = outcome.firstBad ?? offset
        return count
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
