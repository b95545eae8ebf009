import API
import Glibc
import Store
import Synchronization

/// Everything between the socket and the store: finds each request's operation and answers it.
final class Service: Sendable {
    let settings: Settings
    let store: Store
    let metrics: Metrics
    let log: ServiceLog
    let reaper: Reaper
    let bodies: BodyBudget
    let tokens: Tokens
    let access = AccessFigures()
    let calls: KeyedCalls
    let failures: FailureLimiter
    let origins: Origins
    /// nil: connections are not encrypted.
    let tls: TLS?
    let followers = Followers()
    let inFlight = InFlight()

    let router: Router
    private let routes = RouteCache()
    let poolItems = PoolItems()
    /// Set once the daemon has started.
    let acceptor = Locked<Acceptor?>(nil)

    private let draining = Atomic(false)
    private let requestNumber = Atomic(UInt64(0))
    private let requestPrefix = UInt64.random(in: .min ... .max)

    init(
        settings: Settings, store: Store, tokens: Tokens, tls: TLS?, metrics: Metrics,
        log: ServiceLog
    ) {
        self.settings = settings
        self.store = store
        self.metrics = metrics
        self.log = log
        self.tokens = tokens
        self.tls = tls
        calls = KeyedCalls(store.calls)
        failures = FailureLimiter(perMinute: settings.authFailures)
        origins = Origins(settings.allowedOrigins)
        bodies = BodyBudget(limit: settings.bodiesBytes)
        reaper = Reaper(timers: store.timers, headerTimeout: settings.headerTimeout)
        router = Router(Operation.all.map { Endpoint($0, settings) })
    }

    var isDraining: Bool { draining.load(ordering: .relaxed) }

    /// From now on new work is refused; what is under way goes on.
    func startDraining() { draining.store(true, ordering: .relaxed) }

    /// Answers those who wait for data that may never come, once a drain has started.
    func endWaits() {
        for pool in store.pools.allLoaded { pool.endWaits() }
        for log in store.logs.allLoaded { log.endWaits() }
        for journal in store.journals.allLoaded { journal.endWaits() }
        store.mpools.endWaits()
    }

    /// Decides by the head alone whether a request can be taken.
    ///
    /// - Parameter address: where the client is.
    func admit(
        method: String, target raw: String, headers: Headers, from address: String
    ) throws(Problem) -> Admission {
        guard raw.utf8.count <= settings.targetBytes else {
            throw Problem(
                .uriTooLong,
                "the target has \(raw.utf8.count) bytes; the limit is \(settings.targetBytes)",
                members: [.init(name: "limit", value: .integer(settings.targetBytes))])
        }
        if method == Method.options.rawValue {
            let allowed = try router.allowedMethods(try Target(raw).segments)
            return .answer(
                Response(
                    status: 204,
                    headers: [.init("Allow", allowed)] + origins.preflight(headers, allowed)))
        }
        let route = try routes.route(method, raw) { () throws(Problem) in
            try findRoute(method, raw)
        }
        try refuseOthersPages(headers, route.endpoint.description)
        try refuseOthersNames(headers)
        let token = try authorize(route, headers, from: address)
        try refuseUnusedKey(headers, route.endpoint.description)
        if isDraining, !route.endpoint.description.isAnsweredInDrain {
            throw Problem(.draining, "the service is about to stop")
        }
        return .request(Admitted(route: route, headers: headers, token: token))
    }

    private func findRoute(_ method: String, _ raw: String) throws(Problem) -> Route {
        let target = try Target(raw)
        let known = Method(rawValue: method)
        let match = try router.match(known, target.segments)
        for parameter in target.query where !match.endpoint.takes(query: parameter.name) {
            throw Problem(
                .unknownParameter, "there is no query parameter \(parameter.name)",
                option: parameter.name)
        }
        return Route(
            method: known ?? .get, target: target, endpoint: match.endpoint,
            captures: match.captures)
    }

