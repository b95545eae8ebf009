/// Handles that stand for the processes of the original: owners, users and blockers of logs.
///
/// A handle lives while it is used. When its time is up it ends as a process would: an owner
/// closes, a user does not, a block is lifted.
package final class LogHandles: Sendable {
    package enum Kind: Equatable, Sendable {
        case owner
        case user
        /// Made for a block by a caller without a handle.
        case blocker
    }

    package struct Handle: Sendable {
        package let id: String
        package let log: String
        package fileprivate(set) var kind: Kind
        package let ttlMilliseconds: Int
        /// The wall clock's milliseconds.
        package fileprivate(set) var expiresAt: Int
        fileprivate var deadline: Instant
        fileprivate var timer: Timers.Token?
        /// Streams that keep it alive.
        fileprivate var pins = 0
    }

    /// Handles that one log may have.
    package static let limit = 1000

    private let handles = Locked<[String: Handle]>([:])
    private let timers: Timers
    private let expired: @Sendable (Handle) -> Void

    /// - Parameter expired: called on the timers' thread when a handle has ended by idling.
    init(timers: Timers, expired: @escaping @Sendable (Handle) -> Void) {
        self.timers = timers
        self.expired = expired
    }

    /// - Parameter holder: whose it is, for `RandomName.isLease`.
    /// - Throws: `.tooManyHandles`.
    package func make(
        for log: String, _ kind: Kind, ttlMilliseconds: Int, holder: String
    ) throws(StoreError) -> Handle {
        let id = RandomName.lease("h", of: holder)
        let handle = Handle(
            id: id, log: log, kind: kind, ttlMilliseconds: ttlMilliseconds,
            expiresAt: WallClock.nowMilliseconds + ttlMilliseconds,
            deadline: Instant.now.advanced(milliseconds: ttlMilliseconds))
        try handles.withLock { (handles) throws(StoreError) in
            guard handles.values.count(where: { $0.log == log }) < Self.limit else {
                throw .log(.tooManyHandles(name: log, limit: Self.limit))
            }
            handles[id] = handle
        }
        schedule(id, afterMilliseconds: ttlMilliseconds)
        return handle
    }

    /// The handle, which this use keeps alive; nil if there is none.
    package func use(_ id: String) -> Handle? {
        handles.withLock { handles in
            guard var handle = handles[id] else { return nil }
            handle.expiresAt = WallClock.nowMilliseconds + handle.ttlMilliseconds
            handle.deadline = Instant.now.advanced(milliseconds: handle.ttlMilliseconds)
            handles[id] = handle
            return handle
        }
    }

    /// From now on the handle stands for an owner.
    func becomeOwner(_ id: String) { handles.withLock { $0[id]?.kind = .owner } }

    /// The handle as it is.
    package func find(_ id: String) -> Handle? { handles.withLock { $0[id] } }

    /// The handles of a log, by name.
    package func all(of log: String) -> [Handle] {
        handles.withLock { handles in
            handles.values.filter { $0.log == log }.sorted { $0.id < $1.id }
        }
    }

    package var count: Int { handles.withLock { $0.count } }

    /// Keeps the handle alive until `unpin`; false if there is none.
    package func pin(_ id: String) -> Bool {
        handles.withLock { handles in
            handles[id]?.pins += 1
            return handles[id] != nil
        }
    }

    package func unpin(_ id: String) {
        handles.withLock { $0[id]?.pins -= 1 }
        _ = use(id)
    }

    /// Forgets the handle; nil if there was none.
    package func remove(_ id: String) -> Handle? {
        let handle = handles.withLock { $0.removeValue(forKey: id) }
        if let timer = handle?.timer { timers.cancel(timer) }
        return handle
    }

    /// Forgets the handles of a log that is closed.
    func removeAll(of log: String) {
        for handle in all(of: log) { _ = remove(handle.id) }
    }

    private func schedule(_ id: String, afterMilliseconds milliseconds: Int) {
        let timer = timers.schedule(afterMilliseconds: milliseconds) { [self] in check(id) }
        let isThere = handles.withLock { handles in
            handles[id]?.timer = timer
            return handles[id] != nil
        }
        if !isThere { timers.cancel(timer) }
    }

    /// Ends the handle if it was not used, else looks again when its time may be up.
    private func check(_ id: String) {
        guard let handle = find(id) else { return }
        let left = handle.deadline.nanoseconds(since: Instant.now) / 1_000_000
        if handle.pins > 0 || left > 0 {
            return schedule(id, afterMilliseconds: max(left + 1, 100))
        }
        if let handle = remove(id) { expired(handle) }
    }
}
