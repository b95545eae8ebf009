import API
import Store

extension Problem {
    /// What disk_log's own reasons are for a client.
    init(_ error: LogError) {
        switch error {
        case .noSuchLog(let name, let isKnown):
            self.init(
                .noSuchLog,
                isKnown
                    ? "the log \(name) is not open; PUT /v1/logs/\(name) opens it"
                    : "there is no log \(name); PUT /v1/logs/\(name) makes it")
            if isKnown { add("state", "closed") }
        case .full(let full):
            self.init(
                .logFull, "halt log \(full.name) holds \(full.held) of \(full.limit) bytes",
                applied: full.count > 0 ? .partial : .no)
            if full.count > 0 {
                add("count", .integer(full.count))
                add("first", .integer(full.first))
                add("next", .integer(full.next))
            }
        case .partial(let count, let first, let next, let cause):
            self.init(cause, of: .diskLog)
            applied = .partial
            add("count", .integer(count))
            add("first", .integer(first))
            add("next", .integer(next))
            return
        case .needRepair, .importNeedsRepair, .notALogFile, .corruptLogFile, .noSuchFile,
            .fileInUse:
            self.init(ofFile: error)
        case .badContinuation, .noSuchHandle, .tooManyHandles, .waitTimedOut, .notOwner,
            .sizeMismatch, .newSizeTooSmall, .invalidHeader, .stopped:
            self.init(ofArgument: error)
        default: self.init(ofState: error)
        }
        engine = "disk_log"
        reason = reason ?? error.reason
    }

    private init(ofFile error: LogError) {
        switch error {
        case .needRepair(let file):
            self.init(
                .needRepair, "\(file) was not closed; open the log with \"repair\": true")
        case .importNeedsRepair(let file, let badBytes):
            self.init(
                .needRepair,
                "\(file) was not closed, or is damaged: \(badBytes) bytes of it are no items; "
                    + "repair=true keeps the others")
            add("badbytes", .integer(badBytes))
        case .notALogFile(let file):
            self.init(
                .notALogFile,
                "\(file) does not begin as a log file does; \"repair\": \"truncate\" makes it anew")
        case .corruptLogFile(let file, let offset):
            self.init(
                .corruptLogFile,
                "there is no item at byte \(offset) of \(file); \"mode\": \"read_only\" passes over "
                    + "what is damaged")
            add("position", .integer(offset))
        case .noSuchFile(let file): self.init(.noSuchFile, "there is no file \(file)")
        case .fileInUse(let file, let other):
            self.init(.locked, "\(file) is being written under the name \(other)")
        default: self.init(.internalError, "\(error)")
        }
    }

    private init(ofArgument error: LogError) {
        switch error {
        case .badContinuation(let detail): self.init(.badToken, detail)
        case .noSuchHandle(let handle):
            self.init(.noSuchHandle, "there is no handle \(handle), or it was not used in time")
        case .tooManyHandles(let name, let limit):
            self.init(.rateLimited, "the log \(name) has \(limit) handles already")
            add("limit", .integer(limit))
        case .waitTimedOut(let name):
            self.init(.waitTimeout, "the log \(name) is blocked still; nothing was done")
        case .notOwner(let handle):
            self.init(.notOwner, "the handle \(handle) is not an owner of the log")
        case .sizeMismatch(let current, let given):
            self.init(.sizeMismatch, "the size is \(current.text), not \(given.text)")
            add("expected", .string(current.text))
            add("actual", .string(given.text))
        case .newSizeTooSmall(_, let current):
            self.init(.newSizeTooSmall, "the log holds \(current) bytes already")
            add("current", .integer(current))
        case .invalidHeader(let detail): self.init(.invalidHeader, detail)
        case .stopped(_, let cause):
            let problem = Problem(cause, of: .diskLog)
            self.init(
                .logStopped, "\(problem.detail); the log is closed now", applied: .unknown)
            reason = problem.reason
        default: self.init(.internalError, "\(error)")
        }
    }

