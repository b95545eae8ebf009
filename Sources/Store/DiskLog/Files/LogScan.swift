/// Goes through an internal file item by item, and past what is none.
///
/// Mirrors disk_log_1:repair/2: what that keeps are the items here, what it drops is bad.
struct LogScan {
    /// A good item, as long as it is being looked at.
    struct Item {
        let term: UnsafeRawBufferPointer
        /// Where its header begins.
        let offset: Int
        /// Behind its last byte.
        let end: Int
        /// Whether it has the framing of old releases, which is read and never written.
        let isOld: Bool
    }

    private(set) var items = 0
    /// Bytes that were no item, counted as the original does.
    private(set) var badBytes = 0
    /// Where the first of them was.
    private(set) var firstBad: Int?
    private var isStopped = false

    /// Calls `take` with each item up to `end`, until it returns false.
    mutating func run(
        _ file: LogFile, end: Int, _ take: (Item) throws(StoreError) -> Bool
    ) throws(StoreError) {
        var window = FileWindow(file, end: end)
        var offset = LogMark.headerSize
        var needed = 1
        while offset < end, !isStopped {
            let step = try window.withBytes(at: offset, count: needed) {
                (bytes) throws(StoreError) in
                try scan(bytes, at: offset, end: end, take)
            }
            offset += step.used
            needed = step.needed
        }
    }

    /// Takes in what the bytes at `offset` hold; how far, and how many bytes the next step needs.
    private mutating func scan(
        _ bytes: UnsafeRawBufferPointer, at offset: Int, end: Int,
        _ take: (Item) throws(StoreError) -> Bool
    ) throws(StoreError) -> (used: Int, needed: Int) {
        let isWhole = offset + bytes.count == end
        var used = 0
        while used < bytes.count, !isStopped {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[used...])
            let place = offset + used
            switch LogItem.frame(rest) {
            case .item(let term, let isOld):
                let body = UnsafeRawBufferPointer(rebasing: rest[term])
                used = try item(body, at: place, isOld: isOld, take) - offset
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
        _ term: UnsafeRawBufferPointer, at offset: Int, isOld: Bool,
        _ take: (Item) throws(StoreError) -> Bool
    ) throws(StoreError) -> Int {
        let isLarge = !isOld && term.count >= LogItem.largeSize
        let end =
            offset + LogItem.headerSize + term.count + (isLarge ? LogItem.digestSize : 0)
        guard ExternalTerm.isTerm(term) else {
            _ = bad(isLarge ? term.count : 1, at: offset)
            return isLarge ? end : offset + 1
        }
        let item = Item(term: term, offset: offset, end: end, isOld: isOld)
        guard try take(item) else {
            isStopped = true
            return end
        }
        items += 1
        return end
    }

    private mutating func bad(_ count: Int, at offset: Int) -> Int {
        badBytes += count
        firstBad = firstBad ?? offset
        return count
    }
}
