import Glibc

/// The buffer pools of a data directory that are open, each in a folder of its own below `mpools`.
///
/// A pool stays open until it is closed or the service ends; afterwards `open` has to be called again.
package final class MPools: Sendable {
    /// The pool under the reads of the service itself.
    package static let service = "service"

    private let directory: DataDirectory
    private let journals: Journals
    private let services: LogServices
    /// Where the keys of encrypted pages are; nil if there are none.
    private let keysFile: String?
    private let pools = Locked<[String: OpenMPool]>([:])
    private let turns: NameTurns

    init(
        directory: DataDirectory, journals: Journals, services: LogServices, keysFile: String?
    ) {
        self.keysFile = keysFile
        self.directory = directory
        self.journals = journals
        self.services = services
        turns = NameTurns(on: services.files)
    }

    /// The open pool of that name; waits for nothing.
    package func loaded(_ name: String) -> OpenMPool? { pools.withLock { $0[name] } }

    package var allLoaded: [OpenMPool] {
        pools.withLock { Array($0.values) }.sorted { $0.name < $1.name }
    }

    /// - Throws: `.noSuchMPool` if it is not open.
    package func find(_ name: String) throws(StoreError) -> OpenMPool {
        guard let pool = loaded(name) else { throw .mpool(.noSuchMPool(name: name)) }
        return pool
    }

    /// Opens a pool; memp_open.
    ///
    /// One that is open must have the options that are given.
    ///
    /// - Returns: the pool, and whether it was not open before.
    /// - Throws: `.noSuchMPool`, `.argumentMismatch`, `.badArgument`, `.busy`; `.alreadyExists` if it
    ///   is open or has a region, and `mustBeNew`.
    package func open(
        _ name: String, _ given: MPoolSettings, mustBeNew: Bool = false
    ) throws(StoreError) -> (pool: OpenMPool, isNew: Bool) {
        // What no pool can have is wrong whether there is one or not.
        _ = try given.options()
        return try turns.with(name) { () throws(StoreError) in
            if mustBeNew, loaded(name) != nil || isThere(name) {
                throw .alreadyExists(name: "the buffer pool " + name)
            }
            if let pool = loaded(name) {
                try given.check(against: pool.settings)
                return (pool, false)
            }
            services.forgetCalls("mpools", name)
            let pool = try make(name, given)
            pools.withLock { $0[name] = pool }
            return (pool, true)
        }
    }

    private func make(_ name: String, _ given: MPoolSettings) throws(StoreError) -> OpenMPool {
        let folder = folder(name)
        var options = try given.options()
        if let journal = given.journal { options.log = try log(journal) }
        if options.create { try directory.makeFolders(above: folder + "/f") }
        if !options.isPrivate, options.create, directory.exists(folder) {
            // What a pool that nobody is in remembers is of no use to anyone.
            do throws(StoreError) {
                try MPool.unlink(directory.absolute(folder), name: name)
            } catch {
                guard case .mpool(.inUse) = error else { throw error }
            }
        }
        let pool = try MPool.open(directory.absolute(folder), name: name, options)
        return OpenMPool(name, pool, given, directory: directory, services: services)
    }

    /// Closes a pool with all its files and pins; memp_close.
    ///
    /// - Parameter sync: write what has changed first.
    package func close(_ name: String, sync: Bool) throws(StoreError) -> ClosedPages {
        try turns.with(name) { () throws(StoreError) in
            let pool = try find(name)
            var closed = ClosedPages()
            if sync { closed.pinsDropped = try pool.syncBeforeClosing() }
            pools.withLock { $0[name] = nil }
            closed += try pool.close()
            return closed
        }
    }

    /// Removes what a pool has in its folder; memp_unlink.
    ///
    /// Files of pages stay.
    /// - Throws: `.noSuchMPool`, `.inUse` if it is open here or in another process, unless `force`.
    package func delete(_ name: String, force: Bool) throws(StoreError) {
        try turns.with(name) { () throws(StoreError) in
            let isOpen = loaded(name) != nil
            if isOpen, !force { throw .mpool(.inUse(name: name)) }
            guard isOpen || isThere(name) else { throw .mpool(.noSuchMPool(name: name)) }
            if let pool = pools.withLock({ $0.removeValue(forKey: name) }) { _ = try pool.close() }
            let folder = directory.absolute(folder(name))
            try MPool.unlink(folder, name: name, force: force)
            rmdir(folder)
            services.forgetCalls("mpools", name)
        }
    }

    /// The names of pools that are open or have a region, in order, each with whether it is open.
    package func names() throws(StoreError) -> [(name: String, isOpen: Bool)] {
        var names = Set(allLoaded.map(\.name))
        names.formUnion(
            try directory.names(in: "mpools").filter { ResourceName.isValid($0) && isThere($0) })
        return names.sorted().map { ($0, loaded($0) != nil) }
    }

    /// The filter of two names; for those that encrypt the keys' file is read anew.
    ///
    /// - Throws: `.badArgument` for an unknown name; `.notImplemented` without a keys' file where one is
    ///   needed.
    package func filter(pgin: String, pgout: String) throws(StoreError) -> PageFilter {
        var keys = PageKeys()
        if NamedFilter.needsKeys(pgin) || NamedFilter.needsKeys(pgout) {
            guard let keysFile else {
                throw .notImplemented(detail: "this service has no keys: set mpool.keys_file")
            }
            keys = try PageKeys(path: keysFile)
        }
        return PageFilter(
            pgin: try NamedFilter.function(pgin, isIncoming: true, keys: keys),
            pgout: try NamedFilter.function(pgout, isIncoming: false, keys: keys))
    }

    /// Puts a pool of the service's own among them.
    func add(_ pool: MPool, as name: String, _ settings: MPoolSettings) {
        let open = OpenMPool(name, pool, settings, directory: directory, services: services)
        pools.withLock { $0[name] = open }
    }

    /// Answers those who wait for another's pin, once a drain has started.
    package func endWaits() {
        for pool in allLoaded { pool.leases.endWaits() }
    }

    /// Closes all pools; changes that were not synced are lost.
    func closeAll() {
        for pool in allLoaded { _ = try? pool.close() }
        pools.withLock { $0 = [:] }
    }

    /// A journal here as the log of a pool: flushed up to a page's LSN before the page is written.
    private func log(_ name: String) throws(StoreError) -> PageLog {
        _ = try journals.find(name)
        return .flushed { [journals] (lsn) throws(StoreError) in
            let journal = try journals.find(name)
            let view = journal.view
            guard lsn < view.end else { throw .mpool(.lsnBeyondLog(lsn)) }
            if lsn < view.synced { return }
            let flushed = Locked<Result<Journal.View, StoreError>?>(nil)
            try journal.flush(isDurable: true) { result in
                flushed.withLock { $0 = result }
                flushed.wakeAll()
            }
            let result = flushed.whenReady({ $0 != nil }) { $0 }
            if case .failure(let error)? = result { throw error }
        }
    }

    private func folder(_ name: String) -> String { "mpools/" + name }

    private func isThere(_ name: String) -> Bool {
        directory.exists(folder(name) + "/" + MPool.regionName)
    }
}
