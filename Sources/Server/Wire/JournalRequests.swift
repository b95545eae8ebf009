import API
import Store

extension JournalOptions {
    /// What the body of a request to open a journal says; an empty one nothing.
    init(_ body: [UInt8]) throws(Problem) {
        self.init()
        guard !body.isEmpty else { return }
        var object = try JSONObject(try JSONDocument(body, depth: 64).root)
        mode = try object.choice("mode")
        path = try object.string("path")
        fileMax = try object.integer("file_max")
        compressor = try object.choice("compressor")
        prealloc = try object.bool("prealloc")
        try takeChanges(&object)
        try object.finish()
    }

    /// What the body of a request to change a journal says.
    init(changes body: [UInt8]) throws(Problem) {
        self.init()
        var object = try JSONObject(try JSONDocument(body, depth: 64).root)
        try takeChanges(&object)
        try object.finish()
    }

    private mutating func takeChanges(_ object: inout JSONObject) throws(Problem) {
        archive = try object.bool("archive")
        durability = try object.choice("durability")
        maxCursorHoldMilliseconds = try object.integer("max_cursor_hold_ms")
    }
}

/// Messages of a journal: text, or bytes without a zero.
struct MessageForm: RecordForm {
    func record(ofWhole body: [UInt8]) throws(Problem) -> [UInt8] {
        try check(body[...])
        return body
    }

    func append(_ frame: ArraySlice<UInt8>, to bytes: inout [UInt8]) throws(Problem) {
        try check(frame)
        bytes += frame
    }

    func append(envelope: JSONNode, to bytes: inout [UInt8]) throws(Problem) {
        let start = bytes.count
        try RecordEnvelope.appendBytes(of: envelope, to: &bytes)
        try check(bytes[start...])
    }

    private func check(_ message: ArraySlice<UInt8>) throws(Problem) {
        guard !message.contains(0) else {
            throw Problem(.badRecord, "a message holds no zero byte: it would end there")
        }
    }
}

/// The operations of a transaction as they were sent.
struct TransactionRequest {
    /// Packed, one after the other.
    private(set) var operations: [UInt8] = []
    private(set) var count = 0

    private static let limit = 10_000

    init(_ body: [UInt8]) throws(Problem) {
        // In a change, six levels are around the value of json.
        let document = try JSONDocument(body, depth: RecordEnvelope.depth(around: 6))
        var object = try JSONObject(document.root)
        let list = object.take("ops")
        try object.finish()
        guard let elements = list?.elements, !elements.isEmpty else {
            throw Problem(
                .badParameter, "ops is needed: an array of 1 to \(Self.limit) operations",
                option: "ops")
        }
        guard elements.count <= Self.limit else {
            throw .tooLarge("a transaction of \(elements.count) operations", limit: Self.limit)
        }
        for element in elements { try Self.operation(element).append(to: &operations) }
        count = elements.count
    }

    private enum Kind: String, CaseIterable {
        case rowPut = "row_put"
        case rowModify = "row_modify"
        case rowRemove = "row_remove"
        case rowTruncate = "row_truncate"
        case columnPut = "col_put"
        case columnModify = "col_modify"
        case columnRemove = "col_remove"
        case columnTruncate = "col_truncate"
    }

