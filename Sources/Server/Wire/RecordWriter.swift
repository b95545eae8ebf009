import API
import Store

/// Writes records of logs as envelopes.
struct RecordWriter: Sendable {
    let shape: RecordShape
    let format: LogFormat

    /// An envelope of an encoded term, or of an external log's bytes.
    func write(_ record: UnsafeRawBufferPointer, to writer: inout JSONWriter) {
        switch (format, shape) {
        case (.internal, .auto), (.internal, .json): writeJSON(record, to: &writer)
        case (.internal, .term): writeTerm(record, to: &writer)
        case (.internal, .text):
            if let text = Self.text(ofBinary: record) {
                writeText(text, to: &writer)
            } else {
                writeJSON(record, to: &writer)
            }
        case (.external, .auto), (.external, .text):
            if let text = Self.text(of: record) {
                writeText(text, to: &writer)
            } else {
                Self.writeBase64(record, to: &writer)
            }
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

    private func writeText(_ text: String, to writer: inout JSONWriter) {
        writer.literal("{\"text\":")
        writer.string(text)
        writer.literal("}")
    }

    static func writeBase64(_ bytes: UnsafeRawBufferPointer, to writer: inout JSONWriter) {
        writer.literal("{\"b64\":\"")
        Base64.encode(bytes, to: &writer.bytes)
        writer.literal("\"}")
    }

    /// The bytes of a binary if they are text.
    private static func text(ofBinary term: UnsafeRawBufferPointer) -> String? {
        guard term.count >= 6, term[0] == 131, term[1] == 109 else { return nil }
        let length = term[2..<6].reduce(0) { $0 << 8 | Int($1) }
        // Bytes may stand behind the term.
        guard length <= term.count - 6 else { return nil }
        return text(of: UnsafeRawBufferPointer(rebasing: term[6..<6 + length]))
    }

    /// The bytes as text, if they are UTF-8 without NUL.
    private static func text(of bytes: UnsafeRawBufferPointer) -> String? {
        guard !bytes.contains(0) else { return nil }
        return String(validating: bytes, as: UTF8.self)
    }
}
