import API
import Store

// The endpoints of buffer pools: decode, one call of the engine, encode.

extension Service {
    func handle(_ operation: MPoolOperation, _ call: Call) throws(Problem) -> Answer {
        if operation == .list { return try listMPools(call) }
        for name in [call.name] + operation.names(in: call) { try ResourceName.check(name) }
        try refuseChangesOfOwn(operation, call)
        switch operation {
        case .list, .open: return try openMPool(call)
        case .get: return try onMPool(call) { pool in .init(json: pool.json) }
        case .update: return try updateMPool(call)
        case .delete: return try deleteMPool(call)
        case .close: return try closeMPool(call)
        case .openFile: return try openMPoolFile(call)
        case .listFiles: return try listMPoolFiles(call)
        case .getFile:
            return try onMPool(call) { pool throws(Problem) in
                let json = try mapping(of: .mpool) { () throws(StoreError) in
                    try pool.json(call.fileName, try pool.file(call.fileName))
                }
                return .init(json: json)
            }
        case .closeFile: return try closeMPoolFile(call)
        case .fget: return try fget(call)
        case .fput: return try fput(call, keeps: false)
        case .fset: return try fput(call, keeps: true)
        case .fsync:
            return try onMPool(call) { pool throws(Problem) in
                .init(try MPoolCalls(pool: pool).fsync(call.fileName))
            }
        case .getPage: return try getMPoolPage(call)
        case .putPage: return try putMPoolPage(call)
        case .patchPage: return try patchMPoolPage(call)
        case .lastPage: return try lastMPoolPage(call)
        case .newPage: return try newMPoolPage(call)
        case .listPins:
            return try onMPool(call) { pool in
                .init(json: ["pins": .array(pool.leases.all.map(\.json))])
            }
        case .renewPin: return try renewMPoolPin(call)
        case .endPin: return try endMPoolPin(call)
        case .batch: return try batchMPool(call)
        case .register: return try registerMPoolType(call)
        case .listTypes, .getType: return try showMPoolTypes(call, isList: operation == .listTypes)
        case .trickle:
            return try onMPool(call) { pool throws(Problem) in
                var object = try JSONObject(try JSONDocument(call.body, depth: 64).root)
                return .init(try MPoolCalls(pool: pool).trickle(&object))
            }
        case .sync:
            return try onMPool(call) { pool throws(Problem) in
                .init(try MPoolCalls(pool: pool).sync(call.body))
            }
        case .stat: return try stat(call, clear: false)
        case .clearStat: return try stat(call, clear: true)
        }
    }

    /// What the service reads through is shown to everyone, and changed by nobody.
    private func refuseChangesOfOwn(
        _ operation: MPoolOperation, _ call: Call
    ) throws(Problem) {
        guard call.name == MPools.service, !operation.description.method.isSafe else { return }
        throw Problem(.forbidden, "the buffer pool service belongs to the service itself")
    }

    /// Runs `body` with the open pool on a thread that may wait.
    func onMPool(
        _ call: Call, _ body: @escaping @Sendable (OpenMPool) throws(Problem) -> Response
    ) throws(Problem) -> Answer {
        _ = try call.negotiate([.json])
        let pool = try mapping(of: .mpool) { () throws(StoreError) in
            try store.mpools.find(call.name)
        }
        return onFileThread { () throws(Problem) in .now(try body(pool)) }
    }

    private func listMPools(_ call: Call) throws(Problem) -> Answer {
        let page = try PageRequest(call, states: ["open", "closed"])
        return onFileThread { [self] () throws(Problem) in
            let all = try mapping(of: .mpool) { () throws(StoreError) in try store.mpools.names() }
            let rest = all.filter { pool in
                pool.name.hasPrefix(page.prefix) && pool.name > page.after ?? ""
                    && call.covers("mpools", pool.name)
                    && (page.state == nil || (page.state == "open") == pool.isOpen)
            }
            let shown = rest.prefix(page.limit)
            return try page.answer(
                call, "/v1/mpools", "mpools",
                shown.map { pool in
                    ["name": .string(pool.name), "state": pool.isOpen ? "open" : "closed"]
                }, last: rest.count > shown.count ? shown.last?.name : nil)
        }
    }

    private func openMPool(_ call: Call) throws(Problem) -> Answer {
        let settings = try MPoolSettings(call.body)
        if let journal = settings.journal, !call.covers("journals", journal) {
            throw Problem(
                .journal(.noSuchJournal(name: journal, isKnown: false)), of: .mpool)
        }
        _ = try call.negotiate([.json])
        return onFileThread { [self] () throws(Problem) in
            try requireFreeSpace(for: call)
            let quota = try quota(for: call)
            defer { quota?.release() }
            let (pool, isNew) = try making("buffer pool", call, of: .mpool) {
                (mustBeNew) throws(StoreError) in
                try store.mpools.open(call.name, settings, mustBeNew: mustBeNew)
            }
            return .now(Response(status: isNew ? 201 : 200, json: pool.json))
        }
    }

    private func updateMPool(_ call: Call) throws(Problem) -> Answer {
        var object = try JSONObject(try JSONDocument(call.body, depth: 64).root)
        let cacheSize = try object.integer("cachesize")
        let percent = try object.integer("max_pinned_pct")
        let pacing = try WritePacing(&object)
        try object.finish()
        return try onMPool(call) { pool throws(Problem) in
            try mapping(of: .mpool) { () throws(StoreError) in
                try pool.change(
                    cacheSize: cacheSize, maxPinnedPercent: percent, pacing: pacing)
            }
            return .init(json: pool.json)
        }
    }

