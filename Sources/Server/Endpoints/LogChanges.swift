import API
import Store

// What changes a log: appending, emptying, moving on, blocking, configuring.

extension Service {
    func appendToLog(_ call: Call) throws(Problem) -> Answer {
        let request = try AppendRequest(call, at: try call.integer("at"))
        let caller = try caller(call)
        let wait = try blockWait(call)
        return try onLog(call) { service, log throws(Problem) in
            let (append, areTerms) = try service.decodeAppend(call, request, to: log)
            return .later { complete in
                log.append(append, areTerms: areTerms, by: caller, waitMilliseconds: wait) {
                    result in
                    complete(
                        result.mapError { Problem($0, in: log) }.map { appended in
                            appended.durability == .accepted
                                ? request.accepted(append)
                                : Self.answer(appended, append, request, identity: log.identity)
                        })
                }
            }
        }
    }

    /// The records, and whether they are terms that the log can't take: asynchronously that
    /// reaches owners, as with alog/2.
    private func decodeAppend(
        _ call: Call, _ request: AppendRequest, to log: DiskLog
    ) throws(Problem) -> (Append, areTerms: Bool) {
        let durability = try request.durability(promised: log.durability)
        let isAtomic = try call.bool("atomic") ?? true
        guard isAtomic || request.key == nil else {
            throw Problem(
                .badParameter, "an append in parts has no Idempotency-Key", option: "atomic")
        }
        let terms = TermForm(
            isRaw: try call.bool("raw") ?? false, isValidated: try call.bool("validate") ?? true,
            settings)
        func append(_ form: any RecordForm, isAtomic: Bool = true) throws(Problem) -> Append {
            let records = try decodeRecords(call, form: form)
            return Append(records, request, isAtomic: isAtomic, durability: durability)
        }
        if log.format == .internal { return (try append(terms, isAtomic: isAtomic), false) }
        do throws(Problem) {
            return (try append(ExternalForm(log: log.name), isAtomic: isAtomic), false)
        } catch {
            guard error.code == .formatExternal else { throw error }
            return (try append(terms), true)
        }
    }

    /// How a head's terms are written.
    func termForm(_ call: Call) throws(Problem) -> TermForm {
        TermForm(isRaw: try call.bool("raw") ?? false, settings)
    }

    func syncLog(_ call: Call) throws(Problem) -> Answer {
        let caller = try caller(call)
        let wait = try blockWait(call)
        _ = try call.negotiate([.json])
        return try onLog(call) { _, log in
            .later { complete in
                log.sync(by: caller, waitMilliseconds: wait) { result in
                    complete(
                        result.mapError { Problem($0, of: .diskLog) }.map { position in
                            .now(
                                Response(
                                    headers: [.init("Log-Position", String(position))],
                                    json: ["position": .integer(position)]))
                        })
                }
            }
        }
    }

    func moveLogOn(_ call: Call, isOfWrap: Bool) throws(Problem) -> Answer {
        let caller = try caller(call)
        let wait = try blockWait(call)
        _ = try call.negotiate([.json])
        return try onLog(call) { _, log throws(Problem) in
            if isOfWrap, log.type == .rotate, log.mode == .readWrite {
                throw Problem(.rotateLog(name: log.name))
            }
            return .later { complete in
                log.moveOn(by: caller, waitMilliseconds: wait) { result in
                    complete(
                        result.mapError { Problem($0, of: .diskLog) }.map { file in
                            .now(
                                Response(
                                    headers: [
                                        .init("Log-Position", String(log.view.position))
                                    ], json: ["current_file": .integer(file)]))
                        })
                }
            }
        }
    }

    // MARK: - Emptying

    func truncateLog(_ call: Call) throws(Problem) -> Answer {
        _ = try call.bool("raw")
        let caller = try caller(call)
        let wait = try blockWait(call)
        let expectation = try Expectation(call)
        _ = try call.negotiate([.json])
        return try onLog(call) { service, log throws(Problem) in
            let request = try LogEmptyRequest(call.body, takesFile: false)
            let head = try request.head?.resolved(
                for: log.format, log: log.name, try service.termForm(call))
            return .later { complete in
                log.truncate(
                    head: head, expecting: expectation, by: caller, waitMilliseconds: wait
                ) { result in
                    service.finishEmptying(log, result, complete)
                }
            }
        }
    }

