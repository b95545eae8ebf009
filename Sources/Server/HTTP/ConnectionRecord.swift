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
    /// Whether the next bytes are the client's: it is idle, or sends a request.
    private let isReceiving = Atomic(true)
    private let isSuspect = Atomic(false)

    init(socket: Int32, address: String, deadline: Instant) {
        self.socket = socket
        self.address = address
        self.deadline = Atomic(deadline.nanoseconds)
    }

    /// The client must have got on by then.
    func receive(until instant: Instant) {
        deadline.store(instant.nanoseconds, ordering: .relaxed)
        isSuspect.store(false, ordering: .relaxed)
        isReceiving.store(true, ordering: .relaxed)
    }

    /// The request is there; its answer must have been taken by then, if that is bounded.
    func answer(until instant: Instant?) {
        isReceiving.store(false, ordering: .relaxed)
        deadline.store(instant?.nanoseconds ?? 0, ordering: .relaxed)
    }

    /// Whether the client has closed its side and nothing more can come.
    ///
    /// The library is told of that only once, and misses it now and then if it came together with
    /// other bytes. Looked at twice, so that a request that is just being taken is not cut off.
    func isAbandoned() -> Bool {
        guard isReceiving.load(ordering: .relaxed) else { return false }
        var byte: UInt8 = 0
        guard recv(socket, &byte, 1, Int32(MSG_PEEK | MSG_DONTWAIT)) == 0 else { return false }
        return isSuspect.exchange(true, ordering: .relaxed)
    }

    func isOverdue(_ now: Instant) -> Bool {
        let limit = deadline.load(ordering: .relaxed)
        return limit != 0 && limit < now.nanoseconds
    }
}
