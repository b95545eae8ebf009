// The ends of pins, and how they are shown.

extension PageLeases {
    /// Ends a pin as a put without flags would.
    package func end(_ id: String) throws(StoreError) {
        _ = try renewed(id, nil)
        end([id])
    }

    /// Ends the pins of a handle; how many there were.
    @discardableResult
    func end(of file: PageFile) -> Int {
        let ids = state.withLock { state in
            state.order.filter { state.terms[$0]?.lease.file === file }
        }
        return end(ids)
    }

    @discardableResult
    func endAll() -> Int { end(state.withLock { $0.order }) }

    /// - Parameter round: of the one pin whose time is up; one that was renewed since stays.
    @discardableResult
    func end(_ ids: [String], expired round: Int? = nil) -> Int {
        var ended: [Lease] = []
        let resumed = state.withLock { state in
            var freed: Set<Address> = []
            for id in ids {
                guard let term = state.terms[id], round == nil || round == term.round
                else { continue }
                state.terms[id] = nil
                services.timers.cancel(term.timer)
                ended.append(term.lease)
                let address = term.lease.address
                if term.lease.mode == .write {
                    state.writers.remove(address)
                    freed.insert(address)
                }
                state.remove(term.charge, term.lease.file.pageSize)
                if round != nil { state.expired.append(id) }
            }
            state.order.removeAll { state.terms[$0] == nil }
            if state.expired.count > Self.rememberedExpired {
                state.expired.removeFirst(state.expired.count - Self.rememberedExpired)
            }
            return takeWaiters(&state) { freed.contains($0.address) }
        }
        if round != nil { services.counters.add(.pinsExpired, ended.count) }
        for lease in ended { lease.pin.withLock { $0 = nil } }
        for resume in resumed { resume() }
        return ended.count
    }

    func schedule(_ id: String, _ milliseconds: Int, _ round: Int) -> Timers.Token {
        services.timers.schedule(afterMilliseconds: milliseconds) { [weak self] in
            guard let self else { return }
            // The last put may have to write the page.
            services.files.submit { self.end([id], expired: round) }
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

    func info(_ id: String) throws(StoreError) -> Info {
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
