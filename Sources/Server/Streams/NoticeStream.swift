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
        var events = EventWriter(output)
        defer { output = events.bytes }
        if service.isDraining {
            return fail(Problem(.draining, "the service is about to stop"), &events)
        }
        guard let notices = log.notices.take(handle.id, stream) else {
            isFinished = true
            return
        }
        for numbered in notices { add(numbered, to: &events) }
        if notices.isEmpty, Instant.now.nanoseconds(since: lastOutput) > Self.heartbeat {
            events.heartbeat()
        }
    }

    private func fail(_ problem: Problem, _ events: inout EventWriter) {
        isFinished = true
        events.event(
            "error",
            problem.document(
                instance: "/v1/logs/\(log.name)/notifications", requestID: requestID))
    }

    private func add(_ numbered: LogNotices.Numbered, to events: inout EventWriter) {
        let expected = nextNumber ?? numbered.number
        if numbered.number > expected {
            tell("lost", nil, &events) { $0.member("count", numbered.number - expected) }
        }
        nextNumber = numbered.number + 1
        let id = String(numbered.number)
        switch numbered.notice {
        case .wrap(let lost): tell("wrap", id, &events) { $0.member("no_lost_items", lost) }
        case .truncated(let lost):
            tell("truncated", id, &events) { $0.member("no_lost_items", lost) }
        case .full: tell("full", id, &events) { _ in }
        case .readOnly(let items): tell("read_only", id, &events) { write(items, to: &$0) }
        case .blockedLog(let items): tell("blocked_log", id, &events) { write(items, to: &$0) }
        case .formatExternal(let items):
            tell("format_external", id, &events) { write(items, to: &$0) }
        case .errorStatus(let error):
            tell("error_status", id, &events) { status(error, to: &$0) }
        case .closed:
            isFinished = true
            tell("closed", id, &events) { _ in }
        case .deleted:
            isFinished = true
            tell("deleted", id, &events) { _ in }
        }
    }

    /// An event of this log.
    private func tell(
        _ name: StaticString, _ id: String?, _ events: inout EventWriter,
        _ data: (inout JSONWriter) -> Void
    ) {
        events.event(name, id: id) { writer in
            writer.beginObject()
            writer.member("node", log.node)
            writer.member("log", log.name)
            data(&writer)
            writer.endObject()
        }
    }

    private func status(_ error: StoreError?, to writer: inout JSONWriter) {
        guard let error else { return writer.member("status", "ok") }
        writer.member(
            "status",
            Problem(error, of: .diskLog).document(
                instance: "/v1/logs/\(log.name)/append", requestID: requestID))
    }

    private func write(_ items: [[UInt8]], to writer: inout JSONWriter) {
        writer.literal(",\"items\":[")
        for (index, item) in items.enumerated() {
            if index > 0 { writer.literal(",") }
            item.withUnsafeBytes { records.write($0, to: &writer) }
        }
        writer.literal("]")
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
                let handle = try service.listener(caller, log, call)
                guard service.store.logs.handles.pin(handle.id) else {
                    throw Problem(.noSuchHandle(handle: handle.id))
                }
                return .stream(
                    .events,
                    NoticeStream(
                        service, log, handle, endsHandle: caller == .service,
                        RecordWriter(shape: shape, format: log.format), requestID: call.requestID),
                    length: nil)
            }
        }
    }

    /// The owner that is told: the caller's, or one that lives as long as the stream.
    private func listener(
        _ caller: LogCaller, _ log: DiskLog, _ call: Call
    ) throws(Problem) -> LogHandles.Handle {
        if case .handle(let id) = caller {
            guard let handle = store.logs.handles.use(id), log.holders.owners[id] == true else {
                throw Problem(.notOwner(handle: id))
            }
            return handle
        }
        return try openHandle(.owner, of: log, call, notify: true)
    }
}
