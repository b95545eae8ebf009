/// A record in JSON: an object with exactly one of `b64`, `text` and `json`.
package enum RecordEnvelope {
    /// How deep JSON with records in it may nest: 512 levels inside `json`, and what is around.
    package static let depth = 512 + 3

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
            value.writeCompact(to: &writer)
            swap(&writer.bytes, &bytes)
        default:
            throw Problem(.badRecord, "\(value.place) is none of b64, text and json")
        }
    }
}