    /// Pages of other sites can send simple requests without asking; none may change anything.
    private func refuseOthersPages(
        _ headers: Headers, _ description: OperationDescription
    ) throws(Problem) {
        guard !description.method.isSafe, let origin = headers[.origin] else { return }
        let own = headers[.host] ?? ""
        let isOwn = origin == "http://\(own)" || origin == "https://\(own)"
        guard isOwn || origins.allow(origin) else {
            throw Problem(.forbidden, "pages of other origins may not change anything here")
        }
    }

    /// A page whose site gives its name this machine's address sends what its visitor's browser may.
    ///
    /// So whoever needs no token has to call the service by a name that only this machine gives it.
    private func refuseOthersNames(_ headers: Headers) throws(Problem) {
        guard settings.isLoopback, !tokens.isNeeded, let host = headers[.host] else { return }
        guard HostName(host).isLocal || origins.allow(host: host) else {
            throw Problem(
                .forbidden,
                "without tokens the service is called localhost, by its address, or as one of "
                    + "http.allowed_origins is")
        }
    }

    /// Who names a request relies on its being done once; what can be repeated anyhow needs no name.
    private func refuseUnusedKey(
        _ headers: Headers, _ description: OperationDescription
    ) throws(Problem) {
        guard description.method == .post, description.repetition == .untold,
            headers[.idempotencyKey] != nil
        else { return }
        throw Problem(.notImplemented, "this operation takes no Idempotency-Key")
    }

    /// Does what a request whose body is there asks for.
    ///
    /// Waits for nothing.
    func handle(_ call: Call) throws(Problem) -> Answer {
        switch call.route.endpoint.operation {
        case .service(let operation): try handle(operation, call)
        case .token(let operation): try handle(operation, call)
        case .pool(let operation): try handle(operation, call)
        case .log(let operation): try handle(operation, call)
        case .journal(let operation): try handle(operation, call)
        case .mpool(let operation): try handle(operation, call)
        }
    }

    /// Runs what waits for the disk on a thread that may.
    func onFileThread(_ body: @escaping @Sendable () throws(Problem) -> Answer) -> Answer {
        .later { [store] complete in
            store.files.submit {
                do throws(Problem) {
                    complete(.success(try body()))
                } catch {
                    complete(.failure(error))
                }
            }
        }
    }

    /// An identifier for a request that came without one, in the form of a UUID.
    func newRequestID() -> String {
        let number = requestNumber.add(1, ordering: .relaxed).newValue
        let mixed = (number &+ requestPrefix) &* 0x9E37_79B9_7F4A_7C15
        return UUIDText.text(high: requestPrefix ^ (mixed >> 32), low: mixed ^ requestPrefix)
    }

    /// Whether a client's own identifier can be echoed and logged.
    static func isRequestID(_ text: String) -> Bool {
        (1...128).contains(text.utf8.count) && text.utf8.allSatisfy { (0x21...0x7E).contains($0) }
    }
}

/// What the log tells of a request that has ended.
struct Observation: Sendable {
    let method: String
    let target: String
    /// 0 if no answer was sent.
    let status: Int
    let problem: ProblemCode?
    let requestID: String
    let trace: TraceParent?
    let bodyBytes: Int
    let nanoseconds: Int
}

/// The text of a random UUID, made from 128 bits.
enum UUIDText {
    static func text(high: UInt64, low: UInt64) -> String {
        let high = high & ~0xF000 | 0x4000
        let low = low & ~(0b11 << 62) | 0b10 << 62
        return String(unsafeUninitializedCapacity: 36) { buffer in
            func put(_ word: UInt64, at places: Range<Int>) {
                var rest = word
                for place in places.reversed() {
                    let digit = UInt8(truncatingIfNeeded: rest & 15)
                    buffer[place] =
                        digit + (digit < 10 ? UInt8(ascii: "0") : UInt8(ascii: "a") - 10)
                    rest >>= 4
                }
            }
            for dash in [8, 13, 18, 23] { buffer[dash] = UInt8(ascii: "-") }
            put(high >> 32, at: 0..<8)
            put(high >> 16, at: 9..<13)
            put(high, at: 14..<18)
            put(low >> 48, at: 19..<23)
            put(low, at: 24..<36)
            return 36
        }
    }
}
