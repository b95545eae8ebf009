// How much of the pool pins may hold.

extension PageLeases.Charge {
    init(_ pin: borrowing PagePin, id: String) {
        self = pin.header.map { .header($0) } ?? .copy(id: id)
    }
}

extension PageLeases.State {
    mutating func add(_ charge: PageLeases.Charge, _ size: Int) {
        if pinned[charge] == nil { pinnedBytes += size }
        pinned[charge, default: 0] += 1
    }

    mutating func remove(_ charge: PageLeases.Charge, _ size: Int) {
        let left = (pinned[charge] ?? 1) - 1
        pinned[charge] = left == 0 ? nil : left
        if left == 0 { pinnedBytes -= size }
    }
}

extension PageLeases {
    func checkLimit(_ state: State) throws(StoreError) {
        guard state.terms.count < Self.limit else {
            throw .mpool(.tooManyPins(limit: Self.limit))
        }
    }

    func checkRoom(_ state: State, _ size: Int) throws(StoreError) {
        let most = pool.cacheSize
        guard (state.pinnedBytes + size) * 100 > most * state.percent else { return }
        throw .mpool(
            .cacheFull(
                detail: "pins hold \(state.pinnedBytes) bytes, and may hold "
                    + "\(state.percent) % of \(most)"))
    }

    /// Refuses a pin that could not be had, before other pages leave for its page.
    func checkRoom(_ file: PageFile, _ request: WantedPage) throws(StoreError) {
        try state.withLock { (state) throws(StoreError) in
            try checkLimit(state)
            switch request {
            case .existing(let pgno), .create(let pgno):
                guard !file.isMapped else { return }
                let header = pool.region.find(PageKey(file: file.key, pgno: pgno)).index
                guard state.pinned[.header(header)] == nil else { return }
            case .new: break
            // Which page that is, and so whether it is pinned, only the pool can say.
            case .last: return
            }
            try checkRoom(state, file.pageSize)
        }
    }

    /// Refuses new bytes for a page that stays pinned, if others keep the old ones too.
    func checkRoomToReplace(_ id: String) throws(StoreError) {
        try state.withLock { (state) throws(StoreError) in
            guard let term = state.terms[id], state.pinned[term.charge] ?? 0 > 1 else { return }
            try checkRoom(state, term.lease.file.pageSize)
        }
    }

    /// Has a pin count for other memory than before.
    func recharge(_ id: String, _ charge: Charge) {
        state.withLock { state in
            guard var term = state.terms[id], term.charge != charge else { return }
            let size = term.lease.file.pageSize
            state.remove(term.charge, size)
            state.add(charge, size)
            term.charge = charge
            state.terms[id] = term
        }
    }
}
