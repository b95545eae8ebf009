/// A record in JSON: an object with exactly one of `b64`, `text` and `json`.
package enum RecordEnvelope {
    /// How deep the value of `json` may nest.
    package static let valueDepth = 512
    /// How deep JSON with records in it may nest: what is around the value is three levels.
    package static let depth = valueDepth + 3

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
