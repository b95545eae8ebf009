import API
import Store

/// Writes records of files that no engine has open, in the envelopes of the HTTP API.
struct FoundRecordWriter {
    private let records: RecordWriter
    private let rows: JournalRowWriter

    init(shape: RecordShape, kind: RecordFile.Kind) {
        let isInternal = kind == .log || kind == .wrap
        records = RecordWriter(shape: shape, format: isInternal ? .internal : .external)
        rows = JournalRowWriter(shape: shape, isRaw: false)
    }

    /// A row of a journal as a walk gives it; else the position, where the record lies, and itself.
    func write(_ record: FoundRecord, to writer: inout JSONWriter) {
        switch record.content {
        case .row(let row): rows.write(row, to: &writer)
        case .term(let bytes), .bytes(let bytes):
            writer.beginObject()
            writer.member("position", record.position)
            if case .term = record.content {
                if let file = record.file { writer.member("file", file) }
                writer.member("offset", record.offset)
            }
            writer.literal(",\"record\":")
            records.write(bytes, to: &writer)
            writer.endObject()
        }
    }
}
