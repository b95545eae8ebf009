import API
import Glibc
import Store

// The endpoints of pools: decode, one call of the engine, encode.

extension Service {
    func handle(_ operation: PoolOperation, _ call: Call) throws(Problem) -> Answer {
        if operation == .list { return try listPools(call) }
        try ResourceName.check(call.name)
        switch operation {
        case .list, .get:
            return try onPool(call) { service, pool throws(Problem) in
                try service.item(PoolStatus(pool), call)
            } orElse: { service throws(Problem) in
                let status = try mapping { () throws(StoreError) in
                    try service.store.pools.status(call.name)
                }
                return try service.item(status, call)
            }
        case .create: return try createPool(call)
        case .delete: return try deletePool(call)
        case .open:
            return onFileThread { [self] () throws(Problem) in
                let pool = try mapping { () throws(StoreError) in try store.pools.open(call.name) }
                return try item(PoolStatus(pool), call)
            }
        case .close:
            return onFileThread { [self] () throws(Problem) in
                let status = try mapping { () throws(StoreError) in
                    try store.pools.close(call.name)
                }
                return try item(status, call)
            }
        case .nbyte:
            return try onPool(call) { _, pool throws(Problem) in
                try Self.json(call, ["nbyte": .integer(pool.nbyte)])
            }
        case .tell:
            return try onPool(call) { _, pool throws(Problem) in
                let status = PoolStatus(pool)
                return try Self.json(call, headers: status.headers, ["tell": .integer(status.tell)])
            }
        case .append: return try appendToPool(call)
        case .rewind: return try rewindPool(call)
        case .walk: return try walkPool(call)
        case .fence: return try fencePool(call)
        case .follow: return try followPool(call)
        case .data: return try readPoolData(call)
        case .check: return try checkPool(call)
        case .export: return try exportPool(call)
        case .import: return try importPool(call)
        }
    }

    /// Runs `body` with the pool: here if it is open, else on a thread that may wait for its
    /// opening.
    ///
    /// `orElse` takes the place of the opening where a closed pool will do.
    func onPool(
        _ call: Call,
        _ body: @escaping @Sendable (Service, PmemLog) throws(Problem) -> Answer,
        orElse: (@Sendable (Service) throws(Problem) -> Answer)? = nil
    ) throws(Problem) -> Answer {
        if let pool = store.pools.loaded(call.name) { return try body(self, pool) }
        return onFileThread { [self] () throws(Problem) in
            if let orElse { return try orElse(self) }
            let pool = try mapping { () throws(StoreError) in try store.pools.find(call.name) }
            return try body(self, pool)
        }
    }

    private func item(_ status: PoolStatus, _ call: Call, code: Int = 200) throws(Problem) -> Answer
    {
        _ = try call.negotiate([.json])
        var response = poolItems.response(status)
        response.status = code
        return .now(response)
    }

    /// An answer of JSON, if the client takes that.
    static func json(
        _ call: Call, status: Int = 200, headers: [Response.Header] = [],
        _ value: JSONValue
    ) throws(Problem) -> Answer {
        _ = try call.negotiate([.json])
        return .now(Response(status: status, headers: headers, json: value))
    }

    private func createPool(_ call: Call) throws(Problem) -> Answer {
        let options = try PoolOptions(call.body)
        try call.require(path: options.file)
        _ = try call.negotiate([.json])
        return onFileThread { [self] () throws(Problem) in
            try mapping { () throws(StoreError) in try options.check() }
            let isAbsent = !isThere(call)
            if isAbsent { try requireFreeSpace(options.size ?? 0) }
            // What is there takes nothing more.
            let bytes = isAbsent ? options.size ?? PoolLayout.minimumSize : 0
            let quota = try quota(for: call, bytes: bytes)
            defer { quota?.release() }
            let (pool, isNew) = try making("pool", call) { (mustBeNew) throws(StoreError) in
                try store.pools.create(call.name, options, mustBeNew: mustBeNew)
            }
            if isNew { noteForOthers(pool.poolSize, call) }
            return try item(PoolStatus(pool), call, code: isNew ? 201 : 200)
        }
    }

    private func deletePool(_ call: Call) throws(Problem) -> Answer {
        let keepFile = try call.bool("keep_file") ?? false
        return onFileThread { [self] () throws(Problem) in
            try mapping { () throws(StoreError) in
                try store.pools.delete(call.name, keepFile: keepFile)
            }
            poolItems.forget(call.name)
            return .now(Response(status: 204))
        }
    }

    private func rewindPool(_ call: Call) throws(Problem) -> Answer {
        let expectation = try Expectation(call)
        _ = try call.negotiate([.json])
        return try onPool(call) { _, pool in
            .later { complete in
                pool.rewind(expecting: expectation) { result in
                    complete(
                        result.mapError { Problem($0, in: pool) }.map { rewound in
                            .now(
                                Response(
                                    headers: PoolStatus(pool).headers,
                                    json: [
                                        "generation": .integer(rewound.generation),
                                        "lost_bytes": .integer(rewound.lost),
                                    ]))
                        })
                }
            }
        }
    }

    private func checkPool(_ call: Call) throws(Problem) -> Answer {
        let live = try call.bool("live") ?? false
        return onFileThread { [self] () throws(Problem) in
            let fault = try mapping { () throws(StoreError) in
                try store.pools.check(call.name, live: live)
            }
            let found: JSONValue = [
                "at": .string(WallClock.text(ofSeconds: time(nil))),
                "consistent": .bool(fault == nil),
            ]
            poolItems.noteCheck(found, of: call.name)
            return try Self.json(
                call,
                ["consistent": .bool(fault == nil), "detail": .string(fault ?? "consistent")])
        }
    }
}

extension PoolOptions {
    /// Reads the body of a creation; an empty one leaves everything to the defaults.
    init(_ body: [UInt8]) throws(Problem) {
        self.init()
        guard !body.isEmpty else { return }
        let document = try JSONDocument(body, depth: 64)
        var object = try JSONObject(document.root)
        size = try object.integer("pool_size")
        file = try object.string("file")
        mode = try Self.mode(try object.string("mode"))
        _ = object.take("generation")
        try object.finish()
    }

    private static func mode(_ text: String?) throws(Problem) -> UInt32? {
        guard let text else { return nil }
        let isOctal = text.utf8.allSatisfy { (0x30...0x37).contains($0) }
        guard isOctal, (3...4).contains(text.utf8.count), let mode = UInt32(text, radix: 8) else {
            throw Problem(.badParameter, "mode is octal, such as \"0600\"", option: "mode")
        }
        return mode
    }
}