    func reopenLog(_ call: Call) throws(Problem) -> Answer {
        _ = try call.bool("raw")
        let caller = try caller(call)
        _ = try call.negotiate([.json])
        return try onLog(call) { service, log throws(Problem) in
            let request = try LogEmptyRequest(call.body, takesFile: true)
            try call.require(path: request.file)
            let head = try request.head?.resolved(
                for: log.format, log: log.name, try service.termForm(call))
            let file = request.file ?? ""
            return .later { complete in
                service.store.logs.reopen(log, as: file, head: head, by: caller) {
                    result in
                    service.finishEmptying(log, result, complete)
                }
            }
        }
    }

    /// A log that could not be emptied is closed: nobody knows what is in it.
    private func finishEmptying(
        _ log: DiskLog, _ result: Result<DiskLog.Emptied, StoreError>,
        _ complete: @escaping Answer.Completion
    ) {
        if case .failure(.log(.stopped)) = result {
            store.files.submit { [self] in store.logs.bury(log) }
        }
        complete(
            result.mapError { Problem($0, in: log) }.map { emptied in
                .now(
                    Response(
                        headers: log.headers(log.view),
                        json: [
                            "no_lost_items": .integer(emptied.lostItems),
                            "position": .integer(emptied.position),
                            "generation": .integer(emptied.generation),
                        ]))
            })
    }

    // MARK: - Configuring

    func updateLog(_ call: Call) throws(Problem) -> Answer {
        let caller = try caller(call)
        let wait = try blockWait(call)
        _ = try call.negotiate([.json])
        _ = try shape(call)
        let expectation = try Expectation(call, at: nil)
        _ = try LogChangeRequest(call.body)
        return try onLog(call) { service, log throws(Problem) in
            let request = try LogChangeRequest(call.body)
            let head = try request.head?.resolved(
                for: log.format, log: log.name, try service.termForm(call))
            let size = request.size
            let durability = request.durability
            return .later { complete in
                service.store.logs.change(
                    log, size: size, head: head, durability: durability, expecting: expectation,
                    by: caller, waitMilliseconds: wait
                ) { result in
                    complete(
                        result.mapError { Problem($0, in: log) }.flatMap {
                            Self.catching { () throws(Problem) in try service.item(log, call) }
                        })
                }
            }
        }
    }

    private static func catching(
        _ body: () throws(Problem) -> Answer
    ) -> Result<Answer, Problem> {
        do throws(Problem) {
            return .success(try body())
        } catch {
            return .failure(error)
        }
    }

    // MARK: - Blocking

    func blockLog(_ call: Call) throws(Problem) -> Answer {
        let caller = try caller(call)
        let wait = try blockWait(call)
        _ = try call.negotiate([.json])
        var queues = true
        if !call.body.isEmpty {
            var object = try JSONObject(try JSONDocument(call.body, depth: 64).root)
            queues = try object.bool("queue_log_records") ?? true
            try object.finish()
        }
        let isQueueing = queues
        return try onLog(call) { service, log throws(Problem) in
            let handle = try service.handle(of: caller, else: .blocker, call)
            return .later { complete in
                log.block(by: handle.id, queues: isQueueing, waitMilliseconds: wait) { result in
                    if case .failure = result, caller == .service {
                        _ = service.store.logs.handles.remove(handle.id)
                    }
                    complete(
                        result.mapError { Problem($0, of: .diskLog) }.map {
                            .now(Response(json: service.handleJSON(handle)))
                        })
                }
            }
        }
    }

    func unblockLog(_ call: Call) throws(Problem) -> Answer {
        let caller = try caller(call)
        return try onLog(call) { service, log throws(Problem) in
            try mapping(of: .diskLog) { () throws(StoreError) in try log.unblock(by: caller) }
            if case .handle(let id) = caller,
                service.store.logs.handles.find(id)?.kind == .blocker
            {
                _ = service.store.logs.handles.remove(id)
            }
            return try Self.json(call, ["status": "ok"])
        }
    }
}

extension Problem {
    /// As `init(_:)`, with the entity tag where the state is not what was expected.
    init(_ error: StoreError, in log: DiskLog) {
        self.init(error, of: .diskLog, identity: log.identity)
    }
}
