import Glibc

/// The log file that is being written, and how the next one follows it.
///
/// Only the engine's turn uses it.
struct JournalWriter: ~Copyable {
    private let maker: LogFileMaker
    private let preparer: FilePreparer?
    private let statistics: JournalStatistics
    private var file: File
    private(set) var number: UInt32
    /// Behind the last record.
    private var offset = JournalFileHead.firstRecord
    /// Up to here the file has blocks full of zeros.
    private var zeroedTo = 0

    /// Zeros are written so far ahead: a flush of blocks that the file has already is cheaper than
    /// one that must also note new ones.
    private static var zeroAhead: Int { 256 << 10 }
    /// Large batches are not made larger by it.
    private static var smallBatch: Int { 64 << 10 }

    /// Makes the first file of an opening.
    ///
    /// - Parameter previous: what its prev_lsn holds.
    init(
        _ maker: LogFileMaker, number: UInt32, previous: LSN, preparer: FilePreparer?,
        statistics: JournalStatistics
    ) throws(StoreError) {
        self.maker = maker
        self.preparer = preparer
        self.statistics = statistics
        self.number = number
        file = try maker.make(number, previous: previous, prepared: nil)
        count(head: JournalFileHead.firstRecord)
        preparer?.start()
    }

    private func count(head: Int) {
        statistics.add(.written, head)
        statistics.add(.folderSyncs)
    }

    /// Behind the last record.
    var end: LSN { LSN(file: number, offset: UInt32(offset)) }

    /// Whether so many bytes behind `place` belong into the next file.
    func mustSwitch(at place: LSN, for count: Int) -> Bool {
        Int(place.offset) > JournalFileHead.firstRecord
            && Int(place.offset) + count >= maker.fileMax
    }

    /// Writes records behind the last one; not yet durable.
    ///
    /// What fails leaves nothing behind that could be taken for a record later.
    mutating func append(_ records: [UInt8]) throws(StoreError) {
        let newEnd = offset + records.count
        do throws(StoreError) {
            if newEnd > zeroedTo, records.count <= Self.smallBatch {
                let zeros = max(0, min(newEnd + Self.zeroAhead, maker.fileMax) - newEnd)
                do throws(StoreError) {
                    try file.write(records + [UInt8](repeating: 0, count: zeros), at: offset)
                    zeroedTo = newEnd + zeros
                } catch {
                    guard case .noSpace = error else { throw error }
                    try file.write(records, at: offset)
                }
            } else {
                try file.write(records, at: offset)
            }
        } catch {
            try clearTail(because: error)
            throw error
        }
        offset = newEnd
        statistics.add(.written, records.count)
    }

    private mutating func clearTail(because error: StoreError) throws(StoreError) {
        zeroedTo = 0
        do throws(StoreError) {
            try file.truncate(to: offset)
            try file.truncate(to: max(offset, maker.fileMax))
        } catch {
            throw .failed(
                detail: "a write failed, and what it left behind \(end) could not be cut off")
        }
    }

    /// Ends the file and begins the next one; everything before is durable then.
    mutating func switchFile() throws(StoreError) {
        let (next, isLast) = number.addingReportingOverflow(1)
        guard !isLast else {
            throw .fileTooLarge(detail: "there are no more numbers for log files")
        }
        try file.truncate(to: offset)
        zeroedTo = 0
        try sync { file throws(StoreError) in try file.sync() }
        let prepared = preparer?.take()
        if preparer != nil { statistics.add(prepared == nil ? .preparedMissed : .preparedUsed) }
        file = try maker.make(next, previous: end, prepared: prepared)
        number = next
        offset = JournalFileHead.firstRecord
        count(head: JournalFileHead.firstRecord)
        preparer?.start()
    }

    /// Puts what was written on stable storage.
    func sync() throws(StoreError) {
        try sync { file throws(StoreError) in try file.syncData() }
    }

    private func sync(_ body: (borrowing File) throws(StoreError) -> Void) throws(StoreError) {
        let started = Instant.now
        try body(file)
        statistics.add(.syncs)
        statistics.add(
            .syncMicroseconds, Instant.now.nanoseconds(since: started) / 1000)
    }

    /// Ends the file behind its last record; everything is durable then.
    consuming func close() throws(StoreError) {
        preparer?.stop()
        try file.truncate(to: offset)
        try file.sync()
    }
}