    private static func operation(_ node: JSONNode) throws(Problem) -> TransactionOperation {
        var object = try JSONObject(node)
        let kind: Kind? = try object.choice("op")
        guard let kind else { throw missing("op", node) }
        let file = try fileID(&object, node)
        let operation: TransactionOperation
        switch kind {
        case .rowPut:
            operation = .rowPut(
                fileID: file, key: try bytes("key", &object, node),
                value: try bytes("value", &object, node))
        case .rowModify:
            operation = .rowModify(
                fileID: file, key: try bytes("key", &object, node),
                value: try change(&object, node))
        case .rowRemove:
            operation = .rowRemove(fileID: file, key: try bytes("key", &object, node))
        case .rowTruncate:
            operation = .rowTruncate(
                fileID: file, start: try end("start", &object), stop: try end("stop", &object))
        case .columnPut:
            operation = .columnPut(
                fileID: file, recordNumber: try recordNumber(&object, node),
                value: try bytes("value", &object, node))
        case .columnModify:
            operation = .columnModify(
                fileID: file, recordNumber: try recordNumber(&object, node),
                value: try change(&object, node))
        case .columnRemove:
            operation = .columnRemove(
                fileID: file, recordNumber: try recordNumber(&object, node))
        case .columnTruncate:
            operation = .columnTruncate(
                fileID: file, start: try number("start", &object),
                stop: try number("stop", &object))
        }
        try object.finish()
        return operation
    }

    private static func missing(_ name: String, _ node: JSONNode) -> Problem {
        Problem(.badParameter, "\(node.place)/\(name) is needed", option: name)
    }

    private static func fileID(
        _ object: inout JSONObject, _ node: JSONNode
    ) throws(Problem) -> UInt32 {
        guard let number = try object.integer("fileid") else { throw missing("fileid", node) }
        guard number > 0, let file = UInt32(exactly: number) else {
            throw Problem(
                .badParameter,
                "\(node.place)/fileid is 1 to \(UInt32.max); 0 is the database's own metadata",
                option: "fileid")
        }
        return file
    }

    private static func bytes(
        _ name: String, _ object: inout JSONObject, _ node: JSONNode
    ) throws(Problem) -> [UInt8] {
        guard let envelope = object.take(name) else { throw missing(name, node) }
        var bytes: [UInt8] = []
        try RecordEnvelope.appendBytes(of: envelope, to: &bytes)
        return bytes
    }

    /// An end of a range; nil if it is open.
    private static func end(
        _ name: String, _ object: inout JSONObject
    ) throws(Problem) -> [UInt8]? {
        guard let envelope = object.take(name), !envelope.isNull else { return nil }
        var bytes: [UInt8] = []
        try RecordEnvelope.appendBytes(of: envelope, to: &bytes)
        return bytes
    }

    private static func recordNumber(
        _ object: inout JSONObject, _ node: JSONNode
    ) throws(Problem) -> UInt64 {
        guard let number = try object.integer("recno") else { throw missing("recno", node) }
        guard number > 0 else {
            throw Problem(.badParameter, "\(node.place)/recno is 1 or more", option: "recno")
        }
        return UInt64(number)
    }

    private static func number(
        _ name: String, _ object: inout JSONObject
    ) throws(Problem) -> UInt64 {
        guard let value = object.take(name), !value.isNull else { return 0 }
        guard let number = value.integer, number >= 0 else {
            throw Problem(
                .badParameter, "\(value.place) is a record number, 0 or null", option: name)
        }
        return UInt64(number)
    }

    /// The value of a modify: as it was sent, or packed from `changes`.
    private static func change(
        _ object: inout JSONObject, _ node: JSONNode
    ) throws(Problem) -> [UInt8] {
        guard let list = object.take("changes") else {
            return try bytes("value", &object, node)
        }
        guard object.take("value") == nil, let elements = list.elements,
            elements.count <= limit
        else {
            throw Problem(
                .badParameter,
                "\(node.place) takes value, or changes: an array of at most \(limit)",
                option: "changes")
        }
        var changes: [TransactionOperation.Change] = []
        for element in elements {
            var members = try JSONObject(element)
            let data = try bytes("data", &members, element)
            let place = try members.integer("at")
            let size = try members.integer("size")
            try members.finish()
            guard let place, let size, place >= 0, size >= 0 else {
                throw Problem(
                    .badParameter, "\(element.place) needs at and size, 0 or more",
                    option: "changes")
            }
            changes.append(.init(data: data, offset: place, size: size))
        }
        return TransactionOperation.value(of: changes)
    }
}
