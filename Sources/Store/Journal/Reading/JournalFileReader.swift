import Glibc

/// One log file, read record by record through a window that moves along; `__wt_log_scan`.
struct JournalFileReader: ~Copyable {
    /// What there is at an offset.
    enum Found {
        case record(StoredRecord)
        /// Nothing but zeros, if anything: the next file may go on.
        case end
        /// What may be a record that was never finished: the log ends here.
        case unfinished(detail: String)
        /// What no unfinished write leaves.
        case corrupt(detail: String)
    }

    let number: UInt32
    private let file: File
    private var window: [UInt8] = []
    private var windowStart = 0
    /// From where on the file was found to hold nothing but zeros.
    private var zeros: (from: Int, found: Stamp)?
    /// From where on it was found to hold no whole record.
    private var barren: (from: Int, found: Stamp)?

    /// So much of the file is read at once.
    var windowSize: Int
    /// Where the file ends, as far as this reader is concerned: bytes behind it may still change.
    private(set) var size = 0

    static var sequentialWindow: Int { 256 << 10 }

    init(_ file: consuming File, number: UInt32, windowSize: Int = Self.sequentialWindow) {
        self.file = file
        self.number = number
        self.windowSize = windowSize
    }

    /// Looks where the file ends now, but not beyond `limit`.
    ///
    /// Zeros that were read before the end are not forgotten: who may find records there by now
    /// calls `refresh`.
    mutating func measure(limit: Int = .max) throws(StoreError) {
        let size = min(limit, Int(try file.status().st_size))
        // What was read behind the old end may have been written since.
        if size != self.size, windowStart + window.count >= min(size, self.size) { window = [] }
        self.size = size
    }

    /// Looks at the header and what must follow it; `__log_open_verify`.
    ///
    /// - Returns: the offset of the first record that a cursor gives.
    mutating func checkHead() throws(StoreError) -> Int {
        let head = RecordHeader.alignment
        guard size >= head, try load(0, head) else {
            throw corrupt(0, "\(file.name) is shorter than its header")
        }
        let version = bytes(at: 0, count: head) { JournalFileHead.version(of: $0) }
        guard let version else {
            throw corrupt(0, "\(file.name) does not begin as a log file does")
        }
        guard version <= JournalFileHead.newestVersion else {
            throw corrupt(
                0, "\(file.name) has version \(version) of the format, which is not known")
        }
        guard version >= 2 else { return head }
        guard size >= 2 * head, try load(head, head) else {
            throw corrupt(head, "\(file.name) ends behind its header")
        }
        if bytes(at: head, count: 4, { $0.allSatisfy { $0 == 0 } }) { return head }
        guard case .record(let record) = try read(at: head),
            record.storage.withUnsafeBytes({
                JournalFileHead.isPrevious(
                    UnsafeRawBufferPointer(rebasing: $0[record.range].dropFirst(RecordHeader.size)))
            })
        else { throw corrupt(head, "\(file.name) has no whole prev_lsn behind its header") }
        return head
    }

    /// What the file says of the one before it; to be asked once the head has been looked at.
    mutating func predecessor() throws(StoreError) -> JournalPredecessor {
        let head = RecordHeader.alignment
        guard try load(0, head),
            let version = bytes(at: 0, count: head, { JournalFileHead.version(of: $0) }),
            version >= 2
        else { return .unknown }
        guard case .record(let record) = try read(at: head) else { return .unwritten }
        return record.storage.withUnsafeBytes { all in
            let body = all[record.range].dropFirst(RecordHeader.size)
            return JournalPredecessor(UnsafeRawBufferPointer(rebasing: body))
        }
    }

    /// What is wrong if the records of the file before end at `end`; nil if nothing is.
    mutating func complaint(of end: LSN, isNewest: Bool) throws(StoreError) -> String? {
        guard case .ends(let said) = try predecessor(), said != end else { return nil }
        // Of what came behind a file that a crash had left unfinished recovery leaves the heads.
        if !isNewest, case .end = try read(at: JournalFileHead.firstRecord) { return nil }
        return "the end of file \(end.file), though the next one goes on behind \(said)"
    }

    /// Whether the header's own checksum is right, which only a walk looks at.
    mutating func hasWholeHeader() throws(StoreError) -> Bool {
        guard try load(0, RecordHeader.alignment) else { return false }
        return bytes(at: 0, count: RecordHeader.alignment) { record in
            RecordHeader(record).checksum == RecordHeader.checksum(of: record)
        }
    }

    private func corrupt(_ offset: Int, _ detail: String) -> StoreError {
        .journal(.corrupt(LSN(file: number, offset: UInt32(offset)), detail: detail))
    }

    /// What there is at `offset`.
    mutating func read(at offset: Int) throws(StoreError) -> Found {
        guard offset + RecordHeader.alignment <= size else {
            return try isZero(from: offset)
                ? .end : .unfinished(detail: "a part of a record at the end of the file")
        }
        guard try load(offset, RecordHeader.alignment) else {
            return .unfinished(detail: "the file has become shorter")
        }
        let header = bytes(at: offset, count: RecordHeader.size) { RecordHeader($0) }
        if header.length == 0 {
            return try isZero(from: offset)
                ? .end : .unfinished(detail: "zeros with something behind them")
        }
        let end = offset + header.alignedLength
        guard header.length <= RecordHeader.alignment || end <= size else {
            return .unfinished(detail: "a record that is longer than the file")
        }
        guard header.length > RecordHeader.size else {
            return .corrupt(detail: "a record without a body")
        }
        guard try hasRightChecksum(header, at: offset) else {
            return header.isSane && lastByte(offset + header.length - 1) == 0
                ? .unfinished(detail: "a record that was not written to its end")
                : .corrupt(detail: "a record with a wrong checksum")
        }
        guard try load(offset, header.length) else {
            return .unfinished(detail: "the file has become shorter")
        }
        let start = offset - windowStart
        return .record(
            StoredRecord(
                lsn: LSN(file: number, offset: UInt32(offset)), storage: window,
                range: start..<start + header.length, end: end))
    }

