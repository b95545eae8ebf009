import Glibc

/// All pools of a data directory: which are open, and the ways to make, open, close, remove them.
///
/// The files are the registry: a pool is what lies at `pools/NAME`, or where its note says, so
/// that starting costs nothing per pool and files made by other programs are found. A pool opens
/// when it is first needed, unless it was closed by request.
///
/// Functions marked *waits* do I/O and must not be called on a network thread.
package final class Pools: Sendable {
    let directory: DataDirectory
    let services: LogServices
    private let open = Locked<[String: PmemLog]>([:])
    /// Of pools that are open, and of those whose notes could not be written.
    private let memories = Locked<[String: PoolMemory]>([:])
    let turns: NameTurns

    init(directory: DataDirectory, services: LogServices) {
        self.directory = directory
        self.services = services
        turns = NameTurns(on: services.files)
    }

    /// The pool if it is open now.
    package func loaded(_ name: String) -> PmemLog? { open.withLock { $0[name] } }

    /// All pools that are open now.
    package var allLoaded: [PmemLog] { open.withLock { Array($0.values) } }

    /// The pool, opened if need be, unless it was closed by request; waits.
    package func find(_ name: String) throws(StoreError) -> PmemLog {
        if let log = loaded(name) { return log }
        return try turns.with(name) { () throws(StoreError) in
            let memory = try memory(of: name)
            guard memory.current[PoolMemory.closed] == nil else {
                throw exists(name, memory) ? .poolClosed(name: name) : .noSuchPool(name: name)
            }
            return try load(name, memory)
        }
    }

    /// Opens the pool, also one that was closed by request; pmemlog_open(3); waits.
    package func open(_ name: String) throws(StoreError) -> PmemLog {
        try turns.with(name) { () throws(StoreError) in
            let memory = try memory(of: name)
            let log = try load(name, memory)
            try memory.update { $0[PoolMemory.closed] = nil }
            return log
        }
    }

    /// Makes the pool, or opens the one that is there; waits.
    ///
    /// - Throws: `.argumentMismatch` if the one that is there has another size or file;
    ///   `.alreadyExists` if one is there and `mustBeNew`.
    package func create(
        _ name: String, _ options: PoolOptions, mustBeNew: Bool = false
    ) throws(StoreError) -> (log: PmemLog, isNew: Bool) {
        try options.check()
        return try turns.with(name) { () throws(StoreError) in
            let memory = try memory(of: name)
            if exists(name, memory) {
                guard !mustBeNew else { throw .alreadyExists(name: "the pool " + name) }
                return (try reopen(name, options, memory), false)
            }
            let path = options.path(for: name)
            let isClaimed = try services.owners.claim(path, for: Self.owner(name))
            do throws(StoreError) {
                if path != Self.defaultPath(name), directory.exists(path) {
                    return (try adopt(name, path, options, memory), false)
                }
                try services.forget("pools", name, in: directory)
                try note(path, for: name, in: memory)
                try PoolFile.create(
                    path, size: options.size ?? PoolLayout.minimumSize,
                    mode: options.mode ?? 0o600, createdAt: time(nil), in: directory)
            } catch {
                // What is refused is not remembered.
                try? directory.remove(PoolMemory.path(of: name))
                if isClaimed { services.owners.release(path, of: Self.owner(name)) }
                throw error
            }
            do throws(StoreError) {
                return (try load(name, memory), true)
            } catch {
                throw .afterEffect(error)
            }
        }
    }

    /// Closes the pool and remembers that; one that is closed stays so; pmemlog_close(3); waits.
    package func close(_ name: String) throws(StoreError) -> PoolStatus {
        try turns.with(name) { () throws(StoreError) in
            let memory = try memory(of: name)
            guard exists(name, memory) else { throw .noSuchPool(name: name) }
            try memory.update { $0[PoolMemory.closed] = 1 }
            unload(name)
            return PoolStatus(
                name: name, file: try PoolFile(at: path(of: name, memory), in: directory),
                memory: memory)
        }
    }

    /// Closes the pool and removes its file, or only forgets it; waits.
    package func delete(_ name: String, keepFile: Bool) throws(StoreError) {
        try turns.with(name) { () throws(StoreError) in
            let memory = try memory(of: name)
            guard exists(name, memory) else { throw .noSuchPool(name: name) }
            let path = path(of: name, memory)
            loaded(name)?.isDeleted.set()
            unload(name)
            if keepFile {
                // What lies at pools/NAME would be found again: forgetting it means closing it.
                if path == Self.defaultPath(name) {
                    services.forgetCalls("pools", name)
                    return try memory.update { $0[PoolMemory.closed] = 1 }
                }
            } else if try services.owners.isFree(path, for: Self.owner(name)) {
                try removeParts(of: path, name)
                try directory.remove(path)
            }
            try? services.forget("pools", name, in: directory)
            // A note without a pool means nothing.
            memories.withLock { $0[name] = nil }
            try? directory.remove(PoolMemory.path(of: name))
            services.owners.release(Self.owner(name))
        }
    }

    /// What is known of the pool, which need not be open; waits unless it is.
    package func status(_ name: String) throws(StoreError) -> PoolStatus {
        if let log = loaded(name) { return PoolStatus(log) }
        let memory = try memory(of: name)
        if memory.current[PoolMemory.closed] == nil { return PoolStatus(try find(name)) }
        return PoolStatus(name: name, file: try file(of: name, memory), memory: memory)
    }

    /// Reads the headers of a pool that is not open; waits.
    ///
    /// - Throws: what is wrong with it.
    package func examine(_ name: String) throws(StoreError) {
        let memory = try memory(of: name)
        _ = try PoolFile(at: path(of: name, memory), in: directory)
    }

    /// pmemlog_check(3) of a pool that is not open, or of an open one without the library; waits.
    ///
    /// - Returns: nil if it is consistent, else what is wrong.
    package func check(_ name: String, live: Bool) throws(StoreError) -> String? {
        if live, let log = loaded(name) { return try log.checkLive() }
        return try turns.with(name) { () throws(StoreError) in
            if let log = loaded(name) {
                guard live else { throw .poolOpen(name: name) }
                return try log.checkLive()
            }
            return try checkFile(of: name)
        }
    }

    private func checkFile(of name: String) throws(StoreError) -> String? {
        let path = path(of: name, try memory(of: name))
        do throws(StoreError) {
            let file = try PoolFile(at: path, in: directory)
            try file.fillHoles(in: directory)
            return try PmemPool.check(directory.absolute(path), name: path)
        } catch {
            switch error {
            case .notAPool(let detail): return detail
            case .noSuchPool: throw .noSuchPool(name: name)
            default: throw error
            }
        }
    }

    /// Names of all pools after `last`, in order, at most `limit`; waits.
    package func names(
        prefix: String, after last: String?, limit: Int
    ) throws(StoreError) -> (names: [String], isComplete: Bool) {
        var all = Set(try directory.names(in: "pools").filter(ResourceName.isValid))
        for name in try directory.names(in: ".tidemark/pools") where !all.contains(name) {
            if exists(name, try memory(of: name)) { all.insert(name) }
        }
        let wanted = all.filter { $0.hasPrefix(prefix) && $0 > last ?? "" }.sorted()
        return (Array(wanted.prefix(limit)), wanted.count <= limit)
    }

    /// Closes every pool cleanly, for the end of the process; waits.
    package func closeAll() {
        let logs = open.withLock { open in
            defer { open = [:] }
            return Array(open.values)
        }
        for log in logs { log.close() }
    }

    // MARK: - With the name's turn

    static func defaultPath(_ name: String) -> String { "pools/" + name }

    private static func owner(_ name: String) -> FileOwners.Owner {
        .init(kind: "pools", name: name)
    }

    private func path(of name: String, _ memory: PoolMemory) -> String {
        memory.current.values[PoolMemory.file] ?? Self.defaultPath(name)
    }

    /// The pool's file, missing by the pool's name and not by the file's.
    private func file(of name: String, _ memory: PoolMemory) throws(StoreError) -> PoolFile {
        do throws(StoreError) {
            return try PoolFile(at: path(of: name, memory), in: directory)
        } catch {
            guard case .noSuchPool = error else { throw error }
            throw .noSuchPool(name: name)
        }
    }

    func exists(_ name: String, _ memory: PoolMemory) -> Bool {
        directory.exists(path(of: name, memory))
    }

    /// What is remembered of the pool; the same object as long as it is open.
    func memory(of name: String) throws(StoreError) -> PoolMemory {
        if let known = memories.withLock({ $0[name] }) { return known }
        return try PoolMemory(of: name, in: directory)
    }

    private func unload(_ name: String) {
        open.withLock { $0.removeValue(forKey: name) }?.close()
        memories.withLock { memories in
            if memories[name]?.isSaved == true { memories[name] = nil }
        }
    }

    func load(_ name: String, _ memory: PoolMemory) throws(StoreError) -> PmemLog {
        if let log = loaded(name) { return log }
        let path = path(of: name, memory)
        var file = try file(of: name, memory)
        try file.askDevice(in: directory)
        file = try PoolFile(at: path, in: directory, access: O_RDWR)
        if let tell = memory.current[PoolMemory.untrustedAfter] {
            let lost = try file.cutBack(toTell: tell, in: directory)
            services.report(
                "pool \(name): a flush failed; \(lost) bytes after \(tell) were cut off")
            try memory.update { $0[PoolMemory.untrustedAfter] = nil }
            file = try PoolFile(at: path, in: directory, access: O_RDWR)
        }
        for part in parts(of: file) where !part.hasPrefix("pools/") {
            _ = try services.owners.claim(part, for: Self.owner(name))
        }
        try file.fillHoles(in: directory)
        // First: what fails once the library has opened the pool would have to close it.
        let gate = try AppendGate(of: "pools", name, in: directory)
        let generation = memory.current[PoolMemory.generation] ?? 1
        try gate.keys.settle(tail: file.layout.tell, generation: generation)
        let engine = PmemEngine(
            name: name, identity: PoolStatus.identity(of: file.layout),
            pool: try PmemPool(opening: directory.absolute(path), name: path),
            writer: PoolWriter(file.segments, layout: file.layout),
            isReadOnly: file.layout.isReadOnly, generation: generation, memory: memory,
            gate: gate, timers: services.timers)
        let log = PmemLog(name: name, file: file, engine: engine, services: services)
        memories.withLock { $0[name] = memory }
        open.withLock { $0[name] = log }
        return log
    }

    private func reopen(
        _ name: String, _ options: PoolOptions, _ memory: PoolMemory
    ) throws(StoreError) -> PmemLog {
        let log = try load(name, memory)
        let path = path(of: name, memory)
        if let wanted = options.file, wanted != path {
            throw .argumentMismatch(option: "file", expected: path, actual: wanted)
        }
        if let size = options.size { try Self.check(size, of: log.poolSize) }
        try memory.update { $0[PoolMemory.closed] = nil }
        return log
    }

    /// Opens a file that was there already under the name.
    private func adopt(
        _ name: String, _ path: String, _ options: PoolOptions, _ memory: PoolMemory
    ) throws(StoreError) -> PmemLog {
        let found = try PoolFile(at: path, in: directory)
        if let size = options.size { try Self.check(size, of: found.poolSize) }
        try note(path, for: name, in: memory)
        return try reopen(name, options, memory)
    }

    private static func check(_ wanted: Int, of poolSize: Int) throws(StoreError) {
        guard wanted != poolSize else { return }
        throw .argumentMismatch(
            option: "pool_size", expected: "\(poolSize)", actual: "\(wanted)")
    }

    /// The note of an earlier pool of that name says nothing about this one.
    func note(_ path: String, for name: String, in memory: PoolMemory) throws(StoreError) {
        try memory.update { note in
            note.values = path == Self.defaultPath(name) ? [:] : [PoolMemory.file: path]
        }
    }

    /// Removes the parts of a set that lie in the data directory; others are not the service's.
    private func removeParts(of path: String, _ name: String) throws(StoreError) {
        guard let file = try? PoolFile(at: path, in: directory) else { return }
        for part in parts(of: file) {
            // Beside the set nothing else can lie.
            var isOwn = part.hasPrefix("pools/")
            if !isOwn { isOwn = try services.owners.isFree(part, for: Self.owner(name)) }
            if isOwn { try directory.remove(part) }
        }
    }

    /// The parts of a set that lie in the data directory, relative to that.
    private func parts(of file: PoolFile) -> [String] {
        let root = directory.path + "/"
        return file.parts.filter { $0.hasPrefix(root) }.map { String($0.dropFirst(root.count)) }
    }
}
