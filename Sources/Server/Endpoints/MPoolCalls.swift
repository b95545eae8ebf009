import API
import Store

/// Calls of a buffer pool that are requests of their own, and operations of a batch.
struct MPoolCalls {
    let pool: OpenMPool

    /// What a call answers.
    struct Result {
        var status = 200
        var json: JSONValue
    }

    func fsync(_ name: String) throws(Problem) -> Result {
        let result = try mapping(of: .mpool) { () throws(StoreError) in
            try pool.sync(pool.file(name))
        }
        return Self.answer(result, nil)
    }

    func sync(_ body: [UInt8]) throws(Problem) -> Result {
        guard !body.isEmpty else { return try sync(upTo: nil) }
        var object = try JSONObject(try JSONDocument(body, depth: 64).root)
        return try sync(&object)
    }

    func sync(_ object: inout JSONObject) throws(Problem) -> Result {
        let lsn = try LSN(&object)
        try object.finish()
        return try sync(upTo: lsn)
    }

    private func sync(upTo lsn: LSN?) throws(Problem) -> Result {
        let (result, written) = try mapping(of: .mpool) { () throws(StoreError) in
            try pool.sync(lsn)
        }
        return Self.answer(result, written)
    }

    private static func answer(_ result: SyncResult, _ lsn: LSN?) -> Result {
        guard result == .complete else {
            return Result(status: 202, json: ["complete": false, "code": "DB_INCOMPLETE"])
        }
        let complete: JSONValue = ["complete": true]
        return Result(json: lsn.map { complete.with("lsn", $0.json) } ?? complete)
    }

    func trickle(_ object: inout JSONObject) throws(Problem) -> Result {
        guard let percent = try object.integer("pct") else {
            throw Problem(.badParameter, "pct is needed", option: "pct")
        }
        try object.finish()
        let written = try mapping(of: .mpool) { () throws(StoreError) in
            try pool.pool.trickle(percent: percent)
        }
        return Result(json: ["nwrote": .integer(written)])
    }

    /// A pin as it is answered, with its page unless the client does not want that.
    func fget(
        _ name: String, _ request: FgetRequest, minimal: Bool, holder: String
    ) throws(StoreError) -> (result: Result, pin: PageLeases.Info, bytes: [UInt8], etag: String) {
        let file = try pool.file(name)
        let (pin, bytes) = try pool.leases.get(
            file, name: name, request.page, request.mode,
            ttlMilliseconds: request.ttlMilliseconds, holder: holder
        ) { Array($0) }
        let etag = bytes.withUnsafeBytes { file.tag(of: $0) }
        var json: [JSONValue.Member] = [
            .init(name: "pin", value: .string(pin.id)),
            .init(name: "pgno", value: .integer(Int(pin.pgno))),
            .init(name: "mode", value: .string(pin.mode.rawValue)),
        ]
        if !minimal { json.append(.init(name: "page", value: JSONValue(page: bytes))) }
        json += [
            .init(name: "etag", value: .string(etag)),
            .init(
                name: "expires_at",
                value: .string(WallClock.text(ofMilliseconds: pin.expiresAt))),
        ]
        return (Result(json: .object(json)), pin, bytes, etag)
    }

    func fput(
        _ name: String, _ request: FputRequest, _ condition: PageCondition, keeps: Bool
    ) throws(Problem) -> Result {
        let pin = try mapping(of: .mpool) { () throws(StoreError) in
            let file = try pool.file(name)
            return keeps
                ? try pool.leases.set(
                    request.pin, of: file, request.flags, request.change, condition)
                : try pool.leases.put(
                    request.pin, of: file, request.flags, request.change, condition,
                    priority: request.priority)
        }
        return Result(json: pin.used)
    }
}

extension Response {
    init(_ result: MPoolCalls.Result) {
        self.init(
            status: result.status,
            headers: result.status == 202 ? [.init("Retry-After", "1")] : [], json: result.json)
    }
}
