import API
import Store

/// What owners of a log are told, as server-sent events.
final class NoticeStream: ByteStream, @unchecked Sendable {
    // Sendable because one thread at a time uses it: the network's, or while the connection is
    // parked the one that resumes it.
    private let service: Service
    private let log: DiskLog
    private let handle: LogHandles.Handle
    private let endsHandle: Bool
    private let stream: Int
    private let records: RecordWriter
    private let requestID: String
    private var output = StreamBuffer("retry: 2000\n\n")
    private var nextNumber: Int?
    private var isFinished = false
    private var lastOutput = Instant.now

    /// A line that means nothing keeps intermediaries from cutting an idle connection.
    private static let heartbeat = 15_000_000_000
    /// How often the stream looks whether its client is there.
    private static let glance = 1000

    /// - Parameter endsHandle: whether the handle was made for this stream.
    init(
        _ service: Service, _ log: DiskLog, _ handle: LogHandles.Handle, endsHandle: Bool,
        _ records: RecordWriter, requestID: String
    ) {
        self.service = service
        self.log = log
        self.handle = handle
        self.endsHandle = endsHandle
        stream = log.notices.attach(handle.id)
        self.records = records
        self.requestID = requestID
    }

    /// The end of the stream is the end of an owner that was made for it.
    deinit {
        log.notices.detach(stream, of: handle.id)
        let handles = service.store.logs.handles
        handles.unpin(handle.id)
        guard endsHandle else { return }
        service.store.files.submit { [logs = service.store.logs, handle] in logs.end(handle) }
    }

    func fetch() {}

    func read(into buffer: UnsafeMutableRawBufferPointer) throws(StreamCut) -> StreamStep {
        if output.isEmpty { output.refill(produce) }
        guard !output.isEmpty else { return isFinished ? .end : .mustWait }
        lastOutput = .now
        return .bytes(output.take(into: buffer))
    }

    func wait(_ resume: @escaping @Sendable () -> Void) {
        let once = Locked<(@Sendable () -> Void)?>(resume)
        let go: @Sendable () -> Void = {
            once.withLock { once in
                defer { once = nil }
                return once
            }?()
        }
        service.store.timers.schedule(afterMilliseconds: Self.glance, go)
        log.notices.whenReady(handle.id, stream, go)
    }

    private func produce(_ output: inout [UInt8]) {
        guard !isFinished else { return }
        if service.isDraining {
            return fail(Problem(.draining, "the service is about to stop"), &output)
        }
        guard let notices = log.notices.take(handle.id, stream) else {
            isFinished = true
            return
        }
        for numbered in notices { add(numbered, to: &output) }
        if output.isEmpty, Instant.now.nanoseconds(since: lastOutput) > Self.heartbeat {
            output += ":\n\n".utf8
        }
    }

    private func fail(_ problem: Problem, _ output: inout [UInt8]) {
        isFinished = true
        let document = problem.document(
            instance: "/v1/logs/\(log.name)/notifications", requestID: requestID)
        event("error", document.bytes, &output)
    }

    private func add(_ numbered: LogNotices.Numbered, to output: inout [UInt8]) {
        let expected = nextNumber ?? numbered.number
        if numbered.number > expected {
            event("lost", data { $0.member("count", numbered.number - expected) }, &output)
        }
        nextNumber = numbered.number + 1
        output += "id: \(numbered.number)\n".utf8
        switch numbered.notice {
        case .wrap(let lost): event("wrap", data { $0.member("no_lost_items", lost) }, &output)
        case .truncated(let lost):
            event("truncated", data { $0.member("no_lost_items", lost) }, &output)
        case .full: event("full", data { _ in }, &output)
        case .readOnly(let items): event("read_only", data(items), &output)
        case .blockedLog(let items): event("blocked_log", data(items), &output)
        case .formatExternal(let items): event("format_external", data(items), &output)
        case .errorStatus(let error):
            event("error_status", data { status(error, to: &$0) }, &output)
        case .closed:
            isFinished = true
            event("closed", data { _ in }, &output)
        case .deleted:
            isFinished = true
            event("deleted", data { _ in }, &output)
        }
    }

    private func status(_ error: StoreError?, to writer: inout JSONWriter) {
        guard let error else { return writer.member("status", "ok") }
        writer.member(
            "status",
            Problem(error, of: .diskLog).document(
                instance: "/v1/logs/\(log.name)/append", requestID: requestID))
    }

    private func data(_ items: [[UInt8]]) -> [UInt8] {
        data { writer in
            writer.literal(",\"items\":[")
            for (index, item) in items.enumerated() {
                if index > 0 { writer.literal(",") }
                item.withUnsafeBytes { records.write($0, to: &writer) }
            }
            writer.literal("]")
        }
    }

    private func data(_ body: (inout JSONWriter) -> Void) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.member("node", log.node)
        writer.member("log", log.name)
        body(&writer)
        writer.endObject()
        return writer.bytes
    }

    private func event(_ name: StaticString, _ data: [UInt8], _ output: inout [UInt8]) {
        output += "event: ".utf8
        name.withUTF8Buffer { output.append(contentsOf: $0) }
        output += "\ndata: ".utf8
        output += data
        output += "\n\n".utf8
    }
}

extension Service {
    func listenToLog(_ call: Call) throws(Problem) -> Answer {
        _ = try call.negotiate([.eventStream])
        let shape = try shape(call)
        let caller = try caller(call)
        // Without a handle this opens an owner.
        if caller == .service { try call.require(.write) }
        return try onLog(call) { service, log in
            service.onFileThread { () throws(Problem) in
                let handle = try service.listener(caller, log)
                guard service.store.logs.handles.pin(handle.id) else {
                    throw Problem(.noSuchHandle(handle: handle.id))
                }
                var head = Response(type: .eventStream)
                head.headers = [
                    .init("Cache-Control", "no-store"), .init("X-Accel-Buffering", "no"),
                ]
                return .stream(
                    head,
                    NoticeStream(
                        service, log, handle, endsHandle: caller == .service,
                        RecordWriter(shape: shape, format: log.format), requestID: call.requestID),
                    length: nil)
            }
        }
    }

    /// The owner that is told: the caller's, or one that lives as long as the stream.
    private func listener(
        _ caller: LogCaller, _ log: DiskLog
    ) throws(Problem) -> LogHandles.Handle {
        let logs = store.logs
        if case .handle(let id) = caller {
            guard let handle = logs.handles.use(id), log.holders.owners[id] == true else {
                throw Problem(.notOwner(handle: id))
            }
            return handle
        }
        return try mapping(of: .diskLog) { () throws(StoreError) in
            let handle = try logs.handles.make(for: log.name, .owner, ttlMilliseconds: 60_000)
            _ = try logs.open(
                log.name, LogOptions(), for: .owner(handle: handle.id, notify: true))
            return handle
        }
    }
}