    private func deleteMPool(_ call: Call) throws(Problem) -> Answer {
        let force = try call.bool("force") ?? false
        return onFileThread { [self] () throws(Problem) in
            try mapping(of: .mpool) { () throws(StoreError) in
                try store.mpools.delete(call.name, force: force)
            }
            return .now(Response(status: 204))
        }
    }

    private func closeMPool(_ call: Call) throws(Problem) -> Answer {
        let sync = try call.bool("sync") ?? false
        _ = try call.negotiate([.json])
        return onFileThread { [self] () throws(Problem) in
            let closed = try mapping(of: .mpool) { () throws(StoreError) in
                try store.mpools.close(call.name, sync: sync)
            }
            return .now(Response(json: closed.json))
        }
    }

    private func stat(_ call: Call, clear: Bool) throws(Problem) -> Answer {
        var clear = clear
        if !call.body.isEmpty {
            var object = try JSONObject(try JSONDocument(call.body, depth: 64).root)
            clear = try object.bool("clear") ?? clear
            try object.finish()
        }
        return try onMPool(call) { [clear] pool throws(Problem) in
            var statistics = try mapping(of: .mpool) { () throws(StoreError) in
                try pool.pool.statistics(clear: clear)
            }
            if pool.name == MPools.service, let token = call.token {
                statistics.files.removeAll { !token.covers(path: $0.name) }
            }
            return .init(json: statistics.json)
        }
    }

    // MARK: - Files and their types

    private func openMPoolFile(_ call: Call) throws(Problem) -> Answer {
        let request = try PageFileRequest(call.body)
        try call.require(path: request.path)
        return try onMPool(call) { pool throws(Problem) in
            try mapping(of: .mpool) { () throws(StoreError) in
                let (file, isNew) = try pool.open(
                    call.fileName, path: request.path, isPrivate: request.isPrivate,
                    request.options)
                return .init(
                    status: isNew ? 201 : 200, json: try pool.json(call.fileName, file))
            }
        }
    }

    private func listMPoolFiles(_ call: Call) throws(Problem) -> Answer {
        try onMPool(call) { pool throws(Problem) in
            var files: [JSONValue] = []
            for (name, file) in pool.allFiles {
                files.append(
                    try mapping(of: .mpool) { () throws(StoreError) in try pool.json(name, file) })
            }
            return .init(json: ["files": .array(files)])
        }
    }

    private func closeMPoolFile(_ call: Call) throws(Problem) -> Answer {
        let sync = try call.bool("sync") ?? false
        return try onMPool(call) { pool throws(Problem) in
            let closed = try mapping(of: .mpool) { () throws(StoreError) in
                try pool.close(call.fileName, sync: sync)
            }
            return .init(json: closed.json)
        }
    }

    private func registerMPoolType(_ call: Call) throws(Problem) -> Answer {
        let type = try call.fileType()
        var object = try JSONObject(try JSONDocument(call.body, depth: 64).root)
        guard let pgin = try object.string("pgin"), let pgout = try object.string("pgout") else {
            throw Problem(.badParameter, "pgin and pgout are needed", option: "pgin")
        }
        try object.finish()
        return try onMPool(call) { [self] pool throws(Problem) in
            let isNew = try mapping(of: .mpool) { () throws(StoreError) in
                let filter = try store.mpools.filter(pgin: pgin, pgout: pgout)
                return try pool.register(fileType: type, .init(pgin: pgin, pgout: pgout), filter)
            }
            return .init(status: isNew ? 201 : 200, json: pool.json(ofType: type) ?? .null)
        }
    }

    private func showMPoolTypes(_ call: Call, isList: Bool) throws(Problem) -> Answer {
        let wanted = isList ? nil : try call.fileType()
        return try onMPool(call) { pool throws(Problem) in
            guard let wanted else {
                let types = pool.filterNames.keys.sorted().compactMap { pool.json(ofType: $0) }
                return .init(json: ["ftypes": .array(types)])
            }
            guard let json = pool.json(ofType: wanted) else {
                throw Problem(.notFound, "nobody has registered file type \(wanted)")
            }
            return .init(json: json)
        }
    }
}

extension OpenMPool {
    fileprivate func json(ofType type: Int) -> JSONValue? {
        guard let names = filterNames[type] else { return nil }
        let calls = pool.filterCalls[type]
        return [
            "ftype": .integer(type), "pgin": .string(names.pgin), "pgout": .string(names.pgout),
            "pgin_calls": .integer(calls?.pgin ?? 0), "pgout_calls": .integer(calls?.pgout ?? 0),
        ]
    }
}

extension MPoolOperation {
    /// What the path holds besides the pool's name that has to be a name.
    fileprivate func names(in call: Call) -> [String] {
        description.template.contains("{file}") ? [call.fileName] : []
    }
}

extension Call {
    /// The name of the handle that the path names.
    var fileName: String { route.captures.count > 1 ? route.captures[1] : "" }

    /// The page that the path names.
    func pgno() throws(Problem) -> UInt32 {
        let text = route.captures.last ?? ""
        guard let number = UInt32(text), text.utf8.first != UInt8(ascii: "+") else {
            throw Problem(
                .badParameter, "a page number is 0 to \(UInt32.max), not \(text)", option: "pgno")
        }
        return number
    }

    fileprivate func fileType() throws(Problem) -> Int {
        let text = route.captures.last ?? ""
        guard let number = Int32(text), number > 0, text.utf8.first != UInt8(ascii: "+") else {
            throw Problem(
                .badParameter, "a file type is 1 to \(Int32.max), not \(text)", option: "ftype")
        }
        return Int(number)
    }
}
