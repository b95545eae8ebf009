import API
import Store

// Pins of clients, and batches.

extension Service {
    func fget(_ call: Call) throws(Problem) -> Answer {
        var object = try JSONObject(try JSONDocument(call.body, depth: 64).root)
        let request = try FgetRequest(&object, mayAppend: call.may(.append))
        try object.finish()
        if request.needsAppend { try call.require(.append) }
        let type = try call.negotiate([.json, .octetStream])
        let pool = try mapping(of: .mpool) { () throws(StoreError) in
            try store.mpools.find(call.name)
        }
        let deadline = Instant.now.advanced(milliseconds: request.waitMilliseconds)
        return .later { [self] complete in
            tryFget(call, pool, request, type, until: deadline, complete)
        }
    }

    /// Gets the page, and again once another's write pin of it has ended, until time is up.
    private func tryFget(
        _ call: Call, _ pool: OpenMPool, _ request: FgetRequest, _ type: MediaType,
        until deadline: Instant, _ complete: @escaping Answer.Completion
    ) {
        store.files.submit { [self] in
            let minimal = Preference(call.headers.joined(.prefer)).wantsMinimal
            do throws(StoreError) {
                let got = try MPoolCalls(pool: pool).fget(
                    call.fileName, request, minimal: minimal, holder: call.holder)
                let headers: [Response.Header] = [
                    .init("ETag", got.etag), .init("Mpool-Pin", got.pin.id),
                    .init("Mpool-Pgno", String(got.pin.pgno)),
                ]
                let response =
                    type == .json
                    ? Response(headers: headers, json: got.result.json)
                    : Response(
                        headers: headers, type: .octetStream, body: minimal ? [] : got.bytes)
                complete(.success(.now(response)))
            } catch {
                let left = deadline.nanoseconds(since: Instant.now) / 1_000_000
                guard case .mpool(.pagePinned(let pgno)) = error, left > 0, !isDraining,
                    let file = try? pool.file(call.fileName)
                else { return complete(.failure(Problem(error, of: .mpool))) }
                pool.leases.whenFree(file, pgno, milliseconds: left) { [self] in
                    tryFget(call, pool, request, type, until: deadline, complete)
                }
            }
        }
    }

    func fput(_ call: Call, keeps: Bool) throws(Problem) -> Answer {
        let condition = try PageCondition(call.headers)
        return try onMPool(call) { pool throws(Problem) in
            var object = try JSONObject(try JSONDocument(call.body, depth: 64).root)
            let request = try FputRequest(&object, keeps: keeps)
            try object.finish()
            if request.changesPage { try call.require(.append) }
            try call.requireOwn(pin: request.pin)
            return .init(
                try MPoolCalls(pool: pool).fput(
                    call.fileName, request, condition, keeps: keeps))
        }
    }

    func renewMPoolPin(_ call: Call) throws(Problem) -> Answer {
        var ttl: Int?
        if !call.body.isEmpty {
            var object = try JSONObject(try JSONDocument(call.body, depth: 64).root)
            ttl = try object.pinTTL()
            try object.finish()
        }
        return try onMPool(call) { [ttl] pool throws(Problem) in
            let id = try call.ownPin()
            let pin = try mapping(of: .mpool) { () throws(StoreError) in
                try pool.leases.renew(id, ttlMilliseconds: ttl)
            }
            return .init(json: pin.json)
        }
    }

    func endMPoolPin(_ call: Call) throws(Problem) -> Answer {
        if try call.bool("force") ?? false { try call.require(.admin) }
        return try onMPool(call) { pool throws(Problem) in
            let id = try call.ownPin()
            try mapping(of: .mpool) { () throws(StoreError) in try pool.leases.end(id) }
            return .init(status: 204)
        }
    }

    // MARK: - Batches

    func batchMPool(_ call: Call) throws(Problem) -> Answer {
        try onMPool(call) { pool throws(Problem) in
            var object = try JSONObject(try JSONDocument(call.body, depth: 64).root)
            guard let operations = try object.elements("ops") else {
                throw Problem(.badParameter, "ops is needed", option: "ops")
            }
            for operation in operations where operation.members == nil {
                throw Problem(
                    .badParameter, "\(operation.place) must be an object", option: "ops")
            }
            let stops = try object.bool("stop") ?? true
            try object.finish()
            var batch = MPoolBatch(calls: MPoolCalls(pool: pool), call: call)
            var results: [JSONValue] = []
            for operation in operations {
                do throws(Problem) {
                    let result = try batch.run(operation)
                    results.append(result.json.with("status", .integer(result.status)))
                } catch {
                    results.append(
                        error.document(
                            instance: call.route.target.path, requestID: call.requestID))
                    if stops { break }
                }
            }
            return .init(json: ["results": .array(results)])
        }
    }
}

/// The operations of one batch, which may name the pins of those before.
struct MPoolBatch {
    let calls: MPoolCalls
    /// Whose batch it is.
    let call: Call
    private var pins: [String: String] = [:]
    /// Bytes of the pages that the results hold.
    private var pageBytes = 0

    /// Once the results hold so much, no other page is added.
    static let pageByteLimit = 16 << 20

    init(calls: MPoolCalls, call: Call) {
        self.calls = calls
        self.call = call
    }

