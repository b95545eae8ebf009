import API
import Store

// The endpoints of logs: decode, one call of the engine, encode.

extension Service {
    func handle(_ operation: LogOperation, _ call: Call) throws(Problem) -> Answer {
        switch operation {
        case .list: return try listLogs(call)
        case .findHandle: return try findLogHandle(call)
        default: break
        }
        try ResourceName.check(call.name)
        switch operation {
        case .list, .findHandle, .get: return try getLog(call)
        case .create: return try openLog(call)
        case .info: return try infoLog(call)
        case .update: return try updateLog(call)
        case .delete: return try deleteLog(call)
        case .open: return try useLog(call)
        case .close, .lclose: return try closeLog(call)
        case .append: return try appendToLog(call)
        case .fence: return try fenceLog(call)
        case .sync: return try syncLog(call)
        case .truncate: return try truncateLog(call)
        case .reopen: return try reopenLog(call)
        case .incWrapFile: return try moveLogOn(call, isOfWrap: true)
        case .nextFile: return try moveLogOn(call, isOfWrap: false)
        case .block: return try blockLog(call)
        case .unblock: return try unblockLog(call)
        case .chunk: return try chunkLog(call)
        case .chunkStep: return try stepInLog(call)
        case .chunkInfo: return try chunkInfo(call)
        case .walk: return try walkLog(call)
        case .data: return try readLogData(call)
        case .follow: return try followLog(call)
        case .check: return try checkLog(call)
        case .export: return try exportLog(call)
        case .import: return try importLog(call)
        case .notifications: return try listenToLog(call)
        case .createHandle: return try createLogHandle(call)
        case .listHandles: return try listLogHandles(call)
        case .updateHandle: return try updateLogHandle(call)
        case .deleteHandle: return try deleteLogHandle(call)
        }
    }

    /// Runs `body` with the open log: here if it is open, else on a thread that may wait for its
    /// opening.
    func onLog(
        _ call: Call, _ body: @escaping @Sendable (Service, DiskLog) throws(Problem) -> Answer
    ) throws(Problem) -> Answer {
        if let log = store.logs.loaded(call.name) { return try body(self, log) }
        return onFileThread { [self] () throws(Problem) in
            let log = try mapping(of: .diskLog) { () throws(StoreError) in
                try store.logs.find(call.name)
            }
            return try body(self, log)
        }
    }

    /// How long the call may wait while another has blocked the log.
    func blockWait(_ call: Call) throws(Problem) -> Int {
        try call.integer("wait_ms", in: 0...settings.waitLimit) ?? min(30_000, settings.waitLimit)
    }

    func shape(_ call: Call) throws(Problem) -> RecordShape {
        try call.choice("as") ?? .auto
    }

    // MARK: - The item

    private func getLog(_ call: Call) throws(Problem) -> Answer {
        _ = try shape(call)
        if let log = store.logs.loaded(call.name) { return try item(log, call) }
        return onFileThread { [self] () throws(Problem) in
            if let log = try? store.logs.find(call.name) { return try item(log, call) }
            let closed = try mapping(of: .diskLog) { () throws(StoreError) in
                try store.logs.closed(call.name)
            }
            return try Self.json(call, closed.json)
        }
    }

    private func infoLog(_ call: Call) throws(Problem) -> Answer {
        _ = try caller(call)
        return try onLog(call) { service, log throws(Problem) in
            let answer = try service.item(log, call)
            log.markInfo()
            return answer
        }
    }

    /// The item of an open log.
    func item(
        _ log: DiskLog, _ call: Call, code: Int = 200, open: JSONValue? = nil
    ) throws(Problem) -> Answer {
        _ = try call.negotiate([.json])
        let view = log.view
        return .now(
            Response(
                status: code, headers: log.headers(view), type: .json,
                body: log.json(view, RecordWriter(shape: try shape(call), format: log.format), open)
            ))
    }

    // MARK: - The list

    private func listLogs(_ call: Call) throws(Problem) -> Answer {
        let page = try PageRequest(call, states: ["open", "closed", "failed"])
        return onFileThread { [self] () throws(Problem) in
            let (names, isComplete) = try page.names(call, "logs") { limit throws(Problem) in
                try mapping(of: .diskLog) { () throws(StoreError) in
                    try store.logs.names(prefix: page.prefix, after: page.after, limit: limit)
                }
            }
            let logs = names.compactMap(summaryOfLog).filter {
                page.state == nil || $0["state"] == page.state.map(JSONValue.string)
            }
            return try page.answer(
                call, "/v1/logs", "logs", logs, last: isComplete ? nil : names.last)
        }
    }

    /// Nil for a log that is being removed, or was not imported to the end.
    private func summaryOfLog(_ name: String) -> JSONValue? {
        var state = "closed"
        if let log = store.logs.loaded(name) {
            state = log.view.state.word
        } else {
            do throws(StoreError) {
                let closed = try store.logs.closed(name)
                state = closed.failure != nil ? "failed" : closed.isHeld ? "open" : "closed"
            } catch {
                if case .log(.noSuchLog) = error { return nil }
            }
        }
        return ["name": .string(name), "state": .string(state), "distributed": nil]
    }
}
