import API
import Store

/// Writes records of logs as envelopes.
struct RecordWriter: Equatable, Sendable {
    let shape: RecordShape
    let format: LogFormat

    /// An envelope of an encoded term, or of an external log's bytes.
    func write(_ record: UnsafeRawBufferPointer, to writer: inout JSONWriter) {
        switch (format, shape) {
        case (.internal, .auto), (.internal, .json): writeJSON(record, to: &writer)
        case (.internal, .term): writeTerm(record, to: &writer)
        case (.internal, .text):
            if let content = ExternalTerm.content(ofBinary: record), writeText(content, to: &writer)
            {
                return
            }
            writeJSON(record, to: &writer)
        case (.external, .auto), (.external, .text):
            if !writeText(record, to: &writer) { Self.writeBase64(record, to: &writer) }
        default: Self.writeBase64(record, to: &writer)
        }
    }

    private func writeJSON(_ term: UnsafeRawBufferPointer, to writer: inout JSONWriter) {
        let start = writer.bytes.count
        writer.literal("{\"json\":")
        do throws(TermError) {
            try TermJSON.write(term, to: &writer)
            writer.literal("}")
        } catch {
            // What is no term can still be shown as it is.
            writer.bytes.removeSubrange(start...)
            Self.writeBase64(term, to: &writer)
        }
    }

    private func writeTerm(_ term: UnsafeRawBufferPointer, to writer: inout JSONWriter) {
        do throws(TermError) {
            let text = try Term(encoding: term).text
            writer.literal("{\"term\":")
            writer.string(text)
            writer.literal("}")
        } catch {
            Self.writeBase64(term, to: &writer)
        }
    }

    /// Writes bytes that are text; says whether they are.
    private func writeText(
        _ bytes: UnsafeRawBufferPointer, to writer: inout JSONWriter
    ) -> Bool {
        let start = writer.bytes.count
        writer.literal("{\"text\":")
        guard writer.string(ifText: bytes) else {
            writer.bytes.removeSubrange(start...)
            return false
        }
        writer.literal("}")
        return true
    }

    static func writeBase64(_ bytes: UnsafeRawBufferPointer, to writer: inout JSONWriter) {
        writer.literal("{\"b64\":")
        writer.base64(bytes)
        writer.literal("}")
    }
}
