import API
import Store

// The handles of logs, which stand for the processes of the original.

extension Service {
    /// Whose call it is; the use keeps a handle alive.
    func caller(_ call: Call) throws(Problem) -> LogCaller {
        guard let id = call.headers[.logHandle] else { return .service }
        guard try ownHandle(id, call).log == call.name else {
            throw Problem(.noSuchHandle(handle: id))
        }
        return .handle(id)
    }

    /// The handle, which this use keeps alive.
    ///
    /// - Throws: `no_such_handle` also for one of another token.
    private func ownHandle(_ id: String, _ call: Call) throws(Problem) -> LogHandles.Handle {
        guard call.owns(id), let handle = store.logs.handles.use(id) else {
            throw Problem(.noSuchHandle(handle: id))
        }
        return handle
    }

    /// The caller's handle, or a new one that nothing is open for.
    func handle(
        of caller: LogCaller, else kind: LogHandles.Kind, _ call: Call,
        ttlMilliseconds: Int? = nil
    ) throws(Problem) -> LogHandles.Handle {
        if case .handle(let id) = caller, let handle = store.logs.handles.use(id) {
            return handle
        }
        return try mapping(of: .diskLog) { () throws(StoreError) in
            try store.logs.handles.make(
                for: call.name, kind, ttlMilliseconds: ttlMilliseconds ?? 60_000,
                holder: call.holder)
        }
    }

    /// A new handle that the log is open for; waits.
    func openHandle(
        _ kind: LogHandles.Kind, of log: DiskLog, _ call: Call, notify: Bool = false,
        ttlMilliseconds: Int? = nil
    ) throws(Problem) -> LogHandles.Handle {
        let handle = try handle(
            of: .service, else: kind, call, ttlMilliseconds: ttlMilliseconds)
        do throws(StoreError) {
            _ = try store.logs.open(
                log.name, LogOptions(),
                for: kind == .owner ? .owner(handle: handle.id, notify: notify) : .user)
        } catch {
            // There is nothing that it could hold.
            _ = store.logs.handles.remove(handle.id)
            throw Problem(error, of: .diskLog)
        }
        return handle
    }

    // MARK: - Endpoints

    func createLogHandle(_ call: Call) throws(Problem) -> Answer {
        _ = try call.negotiate([.json])
        return try onLog(call) { service, log in
            service.onFileThread { () throws(Problem) in
                var isOwner = true
                var notify = false
                var ttl = 60_000
                if !call.body.isEmpty {
                    var object = try JSONObject(try JSONDocument(call.body, depth: 64).root)
                    isOwner = try object.bool("owner") ?? true
                    notify = try object.bool("notify") ?? false
                    ttl = try object.ttl() ?? ttl
                    try object.finish()
                }
                if isOwner { try call.require(.write) }
                let handle = try service.openHandle(
                    isOwner ? .owner : .user, of: log, call, notify: notify, ttlMilliseconds: ttl)
                return try Self.json(call, status: 201, service.handleJSON(handle))
            }
        }
    }

    func handleJSON(_ handle: LogHandles.Handle) -> JSONValue {
        let owners = store.logs.loaded(handle.log)?.holders.owners ?? [:]
        return [
            "handle": .string(handle.id), "log": .string(handle.log),
            "owner": .bool(owners[handle.id] != nil),
            "notify": .bool(owners[handle.id] ?? false),
            "ttl_ms": .integer(handle.ttlMilliseconds),
            "expires_at": .string(WallClock.text(ofMilliseconds: handle.expiresAt)),
        ]
    }

    func listLogHandles(_ call: Call) throws(Problem) -> Answer {
        try onLog(call) { service, log throws(Problem) in
            let handles = service.store.logs.handles.all(of: log.name).map(service.handleJSON)
            return try Self.json(call, ["handles": .array(handles)])
        }
    }

    func findLogHandle(_ call: Call) throws(Problem) -> Answer {
        let handles = store.logs.handles
        // Another's is seen, as in the list, and not kept alive.
        let found = call.owns(call.name) ? handles.use(call.name) : handles.find(call.name)
        guard let handle = found, call.covers("logs", handle.log) else {
            throw Problem(.noSuchHandle(handle: call.name))
        }
        return try Self.json(call, handleJSON(handle))
    }

    /// The handle that the path names, if it is one of the log's.
    private func namedHandle(_ call: Call) throws(Problem) -> LogHandles.Handle {
        let id = call.route.captures.last ?? ""
        let handle = try ownHandle(id, call)
        guard handle.log == call.name else { throw Problem(.noSuchHandle(handle: id)) }
        return handle
    }

    func updateLogHandle(_ call: Call) throws(Problem) -> Answer {
        _ = try call.negotiate([.json])
        let caller = try caller(call)
        let handle = try namedHandle(call)
        var object = try JSONObject(try JSONDocument(call.body, depth: 64).root)
        let notify = try object.bool("notify")
        try object.finish()
        guard let notify else {
            throw Problem(.badParameter, "notify is needed", option: "notify")
        }
        let wait = try blockWait(call)
        return try onLog(call) { service, log in
            .later { complete in
                log.changeNotify(
                    of: handle.id, to: notify, by: caller, waitMilliseconds: wait
                ) { result in
                    complete(
                        result.mapError { Problem($0, of: .diskLog) }.map {
                            .now(Response(json: service.handleJSON(handle)))
                        })
                }
            }
        }
    }

    func deleteLogHandle(_ call: Call) throws(Problem) -> Answer {
        let handle = try namedHandle(call)
        return onFileThread { [self] () throws(Problem) in
            try mapping(of: .diskLog) { () throws(StoreError) in try store.logs.close(handle) }
            return .now(Response(status: 204))
        }
    }
}
