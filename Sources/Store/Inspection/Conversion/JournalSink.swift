/// Makes the folder of a journal: a record without a zero byte is a message, another one the value of
/// a column's row, by the record's number.
final class JournalSink: RecordSink {
    private let name: String
    private let folder: JournalFolder
    private var writer: JournalWriter?
    private var pending = PendingBytes()
    private var count: UInt64 = 0

    /// The table that values are put in; no table of a database, whose numbers begin at 0.
    private static let fileID: UInt32 = 1000
    private static let largestRecord = 1 << 30

    init(_ name: String, in parent: DataDirectory, fileMax: Int?) throws(StoreError) {
        var options = JournalOptions()
        options.fileMax = fileMax
        do throws(StoreError) {
            try options.check()
        } catch {
            guard case .badArgument(_, let detail) = error else { throw error }
            throw .badArgument(option: "size", detail: "of a journal --size is file_max: " + detail)
        }
        self.name = name
        folder = JournalFolder(parent.temporaryName(), in: parent)
        try folder.begin()
        do throws(StoreError) {
            writer = try JournalWriter(
                LogFileMaker(
                    directory: folder.directory, fileMax: fileMax ?? JournalOptions.defaultFileMax),
                number: 1, previous: .beginning, preparer: nil,
                statistics: JournalStatistics(StoreCounters()))
        } catch {
            folder.abandon()
            throw error
        }
    }

    func add(_ record: UnsafeRawBufferPointer) throws(StoreError) {
        guard record.count <= Self.largestRecord else {
            throw .recordTooLarge(size: record.count, limit: Self.largestRecord)
        }
        count += 1
        let body = body(of: record)
        let length = RecordHeader.aligned(RecordHeader.size + body.count)
        if let end = writer?.end.advanced(by: pending.bytes.count),
            writer?.mustSwitch(at: end, for: length) == true
        {
            try write()
            try writer?.switchFile()
        }
        pending.add {
            RecordEncoder.append(body, flags: 0, memLength: 0, marksEnd: true, to: &$0)
        }
        if pending.isLarge { try write() }
    }

    private func body(of record: UnsafeRawBufferPointer) -> [UInt8] {
        guard record.contains(0) else { return RecordBody.message(record) }
        var operations: [UInt8] = []
        TransactionOperation.columnPut(
            fileID: Self.fileID, recordNumber: count, value: Array(record)
        ).append(to: &operations)
        return RecordBody.commit(transaction: count, operations: operations)
    }

    private func write() throws(StoreError) { try writer?.append(pending.take()) }

    func finish() throws(StoreError) {
        try write()
        let done = writer.take()
        try done?.close()
        try folder.finish(as: name)
    }

    func abandon() { folder.abandon() }
}
