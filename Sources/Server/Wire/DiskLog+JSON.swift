import API
import Store

extension DiskLog {
    /// The headers of answers about the log.
    func headers(_ view: View) -> [Response.Header] {
        [.init("ETag", tag(view).text), .init("Log-Position", String(view.position))]
    }

    func tag(_ view: View) -> EntityTag {
        EntityTag(identity: identity, generation: view.generation, position: view.position)
    }

    /// The item that clients get, as a line: what info/1 tells, and what is ours.
    func json(_ view: View, _ records: RecordWriter, _ open: JSONValue?) -> [UInt8] {
        var writer = JSONWriter(capacity: 1024)
        writer.beginObject()
        writer.member("name", name)
        writer.member("state", view.state.word)
        writer.member("file", base)
        writer.member("type", type.rawValue)
        writer.member("format", format.rawValue)
        writer.member("size", view.size.json)
        writer.member("mode", mode.rawValue)
        writer.member("items", view.figures.items)
        writeHolders(to: &writer)
        writer.member("node", node)
        writer.member("distributed", JSONValue.null)
        writer.literal(",\"head\":")
        head.write(records, to: &writer)
        if mode == .readWrite { writeCounts(view, to: &writer) }
        writer.member("position", view.position)
        writer.member("oldest_position", view.oldest)
        writer.member("generation", view.generation)
        writer.member("etag", tag(view).text)
        writer.member("durability", durability.rawValue)
        writer.member("error_status", errorStatus.map { Problem($0, of: .diskLog).detail } ?? "ok")
        writer.member("last_open", opened.json)
        if let fence {
            writer.member("fence", fence.current)
            writer.member("require_fence", .bool(fence.isRequired))
        }
        if let open { writer.member("open", open) }
        if case .failed(let reason) = view.state { writer.member("failure", reason) }
        writer.endObject()
        writer.literal("\n")
        return writer.bytes
    }

    private func writeHolders(to writer: inout JSONWriter) {
        let holders = self.holders
        var owners: [JSONValue] = []
        if holders.service { owners.append(["handle": "service", "notify": false]) }
        for (handle, notify) in holders.owners.sorted(by: { $0.key < $1.key }) {
            owners.append(["handle": .string(handle), "notify": .bool(notify)])
        }
        writer.member("owners", .array(owners))
        writer.member("users", holders.users)
        writer.member(
            "status",
            holders.queues.map { ["blocked": ["queue_log_records": .bool($0)]] } ?? "ok")
    }

    private func writeCounts(_ view: View, to writer: inout JSONWriter) {
        let figures = view.figures
        if type == .halt {
            writer.member("full", .bool(figures.isFull))
            writer.member("no_written_items", figures.writtenItems)
            return
        }
        writer.member("no_current_bytes", figures.currentBytes)
        if type == .wrap {
            writer.member("no_current_items", figures.currentItems)
            writer.member("no_items", figures.items)
            writer.member("no_written_items", figures.writtenItems)
            writer.member("current_file", figures.currentFile)
        } else {
            writer.member("no_items", figures.items)
        }
        writer.member(
            "no_overflows",
            [
                "since_opened": .integer(figures.overflows),
                "since_last_info": .integer(overflowsSinceInfo),
            ])
    }
}

extension LogHead {
    func write(_ records: RecordWriter, to writer: inout JSONWriter) {
        switch self {
        case .none: writer.literal("null")
        case .fixed(let bytes): bytes.withUnsafeBytes { records.write($0, to: &writer) }
        case .generated(let generator):
            var members: [JSONValue.Member] = [
                .init(name: "name", value: .string(generator.kind.rawValue))
            ]
            if generator.kind == .template {
                members.append(.init(name: "args", value: ["text": .string(generator.text)]))
            }
            writer.value(.object(members))
        }
    }
}

extension LogSize {
    var json: JSONValue {
        switch self {
        case .infinity: "infinity"
        case .bytes(let bytes): .integer(bytes)
        case .files(let bytes, let files):
            ["max_no_bytes": .integer(bytes), "max_no_files": .integer(files)]
        }
    }
}

extension LogOpened {
    var json: JSONValue { .object(members) }

    var members: [JSONValue.Member] {
        switch self {
        case .ok: [.init(name: "result", value: "ok")]
        case .repaired(let recovered, let bad, _):
            [
                .init(name: "result", value: "repaired"),
                .init(name: "recovered", value: .integer(recovered)),
                .init(name: "badbytes", value: .integer(bad)),
            ]
        }
    }
}

extension Logs.Closed {
    var json: JSONValue {
        var members: [JSONValue.Member] = [
            .init(name: "name", value: .string(name)),
            .init(name: "state", value: failure == nil ? "closed" : "failed"),
            .init(name: "file", value: .string(base)),
            .init(name: "type", value: .string(type.rawValue)),
            .init(name: "format", value: .string(format.rawValue)),
            .init(name: "size", value: size?.json ?? .null),
        ]
        if let failure {
            members.append(
                .init(
                    name: "last_open",
                    value: [
                        "result": "failed",
                        "detail": .string(Problem(failure, of: .diskLog).detail),
                    ]))
        }
        return .object(members)
    }
}
