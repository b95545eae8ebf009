import API
import Store

// Reading logs: by chunk, as one stream, and the bytes of external ones.

extension Service {
    /// Runs `body` on a thread that may wait, once the log may be read.
    private func whenReadable(
        _ call: Call,
        _ body: @escaping @Sendable (DiskLog) throws(Problem) -> Answer
    ) throws(Problem) -> Answer {
        try whenReadable(call) { [self] log, complete in
            complete(.success(onFileThread { () throws(Problem) in try body(log) }))
        }
    }

    /// Calls `body` once the log may be read; it must not wait.
    func whenReadable(
        _ call: Call,
        _ body: @escaping @Sendable (DiskLog, @escaping Answer.Completion) -> Void
    ) throws(Problem) -> Answer {
        let caller = try caller(call)
        let wait = try blockWait(call)
        return try onLog(call) { _, log in
            .later { complete in
                log.whenReadable(by: caller, waitMilliseconds: wait) { refusal in
                    if let refusal { return complete(.failure(Problem(refusal, of: .diskLog))) }
                    body(log, complete)
                }
            }
        }
    }

    private func cursor(_ call: Call, in log: DiskLog) throws(Problem) -> LogCursor {
        let token = try call.text("cont") ?? "start"
        if token == "start" {
            return try mapping(of: .diskLog) { () throws(StoreError) in try log.oldestCursor() }
        }
        let cursor = try LogCursor(token: token)
        try mapping(of: .diskLog) { () throws(StoreError) in try log.check(cursor) }
        return cursor
    }

    // MARK: - Chunks

    func chunkLog(_ call: Call) throws(Problem) -> Answer {
        let type = try call.negotiate([.json, .ndjson, .frames])
        let limit = try call.integer("n", in: 1...Int.max)
        let shape = try shape(call)
        let wait = try call.integer("wait_ms", in: 0...settings.waitLimit) ?? 0
        let request = ChunkRequest(
            limit: limit ?? .max, mustDecode: shape != .b64 && type != .frames)
        return try whenReadable(call) { [self] log throws(Problem) in
            let generation = log.view.generation
            let cursor = try cursor(call, in: log)
            let records = RecordWriter(shape: shape, format: log.format)
            let first = try chunk(log, cursor, request)
            guard first.isEnd, wait > 0 else {
                return Self.answer(first, of: log, type, records)
            }
            return .later { complete in
                log.watermark.wait(
                    until: cursor.position + 1, milliseconds: wait,
                    while: { log.view.generation == generation }
                ) { _ in
                    complete(
                        .success(
                            self.onFileThread { () throws(Problem) in
                                Self.answer(
                                    try self.chunk(log, cursor, request), of: log, type, records)
                            }))
                }
                // A drain has ended the waits that were there when it started.
                if self.isDraining { log.endWaits() }
            }
        }
    }

    private func chunk(
        _ log: DiskLog, _ cursor: LogCursor, _ request: ChunkRequest
    ) throws(Problem) -> LogChunk {
        try mapping(of: .diskLog) { () throws(StoreError) in try log.chunk(from: cursor, request) }
    }

    private static func answer(
        _ chunk: LogChunk, of log: DiskLog, _ type: MediaType, _ records: RecordWriter
    ) -> Answer {
        var response = Response(headers: log.headers(log.view), type: type)
        if type == .json {
            response.body = page(chunk, records)
        } else {
            var encoder = RecordStreamEncoder(type, records)
            encoder.add(chunk, to: &response.body)
            encoder.finish(chunk.next, isEnd: chunk.isEnd, to: &response.body)
        }
        return .now(response)
    }

    private static func page(_ chunk: LogChunk, _ records: RecordWriter) -> [UInt8] {
        var writer = JSONWriter(capacity: chunk.bytes.count * 2 + 128)
        writer.beginObject()
        writer.member("cont", chunk.next.token)
        writer.literal(",\"records\":[")
        chunk.bytes.withUnsafeBytes { bytes in
            for (index, item) in chunk.items.enumerated() {
                if index > 0 { writer.literal(",") }
                records.write(UnsafeRawBufferPointer(rebasing: bytes[item]), to: &writer)
            }
        }
        writer.literal("]")
        writer.member("badbytes", chunk.badBytes)
        writer.member("eof", .bool(chunk.isEnd))
        writer.endObject()
        writer.literal("\n")
        return writer.bytes
    }

    func stepInLog(_ call: Call) throws(Problem) -> Answer {
        _ = try call.negotiate([.json])
        let step = try call.signedInteger("step") ?? 1
        return try whenReadable(call) { [self] log throws(Problem) in
            guard log.type == .wrap, log.format == .internal else {
                throw Problem(.notInternalWrap(name: log.name))
            }
            let cursor = try cursor(call, in: log)
            let next = try mapping(of: .diskLog) { () throws(StoreError) in
                try log.step(from: cursor, by: step)
            }
            return try Self.json(call, ["cont": .string(next.token)])
        }
    }