    mutating func run(_ node: JSONNode) throws(Problem) -> MPoolCalls.Result {
        var object = try JSONObject(node)
        guard let operation = try object.string("op") else {
            throw Problem(.badParameter, "\(node.place) needs op", option: "op")
        }
        if ["fsync", "sync", "trickle", "put", "patch"].contains(operation) {
            try call.require(.write)
        }
        switch operation {
        case "fget": return try fget(&object)
        case "fput", "fset":
            let file = try object.file()
            let condition = try PageCondition(&object)
            let request = try FputRequest(
                &object, keeps: operation == "fset", names: pins)
            try object.finish()
            if request.changesPage { try call.require(.append) }
            try call.requireOwn(pin: request.pin)
            return try calls.fput(file, request, condition, keeps: operation == "fset")
        case "fsync":
            let file = try object.file()
            try object.finish()
            return try calls.fsync(file)
        case "sync": return try calls.sync(&object)
        case "trickle": return try calls.trickle(&object)
        case "stat":
            try object.finish()
            let statistics = try mapping(of: .mpool) { () throws(StoreError) in
                try calls.pool.pool.statistics()
            }
            return .init(json: statistics.json)
        case "get", "put", "patch": return try page(operation, &object)
        default:
            throw Problem(.badParameter, "there is no operation \(operation)", option: "op")
        }
    }

    private mutating func fget(_ object: inout JSONObject) throws(Problem) -> MPoolCalls.Result {
        let file = try object.file()
        let name = try object.string("as")
        let minimal = try object.bool("minimal") ?? false
        let request = try FgetRequest(&object, mayAppend: call.may(.append))
        try object.finish()
        if request.needsAppend { try call.require(.append) }
        if !minimal { try takeRoom(for: try self.file(file)) }
        let got = try mapping(of: .mpool) { () throws(StoreError) in
            try calls.fget(file, request, minimal: minimal, holder: call.holder)
        }
        if let name { pins[name] = got.pin.id }
        return got.result
    }

    private func file(_ name: String) throws(Problem) -> PageFile {
        try mapping(of: .mpool) { () throws(StoreError) in try calls.pool.file(name) }
    }

    /// Takes room in the results for a page of the file.
    private mutating func takeRoom(for file: PageFile) throws(Problem) {
        guard pageBytes < Self.pageByteLimit else {
            throw Problem(
                .tooLarge,
                "the pages before it take \(pageBytes) bytes: ask for the rest in another batch",
                members: [.init(name: "limit", value: .integer(Self.pageByteLimit))])
        }
        pageBytes += file.pageSize
    }

    private mutating func page(
        _ operation: String, _ object: inout JSONObject
    ) throws(Problem) -> MPoolCalls.Result {
        let name = try object.file()
        guard let pgno = try object.pgno() else {
            throw Problem(.badParameter, "pgno is needed", option: "pgno")
        }
        let discard = try object.bool("discard") ?? false
        let file = try file(name)
        if operation == "get" {
            try object.finish()
            try takeRoom(for: file)
            let (_, bytes) = try mapping(of: .mpool) { () throws(StoreError) in
                try file.copy(.existing(pgno), discard: discard)
            }
            return .init(json: [
                "pgno": .integer(Int(pgno)), "page": JSONValue(page: bytes),
                "etag": .string(bytes.withUnsafeBytes { file.tag(of: $0) }),
            ])
        }
        let condition = try PageCondition(&object)
        let mayCreate = try object.bool("create") ?? false
        let create = operation == "put" || mayCreate
        guard let change = try PageChange(&object) else {
            throw Problem(.badParameter, "page or patches is needed", option: "page")
        }
        try object.finish()
        let (isNew, etag) = try mapping(of: .mpool) { () throws(StoreError) in
            try calls.pool.change(
                file, pgno, change, create: create, discard: discard, condition)
        }
        return .init(
            status: isNew ? 201 : 204,
            json: ["pgno": .integer(Int(pgno)), "etag": .string(etag)])
    }
}

extension PageCondition {
    /// Takes `if_match` and `if_page_lsn_below` out of an operation.
    fileprivate init(_ object: inout JSONObject) throws(Problem) {
        self.init()
        if let tags = try object.string("if_match"), tags != "*" { self.tags = Self.list(tags) }
        lsnBelow = try object.string("if_page_lsn_below").map { (text) throws(Problem) in
            try LSN(header: text)
        }
    }
}

extension JSONObject {
    fileprivate mutating func file() throws(Problem) -> String {
        guard let file = try string("file") else {
            throw Problem(.badParameter, "file is needed", option: "file")
        }
        return file
    }
}

extension Call {
    /// The pin that the path names.
    ///
    /// - Throws: as `requireOwn`.
    fileprivate func ownPin() throws(Problem) -> String {
        let pin = route.captures.last ?? ""
        try requireOwn(pin: pin)
        return pin
    }

    /// - Throws: `no_such_pin` for a pin of another token, unless an administrator asks.
    fileprivate func requireOwn(pin: String) throws(Problem) {
        guard !owns(pin) else { return }
        throw Problem(StoreError.mpool(.noSuchPin(id: pin, isExpired: false)), of: .mpool)
    }
}