    /// Where the first whole record behind a damaged one begins; nil if there is none.
    mutating func nextRecord(behind offset: Int) throws(StoreError) -> Int? {
        if try isBarren(from: offset) { return nil }
        let stamp = try stamp()
        var place = offset + RecordHeader.alignment
        while place + RecordHeader.alignment <= size, try load(place, RecordHeader.alignment) {
            let header = bytes(at: place, count: RecordHeader.size) { RecordHeader($0) }
            if header.length == 0 {
                // Zeros may go on for the whole rest of the file.
                guard let next = try firstNonZero(from: place) else { break }
                let block = next & ~(RecordHeader.alignment - 1)
                place = max(block, place + RecordHeader.alignment)
                continue
            }
            // Whatever else is found there, its length need not be believed.
            if header.isSane, case .record = try read(at: place) { return place }
            place += RecordHeader.alignment
        }
        barren = stamp.map { (offset, $0) }
        return nil
    }

    /// Whether it is known of a damaged record that no whole one lies behind it.
    func isBarren(from offset: Int) throws(StoreError) -> Bool {
        guard let barren, barren.from <= offset else { return false }
        return barren.found == (try stamp())
    }

    private mutating func firstNonZero(from offset: Int) throws(StoreError) -> Int? {
        let windowEnd = windowStart + window.count
        guard offset < windowEnd else { return try file.firstNonZero(from: offset, to: size) }
        if let found = window[(offset - windowStart)...].firstIndex(where: { $0 != 0 }) {
            return windowStart + found
        }
        return try file.firstNonZero(from: windowEnd, to: size)
    }

    // MARK: - Checksums

    /// A record that is larger than the window is summed up in pieces first: its length may be
    /// anything.
    private mutating func hasRightChecksum(
        _ header: RecordHeader, at offset: Int
    ) throws(StoreError) -> Bool {
        let first = min(header.length, max(windowSize, RecordHeader.alignment))
        guard try load(offset, first) else { return false }
        var sum = CRC32C()
        bytes(at: offset, count: first) { RecordHeader.add($0, to: &sum) }
        var done = first
        while done < header.length {
            let count = min(windowSize, header.length - done)
            let piece = try file.read(at: offset + done, count: count)
            guard piece.count == count else { return false }
            piece.withUnsafeBytes { sum.add($0) }
            done += count
        }
        return sum.value == header.checksum
    }

    private func lastByte(_ offset: Int) -> UInt8? {
        (try? file.read(at: offset, count: 1))?.first
    }

    // MARK: - The window

    /// Makes the window hold `count` bytes at `offset`; false if the file has no so many.
    private mutating func load(_ offset: Int, _ count: Int) throws(StoreError) -> Bool {
        guard offset + count <= size else { return false }
        if offset >= windowStart, offset + count <= windowStart + window.count { return true }
        // A new array: rows that were given out still use the one before.
        window = try file.read(at: offset, count: min(max(windowSize, count), size - offset))
        windowStart = offset
        return window.count >= count
    }

    private func bytes<Result>(
        at offset: Int, count: Int, _ body: (UnsafeRawBufferPointer) -> Result
    ) -> Result {
        window.withUnsafeBytes { all in
            let start = offset - windowStart
            return body(UnsafeRawBufferPointer(rebasing: all[start..<start + count]))
        }
    }

    /// Forgets what was read: the file may have grown since.
    mutating func refresh() { window = [] }

    // MARK: - Zeros

    /// Whether there is nothing but zeros; holes are passed over, and what was found is remembered
    /// until the file changes.
    private mutating func isZero(from offset: Int) throws(StoreError) -> Bool {
        guard offset < size else { return true }
        let stamp = try stamp()
        if let zeros, zeros.from <= offset, zeros.found == stamp { return true }
        guard try file.isZero(from: offset, to: size) else { return false }
        zeros = stamp.map { (offset, $0) }
        return true
    }

    // MARK: - Changes

    /// What tells whether a file is as it was.
    struct Stamp: Equatable {
        fileprivate let seconds: Int
        fileprivate let nanoseconds: Int
        fileprivate let size: Int
    }

    /// The file as it is now; nil if it has just been changed.
    ///
    /// Times of files move in steps of some milliseconds: another change within the same step would
    /// not show.
    func stamp() throws(StoreError) -> Stamp? {
        let changed = try file.status().st_mtim
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        let age = (now.tv_sec - changed.tv_sec) * 1000 + (now.tv_nsec - changed.tv_nsec) / 1_000_000
        guard age > Self.settled else { return nil }
        return Stamp(seconds: changed.tv_sec, nanoseconds: changed.tv_nsec, size: size)
    }

    /// Milliseconds.
    private static var settled: Int { 100 }
}
