import Glibc

/// A pool that is open in the service, with the handles, filters and pins that its clients have.
package final class OpenMPool: Sendable {
    package let name: String
    package let pool: MPool
    package let leases: PageLeases

    private let directory: DataDirectory
    private let owners: FileOwners
    private let given: Locked<MPoolSettings>
    private let files = Locked<[String: PageFile]>([:])
    private let filters = Locked<[Int: FilterNames]>([:])
    let turns: NameTurns
    /// Whether a sync is under way that rests.
    let isPacing = Locked(false)

    /// The names of the two filters of a file type.
    package struct FilterNames: Equatable, Sendable {
        package let pgin: String
        package let pgout: String

        package init(pgin: String, pgout: String) {
            self.pgin = pgin
            self.pgout = pgout
        }
    }

    init(
        _ name: String, _ pool: MPool, _ given: MPoolSettings, directory: DataDirectory,
        services: LogServices
    ) {
        self.name = name
        self.pool = pool
        self.directory = directory
        owners = services.owners
        turns = NameTurns(on: services.files)
        self.given = Locked(given)
        leases = PageLeases(
            pool: pool, percent: given.maxPinnedPercent ?? MPoolSettings.defaultPinnedPercent,
            services: services)
    }

    /// The settings in force.
    package var settings: MPoolSettings {
        var settings = given.withLock { $0 }
        settings.cacheSize = pool.cacheSize
        settings.mmapSize = pool.mmapSize
        settings.mode = settings.mode ?? 0o640
        settings.isPrivate = pool.isPrivate
        settings.noMmap = pool.noMmap
        settings.logging = settings.logging ?? false
        settings.maxPinnedPercent = leases.percent
        settings.policy = pool.policy
        return settings
    }

    /// Changes what can be changed of an open pool.
    package func change(
        cacheSize: Int?, maxPinnedPercent: Int?, pacing: WritePacing?
    ) throws(StoreError) {
        try MPoolSettings.check(maxPinnedPercent: maxPinnedPercent)
        if let cacheSize { try pool.resize(cacheSize: cacheSize) }
        if let maxPinnedPercent { leases.setPercent(maxPinnedPercent) }
        if let pacing { pool.pacing.withLock { $0 = pacing } }
    }

    // MARK: Files

    /// The handle of that name.
    ///
    /// - Throws: `.noSuchFile`.
    package func file(_ name: String) throws(StoreError) -> PageFile {
        guard let file = files.withLock({ $0[name] }) else {
            throw .mpool(.noSuchFile(name: name))
        }
        return file
    }

    package var allFiles: [(name: String, file: PageFile)] {
        files.withLock { $0.map { ($0.key, $0.value) } }.sorted { $0.name < $1.name }
    }

    /// Opens a file under a name for the handle; memp_fopen.
    ///
    /// - Parameters:
    ///   - path: below the data directory; nil for the pool's own folder.
    ///   - options: their name and path are passed over.
    /// - Returns: the handle, and whether it is new.
    /// - Throws: `.argumentMismatch` if it is open with other options.
    package func open(
        _ name: String, path: String?, isPrivate: Bool, _ options: PageFileOptions
    ) throws(StoreError) -> (file: PageFile, isNew: Bool) {
        var options = options
        let place = path ?? "mpools/\(self.name)/\(name)"
        if !isPrivate {
            try Self.check(path: place)
            options.name = place
            options.path = options.inMemory ? nil : directory.absolute(place)
        }
        let complete = options
        return try turns.with(name) { () throws(StoreError) in
            if let known = files.withLock({ $0[name] }) {
                try Self.check(complete, against: known.options)
                return (known, false)
            }
            try complete.check()
            // Who only reads keeps nobody from anything.
            let path = options.path == nil || options.readOnly ? nil : place
            if let path { try owners.open(pagesOf: path) }
            do throws(StoreError) {
                if complete.create, path != nil { try directory.makeFolders(above: place) }
                let file = try pool.open(complete)
                files.withLock { $0[name] = file }
                return (file, true)
            } catch {
                if let path { owners.close(pagesOf: path) }
                throw error
            }
        }
    }

    /// Closes a handle and its pins; memp_fclose.
    ///
    /// - Parameter sync: write what has changed first.
    package func close(_ name: String, sync: Bool) throws(StoreError) -> ClosedPages {
        try turns.with(name) { () throws(StoreError) in
            let file = try file(name)
            var closed = ClosedPages()
            if sync { closed.pinsDropped += try syncBeforeClosing(file) }
            files.withLock { $0[name] = nil }
            closed.pinsDropped += leases.end(of: file)
            closed += try close(file)
            // Those that came in meanwhile; closing has counted them.
            leases.end(of: file)
            return closed
        }
    }

    func close() throws(StoreError) -> ClosedPages {
        var closed = ClosedPages(pinsDropped: leases.endAll())
        let open = files.withLock { files in
            defer { files = [:] }
            return Array(files.values)
        }
        for file in open { closed += try close(file) }
        closed += try pool.close()
        leases.endAll()
        return closed
    }

    private func close(_ file: PageFile) throws(StoreError) -> ClosedPages {
        let isClaimed = file.options.path != nil && !file.options.readOnly
        defer { if isClaimed { owners.close(pagesOf: file.options.name ?? "") } }
        return try file.close()
    }

    /// Writes what has changed in a file, without the pins that would keep pages from it; how many
    /// pins there were.
    private func syncBeforeClosing(_ file: PageFile) throws(StoreError) -> Int {
        var ended = 0
        let isComplete = try Self.patiently { () throws(StoreError) in
            ended += leases.end(of: file)
            return try file.sync()
        }
        if !isComplete { try file.flush() }
        return ended
    }

    /// As for a file, for all of them.
    func syncBeforeClosing() throws(StoreError) -> Int {
        var ended = 0
        _ = try Self.patiently { () throws(StoreError) in
            ended += leases.endAll()
            return try syncNow(nil).result
        }
        return ended
    }

    /// Syncs until nothing is left, for a second: requests that are under way have pins, too.
    private static func patiently(
        _ sync: () throws(StoreError) -> SyncResult
    ) throws(StoreError) -> Bool {
        let end = Instant.now.advanced(milliseconds: 1000)
        while try sync() == .incomplete {
            guard Instant.now < end else { return false }
            usleep(10_000)
        }
        return true
    }

    private static func check(path: String) throws(StoreError) {
        do throws(StoreError) {
            try ResourceName.checkPath(path, kind: "mpools")
        } catch {
            guard case .badArgument(_, let detail) = error else { throw error }
            throw .badArgument(option: "path", detail: detail)
        }
    }

    private static func check(
        _ given: PageFileOptions, against known: PageFileOptions
    ) throws(StoreError) {
        guard given != known else { return }
        let pairs: [(String, String, String)] = [
            ("path", known.name ?? "null", given.name ?? "null"),
            ("pagesize", "\(known.pageSize)", "\(given.pageSize)"),
            ("ftype", "\(known.fileType)", "\(given.fileType)"),
            ("lsn_offset", "\(known.lsnOffset)", "\(given.lsnOffset)"),
            ("rdonly", "\(known.readOnly)", "\(given.readOnly)"),
            ("nommap", "\(known.noMmap)", "\(given.noMmap)"),
            ("oddsize", "\(known.oddSize)", "\(given.oddSize)"),
            ("priority", known.priority.rawValue, given.priority.rawValue),
            ("readahead", "\(known.readAhead)", "\(given.readAhead)"),
            ("inmemory", "\(known.inMemory)", "\(given.inMemory)"),
            ("maxpages", "\(known.maxPages)", "\(given.maxPages)"),
            ("clear_len", "\(known.clearLength ?? -1)", "\(given.clearLength ?? -1)"),
            ("pgcookie", "\(known.cookie ?? [])", "\(given.cookie ?? [])"),
            ("uid", "\(known.uid ?? [])", "\(given.uid ?? [])"),
        ]
        for (option, expected, actual) in pairs where expected != actual {
            throw .argumentMismatch(option: option, expected: expected, actual: actual)
        }
    }

    // MARK: Filters

    /// Names the filters of a file type; memp_register.
    ///
    /// Whether the type is new.
    package func register(
        fileType: Int, _ names: FilterNames, _ filter: PageFilter
    ) throws(StoreError) -> Bool {
        try pool.register(fileType: fileType, filter)
        return filters.withLock { $0.updateValue(names, forKey: fileType) } == nil
    }

    package var filterNames: [Int: FilterNames] { filters.withLock { $0 } }
}
