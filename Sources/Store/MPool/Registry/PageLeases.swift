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
    struct Address: Hashable {
        let file: UInt64
        let pgno: UInt32
    }

    final class Lease: Sendable {
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

    /// What a pin counts against the cap for.
    enum Charge: Hashable {
        /// The pool's memory that it keeps; several pins of it count once.
        case header(UInt32)
        /// A copy of its own, of a file that is read past the pool.
        case copy(id: String)
    }

    struct Term {
        let lease: Lease
        var charge: Charge
        /// Rises with each renewal, so that an old timer's end is not this term's.
        var round = 0
        var ttlMilliseconds: Int
        var expiresAt: Int
        var timer: Timers.Token
    }

    /// One who waits for the end of another's write pin.
    struct Waiter {
        let number: Int
        let address: Address
        let timer: Timers.Token
        let resume: @Sendable () -> Void
    }

    struct State {
        var percent: Int
        var terms: [String: Term] = [:]
        var order: [String] = []
        var writers: Set<Address> = []
        var pinned: [Charge: Int] = [:]
        var pinnedBytes = 0
        var waiters: [Waiter] = []
        var nextWaiter = 0
        /// Pins that have expired, the latest last.
        var expired: [String] = []
    }

    /// Pins that one pool may have.
    package static let limit = 1000
    static let rememberedExpired = 4096

    let pool: MPool
    let services: LogServices
    let state: Locked<State>
    /// Pages of which somebody is making a change, or a write pin.
    let changing = Locked<Set<Address>>([])

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
        try checkRoom(file, request)
        guard mode == .write else {
            return try lease(try file.get(request), name, mode, ttlMilliseconds, holder, body)
        }
        // No change of the page begins or ends between the look at its bytes and the pin.
        switch request {
        case .existing(let pgno), .create(let pgno):
            let address = Address(file: file.key, pgno: pgno)
            begin(address)
            defer { finish(address) }
            try checkFree(address)
            return try lease(try file.get(request), name, mode, ttlMilliseconds, holder, body)
        case .last, .new:
            let pin = try file.get(request)
            let address = Address(file: file.key, pgno: pin.pgno)
            begin(address)
            defer { finish(address) }
            try checkFree(address)
            if pin.isCurrent {
                return try lease(pin, name, mode, ttlMilliseconds, holder, body)
            }
            let latest = try file.get(.existing(pin.pgno))
            return try lease(latest, name, mode, ttlMilliseconds, holder, body)
        }
    }

    private func lease<Result>(
        _ pin: consuming sending PagePin, _ name: String, _ mode: Mode, _ ttl: Int,
        _ holder: String,
        _ body: (UnsafeMutableRawBufferPointer) throws(StoreError) -> sending Result
    ) throws(StoreError) -> (info: Info, result: Result) {
        let result = try pin.withBytes(body)
        let id = RandomName.lease("p", of: holder)
        let charge = Charge(pin, id: id)
        let lease = Lease(id: id, name: name, mode: mode, pin: pin)
        do throws(StoreError) {
            try enter(lease, ttl, charge)
        } catch {
            lease.pin.withLock { $0 = nil }
            throw error
        }
        return (try info(lease.id), result)
    }

    private func checkFree(_ address: Address) throws(StoreError) {
        let isTaken = state.withLock { $0.writers.contains(address) }
        if isTaken { throw .mpool(.pagePinned(pgno: address.pgno)) }
    }

    private func enter(_ lease: Lease, _ ttl: Int, _ charge: Charge) throws(StoreError) {
        let address = lease.address
        try state.withLock { (state) throws(StoreError) in
            // Whoever closes it ends the pins afterwards that are in by now.
            if lease.file.isClosed { throw .mpool(.closed) }
            try checkLimit(state)
            if lease.mode == .write, state.writers.contains(address) {
                throw .mpool(.pagePinned(pgno: lease.pgno))
            }
            if state.pinned[charge] == nil { try checkRoom(state, lease.file.pageSize) }
            state.add(charge, lease.file.pageSize)
            if lease.mode == .write { state.writers.insert(address) }
            state.terms[lease.id] = Term(
                lease: lease, charge: charge, ttlMilliseconds: ttl,
                expiresAt: WallClock.nowMilliseconds + ttl, timer: schedule(lease.id, ttl, 0))
            state.order.append(lease.id)
        }
    }

    // MARK: Using

    /// Runs `body` with the pin of that name, and renews it.
    private func use<Result>(
        _ id: String, _ body: (Lease) throws(StoreError) -> Result
    ) throws(StoreError) -> Result {
        let lease = try renewed(id, nil)
        return try body(lease)
    }

    func renewed(_ id: String, _ ttl: Int?) throws(StoreError) -> Lease {
        try state.withLock { (state) throws(StoreError) in
            guard var term = state.terms[id] else {
                throw .mpool(.noSuchPin(id: id, isExpired: state.expired.contains(id)))
            }
            if term.lease.file.isClosed {
                throw .mpool(.noSuchPin(id: id, isExpired: false))
            }
            services.timers.cancel(term.timer)
            term.ttlMilliseconds = ttl ?? term.ttlMilliseconds
            term.expiresAt = WallClock.nowMilliseconds + term.ttlMilliseconds
            term.round += 1
            term.timer = schedule(id, term.ttlMilliseconds, term.round)
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
        _ condition: PageCondition = PageCondition(), keeps: Bool = true
    ) throws(StoreError) -> Info {
        try use(id) { (lease) throws(StoreError) in
            try Self.check(lease, file, flags, change)
            try lease.pin.withLock { (pin) throws(StoreError) in
                guard pin != nil else {
                    throw .mpool(.noSuchPin(id: id, isExpired: false))
                }
                if change != nil, keeps { try checkRoomToReplace(id) }
                try pin?.apply(flags, change, condition)
                if change != nil, let header = pin?.header { recharge(id, .header(header)) }
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
        let info = try set(id, of: file, flags, change, condition, keeps: false)
        if let priority {
            try use(id) { (lease) throws(StoreError) in
                try lease.pin.withLock { (pin) throws(StoreError) in try pin?.rank(priority) }
            }
        }
        end([id])
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
        // Before anything is changed.
        try flags.check()
        if change != nil, !flags.contains(.dirty) {
            throw .badArgument(option: "flags", detail: "new bytes need the flag dirty")
        }
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
        guard let bytes else { return try set(flags) }
        // The page of which the condition held has to be the one that is replaced.
        guard try replaceIfCurrent(with: bytes) else { throw .mpool(.notPinned) }
        // It is dirty already; should another process have replaced it since, this came first.
        try set(flags.intersection(.discard))
    }
}
