/// All logs of a data directory: which are open, and the ways to open, close and remove them.
///
/// Unlike a pool, a log is open only while somebody holds it: the service, owners, or users. Those
/// that the service holds are opened again when it starts.
///
/// Functions marked *waits* do I/O and must not be called on a network thread.
package final class Logs: Sendable {
    /// Who a log is opened for.
    package enum Holder: Sendable {
        case service
        /// An owner, and whether it is told of notices.
        case owner(handle: String, notify: Bool)
        case user
    }

    package struct Opening: Sendable {
        package let log: DiskLog
        package let isNew: Bool
        /// False if the log was open already.
        package let wasOpened: Bool
    }

    let directory: DataDirectory
    let services: LogServices
    package let handles: LogHandles
    package let node: String
    let open = OpenLogs()
    /// Why the last opening of a log failed.
    private let failures = Locked<[String: StoreError]>([:])
    /// Those that the service holds and could not open.
    package let unopened = UnopenedNames()
    let turns: NameTurns
    /// Base names of files that are being opened.
    private let bases: NameTurns
    let reopening = Reopening()

    init(directory: DataDirectory, services: LogServices, node: String) {
        self.directory = directory
        self.services = services
        self.node = node
        turns = NameTurns(on: services.files)
        bases = NameTurns(on: services.files)
        let expiry = Locked<@Sendable (LogHandles.Handle) -> Void>({ _ in })
        handles = LogHandles(timers: services.timers) { handle in
            services.files.submit { expiry.withLock { $0 }(handle) }
        }
        expiry.withLock { $0 = { [weak self] handle in self?.end(handle) } }
    }

    static func defaultBase(_ name: String) -> String { "logs/\(name).LOG" }

    static func owner(_ name: String) -> FileOwners.Owner { .init(kind: "logs", name: name) }

    /// The log if it is open now.
    package func loaded(_ name: String) -> DiskLog? { open[name] }

    /// Why the last opening of a log failed, if it did.
    func failure(of name: String) -> StoreError? { failures.withLock { $0[name] } }

    func forgetFailure(of name: String) {
        failures.withLock { $0[name] = nil }
        unopened.remove(name)
    }

    /// All logs that are open now.
    package var allLoaded: [DiskLog] { open.all }

    /// The log, which must be open; waits if the service holds it and has not opened it yet.
    package func find(_ name: String) throws(StoreError) -> DiskLog {
        if let log = loaded(name) { return log }
        return try turns.with(name) { () throws(StoreError) in
            if let log = loaded(name) { return log }
            let memory = try memory(of: name)
            guard memory.isHeld else {
                unopened.remove(name)
                throw .log(.noSuchLog(name: name, isKnown: exists(name, memory)))
            }
            if let failure = failures.withLock({ $0[name] }) { throw failure }
            return try unopened.noting(name) { () throws(StoreError) in
                let options = try memory.checkedOptions(for: name)
                return try load(name, options, memory, for: .service).log
            }
        }
    }

    /// Opens the log, or makes it, or joins those who have it open; disk_log:open/1; waits.
    ///
    /// - Throws: `.alreadyExists` if there is one and `mustBeNew`; what keeps the log from being
    ///   opened; in which way an open one differs from `options`.
    package func open(
        _ name: String, _ given: LogOptions, for holder: Holder, mustBeNew: Bool = false
    ) throws(StoreError) -> Opening {
        let options = given.sized(for: given.type)
        try options.check(for: name)
        return try turns.with(name) { () throws(StoreError) in
            if let log = loaded(name) {
                guard !mustBeNew else { throw .alreadyExists(name: "the log " + name) }
                try log.compare(options, holder)
                if case .service = holder { try remember(name, isHeld: true) }
                join(log, holder)
                return Opening(log: log, isNew: false, wasOpened: false)
            }
            let memory = try memory(of: name)
            if mustBeNew, exists(name, memory) {
                throw .alreadyExists(name: "the log " + name)
            }
            return try load(name, try complete(options, name, memory), memory, for: holder)
        }
    }

    /// What is not given of file, type and format is as it was, or as the files show.
    private func complete(
        _ given: LogOptions, _ name: String, _ memory: LogMemory
    ) throws(StoreError) -> LogOptions {
        var options = given
        options.file = options.file ?? memory.file ?? Self.defaultBase(name)
        let base = options.file ?? ""
        let found: LogType =
            directory.exists(RingIndex.path(base)) || directory.exists(RingSizeFile.path(base))
            ? .wrap : .halt
        options.type = options.type ?? memory.type ?? found
        let type = options.type ?? .halt
        if type == .wrap { options.size = options.size ?? memory.sizeWhenMoved }
        options = options.sized(for: type)
        options.format = type == .rotate ? .external : options.format ?? memory.format ?? .internal
        try options.size?.check(for: type)
        try options.check(for: name)
        return options
    }

    func load(
        _ name: String, _ options: LogOptions, _ memory: LogMemory, for holder: Holder
    ) throws(StoreError) -> Opening {
        // Also two that are opened at once may not write one file.
        try bases.with(options.file ?? Self.defaultBase(name)) { () throws(StoreError) in
            try requireFree(options, for: name)
            guard options.mode != .readOnly else {
                return try loadAlone(name, options, memory, for: holder)
            }
            let base = options.file ?? Self.defaultBase(name)
            let isClaimed = try services.owners.claim(base, for: Self.owner(name))
            do throws(StoreError) {
                return try loadAlone(name, options, memory, for: holder)
            } catch {
                if isClaimed { services.owners.release(base, of: Self.owner(name)) }
                throw error
            }
        }
    }

    private func loadAlone(
        _ name: String, _ options: LogOptions, _ memory: LogMemory, for holder: Holder
    ) throws(StoreError) -> Opening {
        // Before a file is touched: one that was emptied stays so, even if the opening is refused.
        let note = try remembering(options, memory, holder)
        let opened: LogOpener.Opened
        do throws(StoreError) {
            opened = try LogOpener(
                name: name, node: node, options: options, directory: directory,
                services: services
            ).open()
        } catch {
            note?.discard(in: directory)
            failures.withLock { $0[name] = error }
            throw error
        }
        forgetFailure(of: name)
        let log = DiskLog(
            opened, type: options.type ?? .halt, options: options,
            services: services, handles: handles)
        report(log)
        try note?.save(in: directory)
        open.add(log)
        join(log, holder)
        return Opening(log: log, isNew: opened.isNew, wasOpened: true)
    }

    /// What is to be remembered once the log is open; nil if that is known.
    private func remembering(
        _ options: LogOptions, _ memory: LogMemory, _ holder: Holder
    ) throws(StoreError) -> LogMemory.Prepared? {
        var changed = memory
        let isHeld = if case .service = holder { true } else { false }
        changed.remember(options, isHeld: isHeld)
        return changed == memory ? nil : try changed.prepare(in: directory)
    }

    private func report(_ log: DiskLog) {
        guard case .repaired(let recovered, let bad, let first) = log.opened else { return }
        services.counters.add(.repairs)
        services.counters.add(.badBytes, bad)
        guard !log.quiet else { return }
        let place = first.map { ", the first at \($0)" } ?? ""
        services.report(
            "log \(log.name) was not closed: repaired, \(recovered) items recovered, "
                + "\(bad) bad bytes\(place)")
    }

    /// The original lets two logs write one file, and damage it.
    private func requireFree(_ options: LogOptions, for name: String) throws(StoreError) {
        guard options.mode != .readOnly else { return }
        let base = options.file ?? Self.defaultBase(name)
        if let other = open.using(base).first(where: { $0.mode == .readWrite && $0.name != name }) {
            throw .log(.fileInUse(file: base, by: other.name))
        }
    }

    private func remember(_ name: String, isHeld: Bool) throws(StoreError) {
        var memory = try memory(of: name)
        guard memory.isHeld != isHeld else { return }
        memory.hold(isHeld)
        try memory.save(in: directory)
    }

    private func join(_ log: DiskLog, _ holder: Holder) {
        switch holder {
        case .service: _ = log.owners.update { $0.service = true }
        case .owner(let handle, let notify):
            _ = log.owners.update { $0.owners[handle] = notify }
            handles.becomeOwner(handle)
            if notify { log.notices.subscribe(handle) }
        case .user: _ = log.owners.update { $0.users += 1 }
        }
    }

    // MARK: - Closing

    /// Ends a handle as a process ends; waits.
    package func end(_ handle: LogHandles.Handle) {
        _ = handles.remove(handle.id)
        switch handle.kind {
        case .owner: _ = try? close(handle.log, by: .handle(handle.id))
        case .user, .blocker: try? loaded(handle.log)?.unblock(by: .handle(handle.id))
        }
    }

    /// What a request to end a handle does: also a user's hold ends; waits.
    package func close(_ handle: LogHandles.Handle) throws(StoreError) {
        guard handles.remove(handle.id) != nil else {
            throw .log(.noSuchHandle(handle: handle.id))
        }
        if handle.kind == .blocker {
            try? loaded(handle.log)?.unblock(by: .handle(handle.id))
        } else {
            _ = try close(handle.log, by: .handle(handle.id))
        }
    }

    /// Ends one hold of the log; the last one closes it; close/1; waits.
    ///
    /// - Returns: what is left: the log while it is open, nil if it is closed now.
    package func close(_ name: String, by caller: LogCaller) throws(StoreError) -> DiskLog? {
        try turns.with(name) { () throws(StoreError) in
            guard let log = loaded(name) else {
                let memory = try memory(of: name)
                guard memory.isHeld else {
                    throw .log(.noSuchLog(name: name, isKnown: exists(name, memory)))
                }
                try remember(name, isHeld: false)
                unopened.remove(name)
                return nil
            }
            try? log.owners.unblock(by: caller)
            let heldByService = log.owners.holders.service
            let isLeft = log.owners.update { Self.end(caller, &$0) }
            if case .handle(let handle) = caller { log.notices.unsubscribe(handle) }
            if heldByService, !log.owners.holders.service {
                do throws(StoreError) {
                    try remember(name, isHeld: false)
                } catch {
                    // The next start would open it: so it is still held.
                    _ = log.owners.update { $0.service = true }
                    throw error
                }
            }
            guard isLeft else { return log }
            try unload(log, telling: .closed)
            return nil
        }
    }

    /// An owner ends its ownership; anyone else lowers the number of users.
    private static func end(_ caller: LogCaller, _ holders: inout LogOwners.Holders) {
        switch caller {
        case .service where holders.service: holders.service = false
        case .handle(let handle) where holders.owners[handle] != nil: holders.owners[handle] = nil
        default: holders.users = max(0, holders.users - 1)
        }
    }

    /// Closes the files; what was asked before is done first.
    private func unload(_ log: DiskLog, telling notice: LogNotice) throws(StoreError) {
        open.remove(log)
        log.owners.refuseAll()
        handles.removeAll(of: log.name)
        let outcome = log.finish()
        log.notices.send(notice)
        try outcome.get()
    }

    /// Closes the log for everybody and removes its files, or forgets it; waits.
    package func delete(_ name: String, keepFiles: Bool) throws(StoreError) {
        try turns.with(name) { () throws(StoreError) in
            var memory = try memory(of: name)
            guard loaded(name) != nil || exists(name, memory) else {
                throw .log(.noSuchLog(name: name, isKnown: false))
            }
            if !keepFiles {
                // From here on the log is gone, whatever happens.
                memory.beginDeleting()
                try memory.save(in: directory)
            }
            if let log = loaded(name) {
                log.isDeleted.set()
                try? unload(log, telling: .deleted)
            }
            forgetFailure(of: name)
            try keepFiles ? forget(name) : finishDeleting(name, memory)
        }
    }

    /// Closes a log that a truncation or reopening has ended.
    package func bury(_ log: DiskLog) {
        try? turns.with(log.name) { () throws(StoreError) in
            guard loaded(log.name) === log else { return }
            failures.withLock { $0[log.name] = .failed(detail: "a truncate or reopen failed") }
            if log.owners.holders.service { unopened.add(log.name) }
            try unload(log, telling: .closed)
        }
    }

    /// Closes every log cleanly, for the end of the process; waits.
    func closeAll() {
        for log in allLoaded {
            try? turns.with(log.name) { () throws(StoreError) in
                try unload(log, telling: .closed)
            }
        }
    }
}
