import API
import CMicroHTTPD
import Store
import Synchronization

/// One request on its way through the service, and the answer on its way back.
///
///     head ─▶ body ─▶ parked ⇄ (worker or committer) ─▶ answered
///       └───────┴──────────────────────────────────────▶ answered
///
/// All but `complete` is called by the network thread of its connection.
final class Exchange: @unchecked Sendable {
    // Sendable because other threads reach only `parking` and, if they win it, `outcome`; and
    // `connection`, which they only hand to its loop's mailbox.
    private enum Phase { case head, body, parked, answered }

    /// Where a parked exchange is on its way back.
    private enum Parking: Int, AtomicRepresentable { case none, waiting, completing, completed }

    private let service: Service
    private let connection: OpaquePointer
    private let record: ConnectionRecord
    private let rawTarget: String
    private let started: Instant

    private var phase = Phase.head
    private var admitted: Admitted?
    /// The page of another site that may read the answer.
    private var origin: String?
    /// The answer, where it was known before the request was read completely.
    private var early: Response?
    private var body: [UInt8] = []
    private var upload: Upload?
    private var bodyBytes = 0
    /// How much of the body counts against what all bodies together may take.
    private var reservedBytes = 0
    private var methodName = ""
    private var requestID = ""
    private var trace: TraceParent?
    private var status = 0
    private var problem: ProblemCode?
    private let parking = Atomic(Parking.none)
    /// Written by the one thread that won `completing`, read after `completed`.
    private var outcome: Result<Answer, Problem>?

    init(
        service: Service, connection: OpaquePointer, record: ConnectionRecord, rawTarget: String
    ) {
        self.service = service
        self.connection = connection
        self.record = record
        self.rawTarget = rawTarget
        started = .now
        record.receive(until: started.advanced(milliseconds: service.settings.headerTimeout))
    }

    /// The library's callback: the headers are there, some of the body, all of it, or a resume.
    func proceed(
        method: UnsafePointer<CChar>, version: UnsafePointer<CChar>, upload: UnsafeRawBufferPointer,
        uploadSize: UnsafeMutablePointer<Int>
    ) -> MHD_Result {
        switch phase {
        case .head: return readHead(String(cString: method), version: String(cString: version))
        case .body where uploadSize.pointee > 0:
            uploadSize.pointee = 0
            return collect(upload)
        case .body: return handle()
        case .parked:
            guard parking.load(ordering: .acquiring) == .completed, let outcome else { return .NO }
            self.outcome = nil
            return deliver(isForbiddenByNow ? .failure(.tokenHasEnded) : outcome)
        case .answered: return .YES
        }
    }

    /// The library is done with the request, whatever became of it.
    func finish() {
        releaseBody()
        let now = Instant.now
        record.wait(until: now.advanced(milliseconds: service.settings.idleTimeout))
        let nanoseconds = now.nanoseconds(since: started)
        service.metrics.count(
            admitted?.endpoint, status: status, bodyBytes: bodyBytes, nanoseconds: nanoseconds)
        if let problem { service.metrics.count(problem) }
        guard service.log.tells(ofStatus: status) else { return }
        service.log.access(
            Observation(
                method: methodName, target: rawTarget, status: status, problem: problem,
                requestID: requestID, trace: trace, bodyBytes: bodyBytes, nanoseconds: nanoseconds))
    }

    // MARK: - Receiving

    private func readHead(_ method: String, version: String) -> MHD_Result {
        methodName = method
        requestID = service.newRequestID()
        phase = .body
        let reader = HeadReader(connection)
        let headers = reader.headers
        if let id = headers[.requestID], Service.isRequestID(id) { requestID = id }
        trace = headers[.traceparent].flatMap(TraceParent.init)
        origin = service.origins.allowed(headers)
        do throws(Problem) {
            try reader.check(
                method: method, isVersion11: version == "HTTP/1.1",
                limit: service.settings.headerBytes)
        } catch {
            return refuseAndClose(error)
        }
        // The library has seen that it is a number; it may be larger than ours.
        let length = headers[.contentLength].map { Int($0) ?? .max } ?? 0
        let hasBody = length > 0 || headers[.transferEncoding] != nil
        do throws(Problem) {
            switch try service.admit(
                method: method, target: rawTarget, headers: headers, from: record.address)
            {
            case .answer(let response): early = response
            case .request(let request):
                admitted = request
                try request.checkBody(length: length, isPresent: hasBody)
                body.reserveCapacity(min(length, 1 << 20))
                if request.endpoint.description.bodyLimit == .file {
                    upload = Upload(
                        service: service, operation: request.endpoint.operation,
                        token: request.token)
                }
            }
        } catch {
            // With a body under way the connection cannot be used again; without one it can.
            if hasBody { return refuseAndClose(error) }
            early = error.response(instance: instance, requestID: requestID)
        }
        setBodyDeadline()
        return .YES
    }

