// Who wants to change a page waits for another who does, or for the end of a write pin.

extension PageLeases {
    // MARK: Changes

    /// Waits until nobody else makes a change of the page, or a write pin, and keeps others from it.
    func begin(_ address: Address) {
        changing.whenReady({ !$0.contains(address) }) { _ = $0.insert(address) }
    }

    func finish(_ address: Address) {
        changing.withLock { _ = $0.remove(address) }
        changing.wakeAll()
    }

    /// Runs `body` while nobody else makes a change of the page, or a write pin.
    func alone<Result>(
        with address: Address, _ body: () throws(StoreError) -> Result
    ) throws(StoreError) -> Result {
        begin(address)
        defer { finish(address) }
        return try body()
    }

    // MARK: Write pins

    /// Calls `resume` once: when the page has no write pin any more, or when time is up.
    package func whenFree(
        _ file: PageFile, _ pgno: UInt32, milliseconds: Int,
        _ resume: @escaping @Sendable () -> Void
    ) {
        let address = Address(file: file.key, pgno: pgno)
        let waits = state.withLock { state in
            guard state.writers.contains(address) else { return false }
            let number = state.nextWaiter
            state.nextWaiter += 1
            let timer = services.timers.schedule(afterMilliseconds: milliseconds) { [weak self] in
                self?.endWaits { $0.number == number }
            }
            state.waiters.append(
                Waiter(number: number, address: address, timer: timer, resume: resume))
            return true
        }
        if !waits { resume() }
    }

    /// Ends waits of `whenFree`, all of them by default.
    func endWaits(where isOver: (Waiter) -> Bool = { _ in true }) {
        let calls = state.withLock { takeWaiters(&$0, where: isOver) }
        for call in calls { call() }
    }

    /// Takes waiters out, who hold whole requests: whoever takes one calls it.
    func takeWaiters(
        _ state: inout State, where isOver: (Waiter) -> Bool
    ) -> [@Sendable () -> Void] {
        let over = state.waiters.filter(isOver)
        state.waiters.removeAll(where: isOver)
        for waiter in over { services.timers.cancel(waiter.timer) }
        return over.map(\.resume)
    }
}
