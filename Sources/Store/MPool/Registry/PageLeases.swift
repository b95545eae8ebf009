/// The pins of clients: leases that end when nobody renews them.
///
/// Any number of read pins and one write pin of a page are out at once. What a write pin changes is
/// put in the page's place in one step, so that nobody sees half of it.
package final class PageLeases: Sendable {
    package enum Mode: String, CaseIterable, Sendable { case read, write }

    /// A pin as it is shown.
    package struct Info: Sendable {
        package let id: String
        package let file: String
        package let pgno: UInt32
        package let mode: Mode
        package let isDirty: Bool
        /// The wall clock's milliseconds.
        package let since: Int
        package let expiresAt: Int
    }

    /// A page, whatever handle it is reached through.
    private struct Address: Hashable {
        let file: UInt64
        let pgno: UInt32
    }

    private final class Lease: Sendable {
        let id: String
        let name: String
        let file: PageFile
        let pgno: UInt32
        let mode: Mode
        let since = WallClock.nowMilliseconds
        let pin: Locked<PagePin?>

        init(id: String, name: String, mode: Mode, pin: consuming sending PagePin) {
            self.id = id
            self.name = name
            self.mode = mode
            file = pin.file
            pgno = pin.pgno
            self.pin = Locked(pin)
        }

        var address: Address { Address(file: file.key, pgno: pgno) }
    }

    private struct Term {
        let lease: Lease
        var ttlMilliseconds: Int
        var expiresAt: Int
        var timer: Timers.Token
    }

    private struct State {
        var percent: Int
        var terms: [String: Term] = [:]
        var order: [String] = []
        var writers: Set<Address> = []
        var pinned: [Address: Int] = [:]
        var pinnedBytes = 0
        var waiters: [(address: Address, resume: @Sendable () -> Void)] = []
        /// Pins that have expired, the latest last.
        var expired: [String] = []
    }

    /// Pins that one pool may have.
    package static let limit = 1000
    private static let rememberedExpired = 4096

    private let pool: MPool
    private let services: LogServices
    private let state: Locked<State>

    init(pool: MPool, percent: Int, services: LogServices) {
        self.pool = pool
        self.services = services
        state = Locked(State(percent: percent))
    }

    package var percent: Int { state.withLock { $0.percent } }
    package var count: Int { state.withLock { $0.terms.count } }

    func setPercent(_ percent: Int) { state.withLock { $0.percent = percent } }

    // MARK: Getting

    /// Pins a page for a client; memp_fget.
    ///
    /// - Parameters:
    ///   - name: of the handle.
    ///   - holder: whose the pin is, for `RandomName.isLease`.
    /// - Returns: the pin, and what `body` makes of the page.
    /// - Throws: `.pagePinned` if another has a write pin, `.cacheFull` beyond the cap on pinned
    ///   bytes, `.tooManyPins`, and what the pool refuses.
    package func get<Result>(
        _ file: PageFile, name: String, _ request: WantedPage, _ mode: Mode,
        ttlMilliseconds: Int, holder: String = "",
        _ body: (UnsafeMutableRawBufferPointer) throws(StoreError) -> sending Result
    ) throws(StoreError) -> (info: Info, result: Result) {
        let mode = file.isReadOnly ? .read : mode
        switch request {
        case .existing(let pgno), .create(let pgno): try checkFree(file, pgno, mode)
        case .last, .new: break
        }
        let pin = try file.get(request)
        let result = try pin.withBytes(body)
        let lease = Lease(
            id: RandomName.lease("p", of: holder), name: name, mode: mode, pin: pin)
        do throws(StoreError) {
            try enter(lease, ttlMilliseconds)
        } catch {
            lease.pin.withLock { $0 = nil }
            throw error
        }
        return (try info(lease.id), result)
    }

    private func checkFree(_ file: PageFile, _ pgno: UInt32, _ mode: Mode) throws(StoreError) {
        let address = Address(file: file.key, pgno: pgno)
        let isTaken = state.withLock { mode == .write && $0.writers.contains(address) }
        if isTaken { throw .mpool(.pagePinned(pgno: pgno)) }
    }

    private func enter(_ lease: Lease, _ ttl: Int) throws(StoreError) {
        let address = lease.address
        let size = lease.file.pageSize
        let most = pool.cacheSize
        try state.withLock { (state) throws(StoreError) in
            guard state.terms.count < Self.limit else {
                throw .mpool(.tooManyPins(limit: Self.limit))
            }
            if lease.mode == .write, state.writers.contains(address) {
                throw .mpool(.pagePinned(pgno: lease.pgno))
            }
            let isFirst = state.pinned[address] == nil
            if isFirst, (state.pinnedBytes + size) * 100 > most * state.percent {
                throw .mpool(
                    .cacheFull(
                        detail: "pins hold \(state.pinnedBytes) bytes, and may hold "
                            + "\(state.percent) % of \(most)"))
            }
            if isFirst { state.pinnedBytes += size }
            state.pinned[address, default: 0] += 1
            if lease.mode == .write { state.writers.insert(address) }
            state.terms[lease.id] = Term(
                lease: lease, ttlMilliseconds: ttl,
                expiresAt: WallClock.nowMilliseconds + ttl, timer: schedule(lease.id, ttl))
            state.order.append(lease.id)
        }
    }

    /// Calls `resume` once: when the page has no write pin any more, or when time is up.
    package func whenFree(
        _ file: PageFile, _ pgno: UInt32, milliseconds: Int,
        _ resume: @escaping @Sendable () -> Void
    ) {
        let address = Address(file: file.key, pgno: pgno)
        let once = Locked(false)
        let call: @Sendable () -> Void = {
            let isFirst = once.withLock { called in
                defer { called = true }
                return !called
            }
            if isFirst { resume() }
        }
        let waits = state.withLock { state in
            guard state.writers.contains(address) else { return false }
            state.waiters.append((address, call))
            return true
        }
        guard waits else { return call() }
        services.timers.schedule(afterMilliseconds: milliseconds, call)
    }

    /// Ends all waits of `whenFree`.
    func endWaits() {
        let calls = state.withLock { state in
            defer { state.waiters = [] }
            return state.waiters.map(\.1)
        }
        for call in calls { call() }
    }

    // MARK: Using

    /// Runs `body` with the pin of that name, and renews it.
    private func use<Result>(
        _ id: String, _ body: (Lease) throws(StoreError) -> Result
    ) throws(StoreError) -> Result {
        let lease = try renewed(id, nil)
        return try body(lease)
    }

    private func renewed(_ id: String, _ ttl: Int?) throws(StoreError) -> Lease {
        try state.withLock { (state) throws(StoreError) in
            guard var term = state.terms[id] else {
                throw .mpool(.noSuchPin(id: id, isExpired: state.expired.contains(id)))
            }
            services.timers.cancel(term.timer)
            term.ttlMilliseconds = ttl ?? term.ttlMilliseconds
            term.expiresAt = WallClock.nowMilliseconds + term.ttlMilliseconds
            term.timer = schedule(id, term.ttlMilliseconds)
            state.terms[id] = term
            return term.lease
        }
    }

    /// Lets a pin live longer.
    package func renew(_ id: String, ttlMilliseconds: Int?) throws(StoreError) -> Info {
        _ = try renewed(id, ttlMilliseconds)
        return try info(id)
    }

    /// Says what is to be known of a page, after giving it new bytes; memp_fset.
    ///
    /// - Parameter file: the handle that the request names; the pin must be one of it.
    package func set(
        _ id: String, of file: PageFile, _ flags: PageFlags, _ change: PageChange?,
        _ condition: PageCondition = PageCondition()
    ) throws(StoreError) -> Info {
        try use(id) { (lease) throws(StoreError) in
            try Self.check(lease, file, flags, change)
            try lease.pin.withLock { (pin) throws(StoreError) in
                guard pin != nil else {
                    throw .mpool(.noSuchPin(id: id, isExpired: false))
                }
                try pin?.apply(flags, change, condition)
            }
        }
        return try info(id)
    }

    /// As `set`, and gives the pin back; memp_fput.
    ///
    /// On an error it is still held.
    /// - Parameter priority: of the page until its next put, if not its file's.
    package func put(
        _ id: String, of file: PageFile, _ flags: PageFlags, _ change: PageChange?,
        _ condition: PageCondition = PageCondition(), priority: PagePriority? = nil
    ) throws(StoreError) -> Info {
        let info = try set(id, of: file, flags, change, condition)
        if let priority {
            try use(id) { (lease) throws(StoreError) in
                try lease.pin.withLock { (pin) throws(StoreError) in try pin?.rank(priority) }
            }
        }
        end([id], expired: false)
        return info
    }

    private static func check(
        _ lease: Lease, _ file: PageFile, _ flags: PageFlags, _ change: PageChange?
    ) throws(StoreError) {
        guard lease.file === file else {
            throw .mpool(.noSuchPin(id: lease.id, isExpired: false))
        }
        if flags.contains(.dirty), file.isReadOnly {
            throw .mpool(.readOnlyFile(file: file.name))
        }
        if lease.mode == .read, !flags.isDisjoint(with: [.clean, .dirty]) {
            throw .badArgument(option: "flags", detail: "clean and dirty need a write pin")
        }
        if change != nil, !flags.contains(.dirty) {
            throw .badArgument(option: "flags", detail: "new bytes need the flag dirty")
        }
    }

    // MARK: Ending

    /// Ends a pin as a put without flags would.
    package func end(_ id: String) throws(StoreError) {
        _ = try renewed(id, nil)
        end([id], expired: false)
    }

    /// Ends the pins of a handle; how many there were.
    func end(of file: PageFile) -> Int {
        let ids = state.withLock { state in
            state.order.filter { state.terms[$0]?.lease.file === file }
        }
        return end(ids, expired: false)
    }

    func endAll() -> Int { end(state.withLock { $0.order }, expired: false) }

    @discardableResult
    private func end(_ ids: [String], expired: Bool) -> Int {
        var ended: [Lease] = []
        let resumed = state.withLock { state in
            var freed: Set<Address> = []
            for id in ids {
                guard let term = state.terms.removeValue(forKey: id) else { continue }
                services.timers.cancel(term.timer)
                ended.append(term.lease)
                let address = term.lease.address
                if term.lease.mode == .write {
                    state.writers.remove(address)
                    freed.insert(address)
                }
                let left = (state.pinned[address] ?? 1) - 1
                state.pinned[address] = left == 0 ? nil : left
                if left == 0 { state.pinnedBytes -= term.lease.file.pageSize }
                if expired { state.expired.append(id) }
            }
            state.order.removeAll { state.terms[$0] == nil }
            if state.expired.count > Self.rememberedExpired {
                state.expired.removeFirst(state.expired.count - Self.rememberedExpired)
            }
            let waiting = state.waiters.filter { freed.contains($0.address) }
            state.waiters.removeAll { freed.contains($0.address) }
            return waiting.map(\.resume)
        }
        if expired { services.counters.add(.pinsExpired, ended.count) }
        for lease in ended { lease.pin.withLock { $0 = nil } }
        for resume in resumed { resume() }
        return ended.count
    }

    private func schedule(_ id: String, _ milliseconds: Int) -> Timers.Token {
        services.timers.schedule(afterMilliseconds: milliseconds) { [weak self] in
            guard let self else { return }
            // The last put may have to write the page.
            services.files.submit { self.end([id], expired: true) }
        }
    }

    // MARK: Showing

    /// All pins, oldest first.
    package var all: [Info] {
        let terms = state.withLock { state in state.order.compactMap { state.terms[$0] } }
        return terms.map(Self.info)
    }

    /// Whether somebody may be about to change a page.
    func isWritePinned(_ file: UInt64, _ pgno: UInt32) -> Bool {
        state.withLock { $0.writers.contains(Address(file: file, pgno: pgno)) }
    }

    private func info(_ id: String) throws(StoreError) -> Info {
        guard let term = state.withLock({ $0.terms[id] }) else {
            throw .mpool(.noSuchPin(id: id, isExpired: true))
        }
        return Self.info(term)
    }

    private static func info(_ term: Term) -> Info {
        let lease = term.lease
        return Info(
            id: lease.id, file: lease.name, pgno: lease.pgno, mode: lease.mode,
            isDirty: lease.pin.withLock { $0?.isDirty ?? false }, since: lease.since,
            expiresAt: term.expiresAt)
    }
}

extension PagePin {
    /// Checks the condition, replaces the page's bytes, then applies the flags.
    fileprivate mutating func apply(
        _ flags: PageFlags, _ change: PageChange?, _ condition: PageCondition
    ) throws(StoreError) {
        let file = file
        let bytes = try withBytes { (page) throws(StoreError) -> [UInt8]? in
            try condition.check(UnsafeRawBufferPointer(page), of: file)
            return try change?.applied(to: page)
        }
        if let bytes { try replace(with: bytes) }
        try set(flags)
    }
}
