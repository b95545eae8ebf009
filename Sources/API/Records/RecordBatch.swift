/// The records of one append, however they were sent.
package struct RecordBatch: Sendable {
    /// The records' bytes, one after the other.
    package private(set) var bytes: [UInt8] = []
    /// The length of each record.
    package private(set) var lengths: [Int] = []

    /// The types that an append takes; `curl -d` sends the form type, which is taken as bytes.
    package static let mediaTypes: [MediaType] = [
        .octetStream, .json, .ndjson, .frames, .text, .form,
    ]

    /// What a batch may hold.
    package struct Limits: Sendable {
        package var records = 10_000
        package var recordBytes = 8 << 20
        package var lineBytes = 8 << 20
        package init() {}
    }

    private let form: any RecordForm

    /// Reads the body of an append.
    ///
    /// - Throws: `bad_json`, `bad_record` or `unknown_property`, naming the place; `too_large`.
    package init(
        _ body: [UInt8], type: MediaType, form: any RecordForm = BytesForm(), limits: Limits
    ) throws(Problem) {
        self.form = form
        switch type {
        case .json: try readJSON(body, limits)
        case .ndjson: try readLines(body, limits)
        case .frames: try readFrames(body, limits)
        default:
            bytes = try form.record(ofWhole: body)
            lengths = [bytes.count]
            try checkLast(limits, "the record")
        }
    }

    private mutating func readJSON(_ body: [UInt8], _ limits: Limits) throws(Problem) {
        let document = try JSONDocument(body, depth: RecordEnvelope.depth(around: 3))
        var object = try JSONObject(document.root)
        let one = object.take("record")
        let many = object.take("records")
        try object.finish()
        switch (one, many) {
        case (let record?, nil):
            try document.check(depth: RecordEnvelope.depth(around: 2))
            try add(record, limits)
        case (nil, let records?):
            guard let elements = records.elements else {
                throw Problem(.badRecord, "/records must be an array of envelopes")
            }
            for element in elements { try add(element, limits) }
        default:
            throw Problem(.badRecord, "the body must have exactly one of record and records")
        }
    }

    private mutating func readLines(_ body: [UInt8], _ limits: Limits) throws(Problem) {
        var lines = body.split(separator: 0x0A, omittingEmptySubsequences: false)[...]
        if lines.last?.isEmpty == true { lines.removeLast() }
        for (index, line) in lines.enumerated() {
            let place = "line \(index + 1)"
            guard line.count <= limits.lineBytes else {
                throw .tooLarge("\(place) is \(line.count) bytes long", limit: limits.lineBytes)
            }
            let document = try JSONDocument(
                line, depth: RecordEnvelope.depth(around: 1), place: place)
            do throws(Problem) {
                try add(document.root, limits)
            } catch {
                throw Problem(
                    error.code, "\(place): \(error.detail)", applied: error.applied,
                    members: error.members)
            }
        }
    }

    private mutating func readFrames(_ body: [UInt8], _ limits: Limits) throws(Problem) {
        var offset = 0
        while offset < body.count {
            guard body.count - offset >= 4 else {
                throw Problem(.badRecord, "the frame at byte \(offset) has no whole length")
            }
            let length = body[offset..<offset + 4].reduce(0) { $0 << 8 | Int($1) }
            guard length <= body.count - offset - 4 else {
                throw Problem(
                    .badRecord,
                    "the frame at byte \(offset) is \(length) bytes long; \(body.count - offset - 4) follow"
                )
            }
            let start = bytes.count
            try form.append(body[offset + 4..<offset + 4 + length], to: &bytes)
            lengths.append(bytes.count - start)
            try checkLast(limits, "the frame at byte \(offset)")
            offset += 4 + length
        }
    }

    private mutating func add(_ envelope: JSONNode, _ limits: Limits) throws(Problem) {
        let start = bytes.count
        try form.append(envelope: envelope, to: &bytes)
        lengths.append(bytes.count - start)
        try checkLast(limits, envelope.place.isEmpty ? "the record" : envelope.place)
    }

    private func checkLast(_ limits: Limits, _ place: String) throws(Problem) {
        guard lengths.count <= limits.records else {
            throw .tooLarge("a batch has at most \(limits.records) records", limit: limits.records)
        }
        guard lengths[lengths.count - 1] <= limits.recordBytes else {
            throw .tooLarge(
                "\(place) is \(lengths[lengths.count - 1]) bytes long", limit: limits.recordBytes)
        }
    }
}

extension Problem {
    /// More than a limit allows.
    package static func tooLarge(_ detail: String, limit: Int) -> Problem {
        Problem(
            .tooLarge, "\(detail); the limit is \(limit)",
            members: [.init(name: "limit", value: .integer(limit))])
    }
}
