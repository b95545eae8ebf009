import API
import Store

/// Records of internal logs: each becomes an encoded term.
struct TermForm: RecordForm {
    /// Whether `b64` and plain bytes are encoded terms already.
    let isRaw: Bool
    /// Whether those are checked.
    let isValidated: Bool
    /// How atoms are written: as OTP 25 writes them, unless set otherwise.
    let atoms: TermWriter.AtomEncoding

    init(isRaw: Bool = false, isValidated: Bool = true, _ settings: Settings) {
        self.isRaw = isRaw
        self.isValidated = isValidated
        atoms = settings.atoms == .latin1 ? .latin1 : .utf8
    }

    func record(ofWhole body: [UInt8]) throws(Problem) -> [UInt8] {
        var bytes: [UInt8] = []
        try append(body[...], to: &bytes)
        return bytes
    }

    func append(_ frame: ArraySlice<UInt8>, to bytes: inout [UInt8]) throws(Problem) {
        guard isRaw else { return Self.appendBinary(frame, to: &bytes) }
        try check(frame, "the record")
        bytes.append(contentsOf: frame)
    }

    func append(envelope: JSONNode, to bytes: inout [UInt8]) throws(Problem) {
        let place = envelope.place.isEmpty ? "the record" : envelope.place
        guard let members = envelope.members, members.count == 1 else {
            throw Problem(
                .badRecord,
                "\(place) must be an object with exactly one of json, term, text and b64")
        }
        let (name, value) = members[0]
        switch name {
        case "json": bytes += try TermJSON.encoding(of: value, atoms: atoms)
        case "term": try appendTerm(value, to: &bytes)
        case "text", "b64":
            var record: [UInt8] = []
            try RecordEnvelope.appendBytes(of: envelope, to: &record)
            guard isRaw, name == "b64" else { return Self.appendBinary(record[...], to: &bytes) }
            try check(record[...], place)
            bytes += record
        default: throw Problem(.badRecord, "\(value.place) is none of json, term, text and b64")
        }
    }

    private func appendTerm(_ value: JSONNode, to bytes: inout [UInt8]) throws(Problem) {
        guard let text = value.string else {
            throw Problem(.badRecord, "\(value.place) must be a string")
        }
        do throws(TermError) {
            bytes += try Term(text: text).encoded(atoms: atoms)
        } catch {
            throw Problem(.badRecord, "\(value.place) is no Erlang term: \(error)")
        }
    }

    private func check(_ term: ArraySlice<UInt8>, _ place: String) throws(Problem) {
        guard isValidated else { return }
        let failure = term.withUnsafeBytes { bytes -> TermError? in
            do throws(TermError) {
                try ExternalTerm.validate(bytes)
                return nil
            } catch {
                return error
            }
        }
        if let failure {
            throw Problem(.badRecord, "\(place) is no encoded term: \(failure)")
        }
    }

    private static func appendBinary(_ record: ArraySlice<UInt8>, to bytes: inout [UInt8]) {
        let size = UInt32(record.count)
        bytes += [131, 109]
        withUnsafeBytes(of: size.bigEndian) { bytes.append(contentsOf: $0) }
        bytes += record
    }
}

/// Records of external logs: bytes, and nothing that would have to become a term.
struct ExternalForm: RecordForm {
    let log: String

    func record(ofWhole body: [UInt8]) -> [UInt8] { body }

    func append(_ frame: ArraySlice<UInt8>, to bytes: inout [UInt8]) {
        bytes.append(contentsOf: frame)
    }

    func append(envelope: JSONNode, to bytes: inout [UInt8]) throws(Problem) {
        if let name = envelope.members?.first?.name, ["json", "term"].contains(name) {
            throw Problem(.formatExternal(name: log))
        }
        try RecordEnvelope.appendBytes(of: envelope, to: &bytes)
    }
}
