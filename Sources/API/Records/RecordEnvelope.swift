/// A record in JSON: an object with exactly one of `b64`, `text` and `json`.
package enum RecordEnvelope {
    /// How deep the value of `json` may nest.
    package static let valueDepth = 512

    /// How deep JSON may nest in which so many levels are around that value, the envelope one of
    /// them.
    package static func depth(around levels: Int) -> Int { valueDepth + levels }

    /// Appends the bytes that the envelope stands for; `json` as its compact text.
    package static func appendBytes(
        of envelope: JSONNode, to bytes: inout [UInt8]
    ) throws(Problem) {
        let place = envelope.place.isEmpty ? "the record" : envelope.place
        guard let members = envelope.members, members.count == 1 else {
            throw Problem(
                .badRecord, "\(place) must be an object with exactly one of b64, text and json")
        }
        let (name, value) = members[0]
        switch name {
        case "b64":
            guard let text = value.string, Base64.decode(text, to: &bytes) else {
                throw Problem(.badRecord, "\(value.place) must be base64 text with padding")
            }
        case "text":
            guard let text = value.string else {
                throw Problem(.badRecord, "\(value.place) must be a string")
            }
            bytes.append(contentsOf: text.utf8)
        case "json":
            var writer = JSONWriter()
            swap(&writer.bytes, &bytes)
            defer { swap(&writer.bytes, &bytes) }
            try value.writeCompact(to: &writer, depth: valueDepth)
        default:
            throw Problem(.badRecord, "\(value.place) is none of b64, text and json")
        }
    }
}

/// What becomes of a record in the forms in which it can be sent.
package protocol RecordForm: Sendable {
    /// The record that a whole body stands for.
    func record(ofWhole body: [UInt8]) throws(Problem) -> [UInt8]
    /// Appends the record that a frame holds.
    func append(_ frame: ArraySlice<UInt8>, to bytes: inout [UInt8]) throws(Problem)
    /// Appends the record that an envelope stands for.
    func append(envelope: JSONNode, to bytes: inout [UInt8]) throws(Problem)
}

/// Records that are bytes.
package struct BytesForm: RecordForm {
    package init() {}

    package func record(ofWhole body: [UInt8]) -> [UInt8] { body }

    package func append(_ frame: ArraySlice<UInt8>, to bytes: inout [UInt8]) {
        bytes.append(contentsOf: frame)
    }

    package func append(envelope: JSONNode, to bytes: inout [UInt8]) throws(Problem) {
        try RecordEnvelope.appendBytes(of: envelope, to: &bytes)
    }
}

/// The form in which records are shown.
package enum RecordShape: String, CaseIterable, Sendable {
    case auto, b64, text, json, term
}