    private func collect(_ upload: UnsafeRawBufferPointer) -> MHD_Result {
        bodyBytes += upload.count
        setBodyDeadline()
        let limit = admitted?.endpoint.bodyLimit ?? 0
        if early == nil, bodyBytes > limit, let admitted {
            early = admitted.bodyTooLarge.response(instance: instance, requestID: requestID)
            body = []
        }
        let isReserved =
            early == nil && service.bodies.reserve(upload.count, held: reservedBytes)
        if early == nil, self.upload == nil, !isReserved {
            let problem = Problem(.overloaded, "too many bodies are being received at once")
            early = problem.response(instance: instance, requestID: requestID)
            body = []
        }
        // Once the answer is known the rest is passed over, up to a point: the library takes no
        // answer before the end of the body.
        if early != nil { return bodyBytes > 4 * limit + (1 << 20) ? .NO : .YES }
        body.append(contentsOf: upload)
        if isReserved { reservedBytes += upload.count }
        if let sink = self.upload, !isReserved || body.count >= Upload.pieceSize {
            guard !hasTokenEnded else {
                early = Problem.tokenHasEnded.response(instance: instance, requestID: requestID)
                return .YES
            }
            passOn(to: sink)
        }
        return .YES
    }

    /// Parks the connection while a piece of the body goes to disk.
    private func passOn(to sink: Upload) {
        let piece = body
        let reserved = reservedBytes
        body = []
        reservedBytes = 0
        MHD_suspend_connection(connection)
        sink.write(piece) { [self] in
            service.bodies.release(reserved)
            record.mailbox.resume(connection)
        }
    }

    private func releaseBody() {
        service.bodies.release(reservedBytes)
        reservedBytes = 0
    }

    private func setBodyDeadline() {
        let settings = service.settings
        let longest = upload == nil ? settings.requestTimeout : .max / 1_000_000_000
        let allowance = min(settings.bodyTimeout + bodyBytes / 65536 * 1000, longest)
        record.receive(until: started.advanced(milliseconds: allowance))
    }

    // MARK: - Answering

    private func handle() -> MHD_Result {
        record.answer(until: nil)
        if let early { return send(early) }
        guard let admitted else { return .NO }
        let taken = body
        body = []
        if hasTokenEnded { return deliver(.failure(.tokenHasEnded)) }
        do throws(Problem) {
            return deliver(
                .success(
                    try service.answerWithinQuotas(
                        admitted.call(body: taken, upload: upload, requestID: requestID))))
        } catch {
            return deliver(.failure(error))
        }
    }

    private func deliver(_ result: Result<Answer, Problem>) -> MHD_Result {
        switch result {
        case .success(.now(let response)): return send(response)
        case .success(.stream(let response, let stream, let length)):
            return send(response, stream: stream, length: length)
        case .success(.later(let start)): return park(start)
        case .success(.made(let make)): return deliver(make())
        case .failure(let problem):
            return send(problem.response(instance: instance, requestID: requestID))
        }
    }

    /// Whether the answer tells of what is in a resource, and the token has ended while it waited.
    private var isForbiddenByNow: Bool {
        hasTokenEnded && admitted?.endpoint.description.access.scope == .read
    }

    /// Whether the token has ended since the head of the request came.
    private var hasTokenEnded: Bool { admitted?.token.map { !$0.holds } ?? false }

    /// Gives the connection up until `complete`; nobody else has seen the exchange before.
    private func park(_ start: @Sendable (@escaping Answer.Completion) -> Void) -> MHD_Result {
        phase = .parked
        parking.store(.waiting, ordering: .releasing)
        MHD_suspend_connection(connection)
        start { [self] in complete($0) }
        return .YES
    }

    /// Milliseconds that a request waits to be told that there is too much to do.
    private static let refusalDelay = 250

    /// Takes the outcome of a parked exchange, on any thread; a second one is passed over.
    private func complete(_ result: Result<Answer, Problem>) {
        if case .success(.later(let start)) = result {
            return start { [self] in complete($0) }
        }
        if case .failure(let problem) = result, problem.code == .overloaded {
            // Who is refused at once asks again at once, and takes the time of those who were not.
            service.store.timers.schedule(afterMilliseconds: Self.refusalDelay) { [self] in
                finish(result)
            }
            return
        }
        finish(result)
    }

    private func finish(_ result: Result<Answer, Problem>) {
        let isFirst = parking.compareExchange(
            expected: .waiting, desired: .completing, ordering: .acquiringAndReleasing
        ).exchanged
        guard isFirst else { return }
        outcome = result
        parking.store(.completed, ordering: .releasing)
        record.mailbox.resume(connection)
    }

    private func refuseAndClose(_ problem: Problem) -> MHD_Result {
        var response = problem.response(instance: instance, requestID: requestID)
        response.headers.append(.init("Connection", "close"))
        return send(response)
    }

    private func send(
        _ response: Response, stream: (any ByteStream)? = nil, length: Int? = nil
    ) -> MHD_Result {
        phase = .answered
        // Before the client can know, so that its next body finds the room.
        releaseBody()
        status = response.status
        problem = response.problem
        let isStream = stream != nil
        record.answer(
            until:
                isStream ? nil : started.advanced(milliseconds: service.settings.requestTimeout))
        let reader = stream.map {
            StreamReader(
                $0, connection: connection, record: record, token: admitted?.token,
                workers: service.store.files)
        }
        let made =
            if let reader { MHDResponse(response, stream: reader, length: length) } else {
                MHDResponse(response)
            }
        guard let made else { return .NO }
        made.add("Request-Id", requestID)
        service.origins.addHeaders(for: origin, to: made)
        if let limiter = admitted?.token?.limiter {
            for header in limiter.headers(limiter.look()) { made.add(header.name, header.value) }
        }
        if service.isDraining { made.add("Connection", "close") }
        return made.queue(status: status, on: connection)
    }

    private var instance: String { String(rawTarget.prefix { $0 != "?" }.prefix(256)) }
}
