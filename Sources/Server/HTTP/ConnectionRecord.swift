import Glibc
import Store
import Synchronization

/// What the service knows of a connection: by when its client must have got on.
///
/// libmicrohttpd measures inactivity alone, so that one byte now and then holds a connection for
/// ever; these deadlines are absolute.
final class ConnectionRecord: Sendable {
    let socket: Int32
    /// Where the client is, without its port.
    let address: String
    // Nanoseconds of the monotonic clock; 0: none.
    private let deadline: Atomic<Int>
    private let isIdle = Atomic(true)

    init(socket: Int32, address: String, deadline: Instant) {
        self.socket = socket
        self.address = address
        self.deadline = Atomic(deadline.nanoseconds)
    }

    /// Sets by when the request that is under way must have got on.
    func setDeadline(_ instant: Instant?) {
        isIdle.store(false, ordering: .relaxed)
        deadline.store(instant?.nanoseconds ?? 0, ordering: .relaxed)
    }

    /// No request is under way.
    func becomeIdle(until instant: Instant) {
        deadline.store(instant.nanoseconds, ordering: .relaxed)
        isIdle.store(true, ordering: .relaxed)
    }

    /// Whether the client of an idle connection has closed its side. The library, which is told of
    /// that only once, misses it now and then if it came together with a request.
    var isAbandoned: Bool {
        guard isIdle.load(ordering: .relaxed) else { return false }
        var byte: UInt8 = 0
        return recv(socket, &byte, 1, Int32(MSG_PEEK | MSG_DONTWAIT)) == 0
    }

    func isOverdue(_ now: Instant) -> Bool {
        let limit = deadline.load(ordering: .relaxed)
        return limit != 0 && limit < now.nanoseconds
    }
}
