import API
import Store

/// Writes rows of log cursors as JSON objects.
struct JournalRowWriter: Equatable, Sendable {
    private let records: RecordWriter
    /// Whether key and value are shown as a cursor in raw mode packs them, too.
    private let isRaw: Bool

    init(shape: RecordShape, isRaw: Bool) {
        records = RecordWriter(shape: shape, format: .external)
        self.isRaw = isRaw
    }

    func write(_ row: JournalRow, to writer: inout JSONWriter) {
        writer.literal("{\"lsn\":")
        Self.write(row.lsn, to: &writer)
        writer.member("opctr", row.operationCounter)
        writer.literal(",\"txnid\":")
        Self.write(row.transactionID, to: &writer)
        writer.member("rectype", Int(row.recordType))
        writer.literal(",\"rectype_name\":")
        Self.write(RecordType.name(of: row.recordType), to: &writer)
        writer.member("optype", Int(row.operationType))
        writer.literal(",\"optype_name\":")
        Self.write(OperationType.name(of: row.operationType), to: &writer)
        writer.member("fileid", Int(row.fileID))
        writer.literal(",\"key\":")
        row.withKey { records.write($0, to: &writer) }
        writer.literal(",\"value\":")
        row.withValue { records.write($0, to: &writer) }
        if row.recordType == RecordType.message { writeMessage(row, to: &writer) }
        if let decoded = row.decoded { writeDecoded(decoded, to: &writer) }
        if isRaw { writeRaw(row.raw, to: &writer) }
        writer.endObject()
    }

    static func write(_ lsn: LSN, to writer: inout JSONWriter) {
        writer.literal("{\"file\":")
        writer.integer(Int(lsn.file))
        writer.literal(",\"offset\":")
        writer.integer(Int(lsn.offset))
        writer.endObject()
    }

    /// Numbers of 64 bits without a sign, as they are.
    private static func write(_ number: UInt64, to writer: inout JSONWriter) {
        if let number = Int(exactly: number) {
            writer.integer(number)
        } else {
            writer.number(String(number).utf8)
        }
    }

    private static func write(_ name: StaticString?, to writer: inout JSONWriter) {
        guard let name else { return writer.literal("null") }
        writer.literal("\"")
        writer.literal(name)
        writer.literal("\"")
    }

    /// The text up to its zero byte.
    private func writeMessage(_ row: JournalRow, to writer: inout JSONWriter) {
        writer.literal(",\"message\":")
        row.withValue { value in
            let text = UnsafeRawBufferPointer(
                rebasing: value[..<(value.firstIndex(of: 0) ?? value.count)])
            if !writer.string(ifText: text) { writer.string(String(decoding: text, as: UTF8.self)) }
        }
    }

    private func writeDecoded(_ decoded: JournalRow.Decoded, to writer: inout JSONWriter) {
        writer.literal(",\"decoded\":{")
        switch decoded {
        case .checkpoint(let lsn):
            writer.literal("\"ckpt_lsn\":")
            Self.write(lsn, to: &writer)
        case .previous(let lsn):
            writer.literal("\"prev_lsn\":")
            Self.write(lsn, to: &writer)
        case .fileSync(let file, let start):
            writer.literal("\"fileid\":")
            writer.integer(Int(file))
            writer.member("start", Int(start))
        case .rowTruncate(let file, let start, let stop, let mode):
            writer.literal("\"fileid\":")
            writer.integer(Int(file))
            writer.literal(",\"start\":")
            start.withUnsafeBytes { records.write($0, to: &writer) }
            writer.literal(",\"stop\":")
            stop.withUnsafeBytes { records.write($0, to: &writer) }
            writer.member("mode", Int(mode))
        case .columnTruncate(let file, let start, let stop):
            writer.literal("\"fileid\":")
            writer.integer(Int(file))
            writer.literal(",\"start\":")
            Self.write(start, to: &writer)
            writer.literal(",\"stop\":")
            Self.write(stop, to: &writer)
        case .timestamps(let numbers):
            let names: [StaticString] = [
                "\"time_sec\":", ",\"time_nsec\":", ",\"commit_ts\":", ",\"durable_ts\":",
                ",\"first_commit_ts\":", ",\"prepare_ts\":", ",\"read_ts\":",
            ]
            for (name, number) in zip(names, numbers) {
                writer.literal(name)
                Self.write(number, to: &writer)
            }
        }
        writer.endObject()
    }

    private func writeRaw(_ raw: (key: [UInt8], value: [UInt8]), to writer: inout JSONWriter) {
        writer.literal(",\"key_raw\":")
        raw.key.withUnsafeBytes { RecordWriter.writeBase64($0, to: &writer) }
        writer.literal(",\"value_raw\":")
        raw.value.withUnsafeBytes { RecordWriter.writeBase64($0, to: &writer) }
    }
}
