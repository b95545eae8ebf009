/// The engines over one data directory, and the threads that they share.
///
/// ```
/// let store = try Store(path: "/var/lib/tidemark")
/// let pool = try store.pools.create("demo", PoolOptions()).log
/// ```
package final class Store: Sendable {
    package let directory: DataDirectory
    package let pools: Pools
    package let logs: Logs
    package let journals: Journals
    package let mpools: MPools
    /// Threads for what waits for the disk besides commits: opening, closing, making, removing.
    package let files: Workers
    /// One thread for deadlines.
    package let timers: Timers
    /// What clients have called by names of theirs.
    package let calls: CallNotes
    /// What waits in the commit queues.
    package let budget: CommitBudget

    package let counters = StoreCounters()

    private let committers: Workers
    private let makers: Workers

    /// Takes the data directory, and clears what was left half made in it.
    ///
    /// - Parameters:
    ///   - budget: bounds the commit queues.
    ///   - serviceCacheSize: bytes of the pool that logs are read through; 0 for none.
    ///   - pageKeysFile: where the keys are that pages of buffer pools are encrypted with.
    ///   - report: told, in words, of what an operator should know.
    /// - Throws: `.locked` if another server uses the directory.
    package init(
        path: String, budget: CommitBudget = CommitBudget(requests: 10_000, bytes: 64 << 20),
        serviceCacheSize: Int = 32 << 20, pageKeysFile: String? = nil,
        report: @escaping @Sendable (String) -> Void = { _ in }
    ) throws(StoreError) {
        directory = try DataDirectory(path: path)
        self.budget = budget
        files = Workers(name: "files", limit: 16)
        committers = Workers(name: "committer", limit: 16)
        makers = Workers(name: "maker", limit: 4)
        timers = Timers()
        calls = CallNotes(in: directory, on: files)
        let cache = try ReadCache(size: serviceCacheSize, directory)
        let services = LogServices(
            committers: committers, files: files, makers: makers, timers: timers, budget: budget,
            counters: counters, calls: calls, cache: cache, owners: FileOwners(in: directory),
            report: report)
        pools = Pools(directory: directory, services: services)
        logs = Logs(directory: directory, services: services, node: "nonode@nohost")
        journals = Journals(directory: directory, services: services)
        mpools = MPools(
            directory: directory, journals: journals, services: services, keysFile: pageKeysFile)
        if let cache { mpools.add(cache.pool, as: MPools.service, cache.settings) }
        let unfinished = try directory.discardUnfinished()
        if unfinished > 0 { report("removed \(unfinished) files whose making was cut short") }
    }

    /// Opens what was held when the service ended, while requests are answered.
    package func openHeld() {
        logs.openHeld()
        journals.openHeld()
    }

    /// How far `openHeld` is, in hundredths; nil if it is done.
    package var recoveryPercent: Int? {
        let (logs, journals) = (logs.reopening.progress, journals.reopening.progress)
        let (done, all) = (logs.done + journals.done, logs.all + journals.all)
        return done < all ? done * 100 / all : nil
    }

    /// Closes everything cleanly; nothing may be asked of the store afterwards.
    package func close() {
        logs.reopening.stop()
        journals.reopening.stop()
        files.stop()
        pools.closeAll()
        logs.closeAll()
        mpools.closeAll()
        journals.closeAll()
        committers.stop()
        makers.stop()
        timers.stop()
    }
}

/// What every kind of log needs besides its files.
struct LogServices: Sendable {
    let committers: Workers
    let files: Workers
    /// Threads that make the next file of a log while the one before is written: a close waits for them
    /// that others wait for on the threads above.
    let makers: Workers
    let timers: Timers
    let budget: CommitBudget
    let counters: StoreCounters
    let calls: CallNotes
    /// Pages of files that were read before; nil if none are kept.
    let cache: ReadCache?
    let owners: FileOwners
    let report: @Sendable (String) -> Void

    /// Forgets who wrote to, and what was called on, what has been removed or is about to be made.
    ///
    /// Called in the name's turn, so that nothing is forgotten of the next one.
    /// - Throws: what must keep the next one from being made.
    func forget(
        _ kind: String, _ name: String, in directory: DataDirectory
    ) throws(StoreError) {
        try calls.forget("\(kind)/\(name)")
        try AppendGate.forget(kind, name, in: directory)
    }

    /// As `forget`, of what has no writers, or keeps them.
    func forgetCalls(_ kind: String, _ name: String) { try? calls.forget("\(kind)/\(name)") }
}
