import Glibc
import Store
import Synchronization

/// Cuts connections whose clients are too slow, and all of them at the end of a drain.
final class Reaper: Sendable {
    private let connections = Locked<[ObjectIdentifier: ConnectionRecord]>([:])
    private let timers: Timers
    private let headerTimeout: Int
    private let isStopped = Atomic(false)
    /// Connections that were cut because their client was too slow.
    let cut = Atomic(0)

    /// - Parameter headerTimeout: how long a request line and its headers may take, in milliseconds.
    init(timers: Timers, headerTimeout: Int) {
        self.timers = timers
        self.headerTimeout = headerTimeout
        scheduleSweep()
    }

    var count: Int { connections.withLock { $0.count } }

    func add(_ record: ConnectionRecord) {
        connections.withLock { $0[ObjectIdentifier(record)] = record }
    }

    /// Must be called before the socket is closed: its number may be another's afterwards.
    func remove(_ record: ConnectionRecord) {
        connections.withLock { $0[ObjectIdentifier(record)] = nil }
    }

    /// Ends every connection; the library notices and cleans up.
    func cutAll() {
        connections.withLock { connections in
            for record in connections.values { record.cut() }
        }
    }

    func stop() { isStopped.store(true, ordering: .relaxed) }

    private func scheduleSweep() {
        timers.schedule(afterMilliseconds: 500) { [self] in
            guard !isStopped.load(ordering: .relaxed) else { return }
            sweep()
            scheduleSweep()
        }
    }

    private func sweep() {
        let now = Instant.now
        connections.withLock { connections in
            for record in connections.values {
                record.noticeFirstBytes(now, headerTimeout: headerTimeout)
                if record.isOverdue(now) {
                    record.answer(until: nil)
                    cut.add(1, ordering: .relaxed)
                } else if !record.isAbandoned() {
                    continue
                }
                record.cut()
            }
        }
    }
}
