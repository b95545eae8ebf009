import API
import Store

// Opening and closing logs, and the handles that hold them.

extension Service {
    func openLog(_ call: Call) throws(Problem) -> Answer {
        _ = try call.negotiate([.json])
        _ = try shape(call)
        let caller = try caller(call)
        return onFileThread { [self] () throws(Problem) in
            let request = try LogOpenRequest(call.body)
            try call.require(path: request.options.file)
            let options = try options(of: request, call)
            try requireFreeSpace(for: call)
            let quota = try quota(for: call)
            defer { quota?.release() }
            let (holder, handle) = try holder(for: request, caller, call)
            let opening: Logs.Opening
            do throws(Problem) {
                opening = try making("log", call, of: .diskLog) {
                    (mustBeNew) throws(StoreError) in
                    try store.logs.open(call.name, options, for: holder, mustBeNew: mustBeNew)
                }
            } catch {
                // The handle was made for this opening, and has nothing to hold.
                if let handle, caller == .service { _ = store.logs.handles.remove(handle.id) }
                throw error
            }
            return try item(
                opening.log, call, code: opening.isNew ? 201 : 200,
                open: Self.open(opening, handle))
        }
    }

    private func options(
        of request: LogOpenRequest, _ call: Call
    ) throws(Problem) -> LogOptions {
        let known =
            store.logs.loaded(call.name)?.format ?? (try? store.logs.closed(call.name))?.format
        return try request.options(
            for: request.options.format ?? known
                ?? (request.options.type == .rotate ? .external : .internal),
            log: call.name, try termForm(call))
    }

    private func holder(
        for request: LogOpenRequest, _ caller: LogCaller, _ call: Call
    ) throws(Problem) -> (Logs.Holder, LogHandles.Handle?) {
        switch request.link {
        case .service: return (.service, nil)
        case .none: return (.user, nil)
        case .handle:
            let handle = try handle(
                of: caller, else: .owner, call, ttlMilliseconds: request.ttlMilliseconds)
            return (.owner(handle: handle.id, notify: request.notify), handle)
        }
    }

    private static func open(
        _ opening: Logs.Opening, _ handle: LogHandles.Handle?
    ) -> JSONValue {
        var members = opening.wasOpened ? opening.log.opened.members : LogOpened.ok.members
        if let handle {
            members.append(.init(name: "handle", value: .string(handle.id)))
            members.append(
                .init(
                    name: "expires_at",
                    value: .string(WallClock.text(ofMilliseconds: handle.expiresAt))))
        }
        return .object(members)
    }

    func useLog(_ call: Call) throws(Problem) -> Answer {
        _ = try call.negotiate([.json])
        _ = try shape(call)
        return onFileThread { [self] () throws(Problem) in
            let request = try LogOpenRequest(call.body, link: .none)
            try call.require(path: request.options.file)
            guard request.link == .none, request.ttlMilliseconds == nil else {
                throw Problem(
                    .badParameter, "this counts one user; PUT takes linkto", option: "linkto")
            }
            let options = try options(of: request, call)
            try requireFreeSpace(for: call)
            let quota = try quota(for: call)
            defer { quota?.release() }
            let opening = try mapping(of: .diskLog) { () throws(StoreError) in
                try store.logs.open(call.name, options, for: .user)
            }
            return try item(opening.log, call, open: Self.open(opening, nil))
        }
    }

    func closeLog(_ call: Call) throws(Problem) -> Answer {
        if let node = try call.text("node"), node != store.logs.node {
            throw Problem(.noSuchLog(name: call.name, isKnown: false))
        }
        _ = try call.negotiate([.json])
        let caller = try caller(call)
        return onFileThread { [self] () throws(Problem) in
            let left = try mapping(of: .diskLog) { () throws(StoreError) in
                if case .handle(let id) = caller, let handle = store.logs.handles.remove(id) {
                    defer { try? store.logs.loaded(call.name)?.unblock(by: caller) }
                    if handle.kind == .blocker { return store.logs.loaded(call.name) }
                }
                return try store.logs.close(call.name, by: caller)
            }
            let holders = left?.holders
            return try Self.json(
                call,
                [
                    "state": left == nil ? "closed" : "open",
                    "owners": .integer(
                        (holders?.owners.count ?? 0) + (holders?.service == true ? 1 : 0)),
                    "users": .integer(holders?.users ?? 0),
                ])
        }
    }

    func deleteLog(_ call: Call) throws(Problem) -> Answer {
        let keepFiles = try call.bool("keep_files") ?? false
        return onFileThread { [self] () throws(Problem) in
            try mapping(of: .diskLog) { () throws(StoreError) in
                try store.logs.delete(call.name, keepFiles: keepFiles)
            }
            return .now(Response(status: 204))
        }
    }
}
