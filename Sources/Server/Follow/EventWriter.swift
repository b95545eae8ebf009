import API

/// Writes server-sent events.
struct EventWriter {
    private(set) var bytes: [UInt8]

    /// - Parameter bytes: what the events are appended to.
    init(_ bytes: consuming [UInt8] = []) { self.bytes = bytes }

    /// An event.
    ///
    /// - Parameters:
    ///   - id: what a client sends to go on behind it.
    ///   - data: writes its JSON, which has no line ends.
    mutating func event(
        _ name: StaticString, id: String? = nil, data: (inout JSONWriter) -> Void
    ) {
        var writer = JSONWriter()
        swap(&writer.bytes, &bytes)
        if let id {
            writer.literal("id: ")
            writer.bytes += id.utf8
            writer.literal("\n")
        }
        writer.literal("event: ")
        writer.literal(name)
        writer.literal("\ndata: ")
        data(&writer)
        writer.literal("\n\n")
        swap(&writer.bytes, &bytes)
    }

    /// An event whose data is a small object.
    mutating func event(_ name: StaticString, id: String? = nil, _ data: JSONValue) {
        event(name, id: id) { $0.value(data) }
    }

    /// Events that have been written before.
    mutating func append(_ events: [UInt8]) { bytes += events }

    /// A line that means nothing: it keeps intermediaries from cutting an idle connection.
    mutating func heartbeat() { bytes += ":\n\n".utf8 }
}

extension Response {
    /// The head of a stream of events, which nobody on the way may keep or gather.
    static var events: Response {
        var head = Response(type: .eventStream)
        head.headers = [.init("Cache-Control", "no-store"), .init("X-Accel-Buffering", "no")]
        return head
    }
}
