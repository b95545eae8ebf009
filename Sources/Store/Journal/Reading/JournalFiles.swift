import Synchronization

/// What readers of one journal share: its directory, where it ends, and where records begin.
final class JournalFiles: Sendable {
    let directory: JournalDirectory
    let compressor: JournalCompressor
    let statistics: JournalStatistics
    private let end = Atomic<UInt64>(0)
    private let indexes = Locked<[UInt32: RecordIndex]>([:])

    init(
        _ directory: JournalDirectory, compressor: JournalCompressor,
        statistics: JournalStatistics
    ) {
        self.directory = directory
        self.compressor = compressor
        self.statistics = statistics
    }

    /// Behind the last record that is written; nil if others write there, so that only the files
    /// tell.
    var writtenEnd: LSN? {
        let number = end.load(ordering: .acquiring)
        return number == 0 ? nil : LSN(number: number)
    }

    /// Lets readers have everything before `lsn`.
    func publish(end lsn: LSN) { end.store(lsn.number, ordering: .releasing) }

    /// Whether a file belongs to the log yet: one behind the end is still being made.
    private func isPublished(_ number: UInt32) -> Bool {
        writtenEnd.map { number <= $0.file } ?? true
    }

    /// How many bytes of a file that belongs to the log a reader may look at.
    func limit(of number: UInt32) -> Int {
        guard let writtenEnd, writtenEnd.file == number else { return .max }
        return Int(writtenEnd.offset)
    }

    /// Opens a file for reading; nil if the log has none of that number.
    func reader(
        _ number: UInt32, windowSize: Int = JournalFileReader.sequentialWindow
    ) throws(StoreError) -> JournalFileReader? {
        guard isPublished(number), let file = try directory.open(number) else { return nil }
        return JournalFileReader(file, number: number, windowSize: windowSize)
    }

    // MARK: - Where records begin

    /// Files whose beginnings of records are kept: each has a descriptor and 1/1024 of its size.
    private static let indexLimit = 64

    /// Where the records of a file begin; nil if the log has no such file.
    func index(of number: UInt32) throws(StoreError) -> RecordIndex? {
        guard isPublished(number) else { return nil }
        if let index = indexes.withLock({ $0[number] }) { return index }
        guard let reader = try reader(number, windowSize: RecordIndex.searchWindow) else {
            return nil
        }
        let index = RecordIndex(reader)
        return indexes.withLock { indexes in
            if let known = indexes[number] { return known }
            if indexes.count >= Self.indexLimit, let any = indexes.keys.first {
                indexes[any] = nil
            }
            indexes[number] = index
            return index
        }
    }

    /// Forgets files that were removed.
    func forget(filesBefore number: UInt32) {
        indexes.withLock { $0 = $0.filter { $0.key >= number } }
    }

    /// Forgets all files.
    func forgetAll() { indexes.withLock { $0 = [:] } }
}
