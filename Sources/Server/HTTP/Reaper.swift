import Glibc
import Store
import Synchronization

/// Cuts connections whose clients are too slow, and all of them at the end of a drain.
final class Reaper: Sendable {
    private let connections = Locked<[ObjectIdentifier: ConnectionRecord]>([:])
    private let timers: Timers
    private let isStopped = Atomic(false)
    /// Connections that were cut because their client was too slow.
    let cut = Atomic(0)

    init(timers: Timers) {
        self.timers = timers
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
            for record in connections.values { shutdown(record.socket, Int32(SHUT_RDWR)) }
        }
    }

    func stop() { isStopped.store(true, ordering: .relaxed) }

    private func scheduleSweep() {
        timers.schedule(afterMilliseconds: 500) { [weak self] in
            guard let self, !self.isStopped.load(ordering: .relaxed) else { return }
            self.sweep()
            self.scheduleSweep()
        }
    }

    private func sweep() {
        let now = Instant.now
        connections.withLock { connections in
            for record in connections.values {
                if record.isOverdue(now) {
                    record.setDeadline(nil)
                    cut.add(1, ordering: .relaxed)
                } else if !record.isAbandoned {
                    continue
                }
                shutdown(record.socket, Int32(SHUT_RDWR))
            }
        }
    }
}