    private init(ofState error: LogError) {
        switch error {
        case .readOnlyMode(let name):
            self.init(.readOnlyMode, "the log \(name) is open for reading only")
        case .blocked(let name):
            self.init(
                .blockedLog, "the log \(name) is blocked, and this request is not kept waiting")
        case .formatExternal(let name):
            self.init(
                .formatExternal,
                "the log \(name) holds bytes, not terms: send text or b64, read with GET data")
        case .notInternalWrap(let name):
            self.init(.notInternalWrap, "the log \(name) is no wrap log of internal format")
        case .haltLog(let name): self.init(.haltLog, "the log \(name) has one file only")
        case .rotateLog(let name):
            self.init(.rotateLog, "the log \(name) goes on with next_file")
        case .nameAlreadyOpen(let name, let file):
            self.init(.nameAlreadyOpen, "the log \(name) is open with the file \(file)")
        case .openReadWrite(let name):
            self.init(.openReadWrite, "the log \(name) is open for reading and writing")
        case .openReadOnly(let name):
            self.init(.openReadOnly, "the log \(name) is open for reading only")
        case .sameFileName(let name):
            self.init(.sameFileName, "the log \(name) has that file already")
        case .notBlocked(let name): self.init(.notBlocked, "the log \(name) is not blocked")
        case .notBlockedByCaller(let name):
            self.init(
                .notBlockedByPid,
                "the log \(name) is unblocked with the Log-Handle that blocked it")
        case .endOfLog(let name):
            self.init(.endOfLog, "the log \(name) has no file that many steps away")
        default: self.init(.internalError, "\(error)")
        }
    }
}

extension LogSize {
    /// As Erlang writes it.
    var text: String {
        switch self {
        case .infinity: "infinity"
        case .bytes(let bytes): "\(bytes)"
        case .files(let bytes, let files): "{\(bytes),\(files)}"
        }
    }
}

extension LogError {
    /// What disk_log answers, as Erlang prints it.
    var reason: String? {
        switch self {
        case .noSuchLog: "no_such_log"
        case .full(let full): Self.tagged("full", full.name)
        case .readOnlyMode(let name): Self.tagged("read_only_mode", name)
        case .blocked(let name): Self.tagged("blocked_log", name)
        case .formatExternal(let name): Self.tagged("format_external", name)
        case .notInternalWrap(let name): Self.tagged("not_internal_wrap", name)
        case .haltLog(let name): Self.tagged("halt_log", name)
        case .rotateLog(let name): Self.tagged("rotate_log", name)
        case .invalidHeader: "invalid_header"
        case .sizeMismatch(let current, let given):
            "{size_mismatch,\(current.text),\(given.text)}"
        case .nameAlreadyOpen(let name, _): Self.tagged("name_already_open", name)
        case .openReadWrite(let name): Self.tagged("open_read_write", name)
        case .openReadOnly(let name): Self.tagged("open_read_only", name)
        case .needRepair(let file), .importNeedsRepair(let file, _): "{need_repair,\"\(file)\"}"
        case .notALogFile(let file): "{not_a_log_file,\"\(file)\"}"
        case .corruptLogFile(let file, _): "{corrupt_log_file,\"\(file)\"}"
        case .sameFileName(let name): Self.tagged("same_file_name", name)
        case .newSizeTooSmall(let name, let current):
            "{new_size_too_small,\(Self.atom(name)),\(current)}"
        case .notBlocked(let name): Self.tagged("not_blocked", name)
        case .notBlockedByCaller(let name): Self.tagged("not_blocked_by_pid", name)
        case .notOwner(let handle): "{not_owner,\"\(handle)\"}"
        case .endOfLog: "end_of_log"
        case .badContinuation: "{badarg,continuation}"
        case .noSuchFile(let file): "{file_error,\"\(file)\",enoent}"
        case .stopped, .noSuchHandle, .tooManyHandles, .waitTimedOut, .fileInUse, .partial: nil
        }
    }

    private static func tagged(_ tag: String, _ name: String) -> String {
        "{\(tag),\(atom(name))}"
    }

    /// A log's name as an atom; what is no plain atom is quoted.
    private static func atom(_ name: String) -> String {
        let isPlain =
            (name.utf8.first.map { (0x61...0x7A).contains($0) } ?? false)
            && name.utf8.allSatisfy { byte in
                (0x61...0x7A).contains(byte) || (0x41...0x5A).contains(byte)
                    || (0x30...0x39).contains(byte) || byte == UInt8(ascii: "_")
            }
        return isPlain ? name : "'\(name)'"
    }
}
