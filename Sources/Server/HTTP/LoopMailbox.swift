import Glibc
import Store
import Synchronization

/// What other threads ask of an event loop: to take a connection, to resume one, to end.
///
/// The loop is woken once for all that gathers before it looks.
final class LoopMailbox: Sendable {
    /// A connection of the library's: named here, used by the loop's thread.
    struct ParkedConnection: @unchecked Sendable {
        // Sendable because only the loop's thread does anything with the pointer.
        let pointer: OpaquePointer
    }

    struct Contents {
        var arrivals: [AcceptedConnection] = []
        var resumed: [ParkedConnection] = []
        var isStopping = false

        var isEmpty: Bool { arrivals.isEmpty && resumed.isEmpty && !isStopping }

        mutating func removeAll() {
            arrivals.removeAll(keepingCapacity: true)
            resumed.removeAll(keepingCapacity: true)
        }
    }

    let service: Service
    /// Readable when there is something to take.
    let descriptor: Int32
    private let writing: Int32
    private let contents = Locked(Contents())
    private let connections = Atomic(0)

    init(service: Service) throws(StartFailure) {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw StartFailure("the system has no pipe to give") }
        for end in ends {
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
        }
        self.service = service
        descriptor = ends[0]
        writing = ends[1]
    }

    deinit {
        close(descriptor)
        close(writing)
    }

    /// Brings a connection to serve.
    func add(_ connection: AcceptedConnection) {
        connections.add(1, ordering: .relaxed)
        put { $0.arrivals.append(connection) }
    }

    /// How many connections the loop has.
    var connectionCount: Int { connections.load(ordering: .relaxed) }

    /// One of them is gone.
    func connectionHasEnded() { connections.subtract(1, ordering: .relaxed) }

    /// Asks for a parked connection to go on; once for each parking.
    func resume(_ connection: OpaquePointer) {
        let parked = ParkedConnection(pointer: connection)
        put { $0.resumed.append(parked) }
    }

    func stop() { put { $0.isStopping = true } }

    private func put(_ change: (inout Contents) -> Void) {
        let mustWake = contents.withLock { contents in
            defer { change(&contents) }
            return contents.isEmpty
        }
        if mustWake { write(writing, "x", 1) }
    }

    /// Lets `descriptor` wake the loop again; before `take`, so that nothing is missed.
    func clearWake() {
        var bytes: (UInt64, UInt64) = (0, 0)
        _ = read(descriptor, &bytes, 16)
    }

    /// Exchanges everything that has come since the last time for `emptied`, whose room is used
    /// again.
    func take(_ emptied: inout Contents) {
        emptied.removeAll()
        contents.withLock { swap(&$0, &emptied) }
    }
}