    func chunkInfo(_ call: Call) throws(Problem) -> Answer {
        guard let token = try call.text("cont"), token != "start" else {
            throw Problem(.badContinuation(detail: "a continuation is needed, not start"))
        }
        let cursor = try LogCursor(token: token)
        return try onLog(call) { _, log throws(Problem) in
            guard cursor.identity == log.identity else {
                throw Problem(
                    .badContinuation(detail: "the continuation is one of another log"))
            }
            return try Self.json(call, ["node": .string(log.node)])
        }
    }

    // MARK: - Everything

    func walkLog(_ call: Call) throws(Problem) -> Answer {
        let type = try call.negotiate([.ndjson, .frames])
        let from = try call.integer("from")
        let limit = try call.integer("limit", in: 1...Int.max)
        let shape = try shape(call)
        let wait = try call.integer("wait_ms", in: 0...settings.waitLimit) ?? 0
        let token = try call.text("cont")
        guard from == nil || token ?? "start" == "start" else {
            throw Problem(.badParameter, "cont and from say the same; send one", option: "from")
        }
        return try whenReadable(call) { [self] log throws(Problem) in
            let generation = log.view.generation
            if let from, from > log.view.position { throw .behindTheEnd(of: log) }
            let start =
                if let from {
                    try mapping(of: .diskLog) { () throws(StoreError) in try log.cursor(at: from) }
                } else { try cursor(call, in: log) }
            let records = RecordWriter(shape: shape, format: log.format)
            let stream: @Sendable () -> Answer = {
                let view = log.view
                return .stream(
                    Response(headers: log.headers(view), type: type),
                    LogWalkStream(
                        log, from: start, to: log.mode == .readOnly ? .max : view.position,
                        limit: limit ?? .max,
                        RecordStreamEncoder(type, records), requestID: call.requestID),
                    length: nil)
            }
            guard wait > 0, start.position == log.view.position else {
                return stream()
            }
            return .later { complete in
                log.watermark.wait(
                    until: start.position + 1, milliseconds: wait,
                    while: { log.view.generation == generation }
                ) { _ in
                    do throws(StoreError) {
                        try log.check(start)
                        complete(.success(stream()))
                    } catch {
                        complete(.failure(Problem(error, of: .diskLog)))
                    }
                }
                if self.isDraining { log.endWaits() }
            }
        }
    }

    func readLogData(_ call: Call) throws(Problem) -> Answer {
        _ = try call.negotiate([.octetStream])
        return try whenReadable(call) { log throws(Problem) in
            guard log.format == .external else {
                throw Problem(
                    .argumentMismatch(option: "format", expected: "external", actual: "internal"),
                    of: .diskLog)
            }
            let view = log.view
            let size = view.position - view.oldest
            let wanted = call.range(ifStillAt: log.tag(view).text)
            let range = wanted.map { $0.resolved(in: size) } ?? 0..<size
            guard let range else { throw .behindTheEnd(of: log) }
            var head = Response(
                status: wanted == nil ? 200 : 206, headers: log.headers(view), type: .octetStream)
            head.headers.append(.init("Accept-Ranges", "bytes"))
            head.headers.append(.init("X-Content-Type-Options", "nosniff"))
            if wanted != nil {
                let bytes = "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(size)"
                head.headers.append(.init("Content-Range", bytes))
            }
            return .stream(
                head,
                LogByteStream(
                    log, view.oldest + range.lowerBound..<view.oldest + range.upperBound),
                length: range.count)
        }
    }

    func checkLog(_ call: Call) throws(Problem) -> Answer {
        try onLog(call) { service, log in
            service.onFileThread { () throws(Problem) in
                let files = try mapping(of: .diskLog) { () throws(StoreError) in try log.check() }
                let bad = files.reduce(0) { $0 + $1.badBytes }
                let list = files.map { file in
                    JSONValue.object([
                        .init(name: "file", value: .string(file.file)),
                        .init(name: "items", value: .integer(file.items)),
                        .init(name: "badbytes", value: .integer(file.badBytes)),
                        .init(name: "closed", value: .bool(file.isClosed)),
                    ])
                }
                return try Self.json(
                    call,
                    [
                        "consistent": .bool(bad == 0),
                        "items": .integer(files.reduce(0) { $0 + $1.items }),
                        "badbytes": .integer(bad), "files": .array(list),
                    ])
            }
        }
    }
}

extension Problem {
    /// A position behind the last record that exists.
    static func behindTheEnd(of log: DiskLog) -> Problem {
        let view = log.view
        var problem = Problem(
            .rangeNotSatisfiable, "the log ends at position \(view.position)",
            members: [.init(name: "position", value: .integer(view.position))])
        problem.headers = [
            .init("Content-Range", "bytes */\(view.position - view.oldest)")
        ]
        return problem
    }
}
