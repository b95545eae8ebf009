/// Cursors that requests name, each with a lease: one that is not used in time is closed.
package final class JournalCursors: Sendable {
    /// One open cursor.
    package final class Open: Sendable {
        package let id: String
        package let journal: Journal
        package let ttlMilliseconds: Int
        /// The wall clock's milliseconds.
        package let createdAt: Int
        /// One request at a time moves it.
        package let cursor: Locked<JournalCursor>

        fileprivate let use: Locked<Use>

        fileprivate init(id: String, journal: Journal, ttlMilliseconds: Int) {
            self.id = id
            self.journal = journal
            self.ttlMilliseconds = ttlMilliseconds
            createdAt = WallClock.nowMilliseconds
            cursor = Locked(journal.openCursor())
            use = Locked(Use(ttlMilliseconds))
        }

        package var lastUsedAt: Int { use.withLock { $0.at } }
        package var expiresAt: Int { lastUsedAt + ttlMilliseconds }
    }

    fileprivate struct Use {
        var at: Int
        var deadline: Instant
        var timer: Timers.Token?
        /// Requests that are under way.
        var requests = 0

        init(_ ttl: Int) {
            at = WallClock.nowMilliseconds
            deadline = Instant.now.advanced(milliseconds: ttl)
        }

        mutating func renew(_ ttl: Int) {
            at = WallClock.nowMilliseconds
            deadline = Instant.now.advanced(milliseconds: ttl)
        }
    }

    private struct State {
        var open: [String: Open] = [:]
        /// Names of cursors that have expired, to tell them from such as never were.
        var expired: [String] = []
        var expiredCount = 0
    }

    /// Cursors that one journal may have.
    package static let limit = 64
    private static let rememberedLimit = 1000

    private let state = Locked(State())
    private let timers: Timers
    private let files: Workers

    init(timers: Timers, files: Workers) {
        self.timers = timers
        self.files = files
    }

    /// Cursors that have expired so far.
    package var expiredCount: Int { state.withLock { $0.expiredCount } }

    package var count: Int { state.withLock { $0.open.count } }

    /// Opens a cursor before the first record; WT_SESSION::open_cursor.
    ///
    /// - Parameter holder: whose it is, for `RandomName.isLease`.
    package func open(
        on journal: Journal, ttlMilliseconds: Int, holder: String = ""
    ) throws(StoreError) -> Open {
        let entry = Open(
            id: RandomName.lease("c", of: holder), journal: journal,
            ttlMilliseconds: ttlMilliseconds)
        do throws(StoreError) {
            try state.withLock { (state) throws(StoreError) in
                guard state.open.values.count(where: { $0.journal === journal }) < Self.limit else {
                    throw .journal(.tooManyCursors(name: journal.name, limit: Self.limit))
                }
                state.open[entry.id] = entry
            }
        } catch {
            journal.release()
            throw error
        }
        schedule(entry, afterMilliseconds: ttlMilliseconds)
        return entry
    }

    /// The cursor, which this use keeps alive.
    package func use(_ id: String, of name: String) throws(StoreError) -> Open {
        let entry = try state.withLock { (state) throws(StoreError) in
            if let entry = state.open[id], entry.journal.name == name { return entry }
            throw StoreError.journal(
                state.expired.contains(id) ? .cursorExpired(id: id) : .noSuchCursor(id: id))
        }
        entry.use.withLock { $0.renew(entry.ttlMilliseconds) }
        return entry
    }

    /// Keeps the cursor alive while a request is under way.
    package func begin(_ entry: Open) { entry.use.withLock { $0.requests += 1 } }

    package func end(_ entry: Open) {
        entry.use.withLock { use in
            use.requests -= 1
            use.renew(entry.ttlMilliseconds)
        }
    }

    /// The cursors of a journal, by name.
    package func all(of journal: Journal) -> [Open] {
        state.withLock { state in
            state.open.values.filter { $0.journal === journal }.sorted { $0.id < $1.id }
        }
    }

    /// Closes the cursor; WT_CURSOR::close.
    package func close(_ entry: Open) {
        let was = state.withLock { $0.open.removeValue(forKey: entry.id) }
        guard was != nil else { return }
        if let timer = entry.use.withLock({ $0.timer.take() }) { timers.cancel(timer) }
        entry.journal.release()
        entry.journal.archiveIfSet()
    }

    func removeAll(of journal: Journal) {
        for entry in all(of: journal) { close(entry) }
    }

    private func schedule(_ entry: Open, afterMilliseconds milliseconds: Int) {
        let timer = timers.schedule(afterMilliseconds: milliseconds) { [self] in check(entry) }
        entry.use.withLock { $0.timer = timer }
    }

    /// Closes the cursor if it was not used, else looks again when its time may be up.
    private func check(_ entry: Open) {
        let left: Int = entry.use.withLock { use in
            if use.requests > 0 { return entry.ttlMilliseconds }
            return use.deadline.nanoseconds(since: Instant.now) / 1_000_000
        }
        guard left <= 0 else { return schedule(entry, afterMilliseconds: left + 1) }
        state.withLock { state in
            guard state.open[entry.id] != nil else { return }
            state.expiredCount += 1
            state.expired.append(entry.id)
            if state.expired.count > Self.rememberedLimit { state.expired.removeFirst() }
        }
        files.submit { [self] in close(entry) }
    }
}
