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

    init(socket: Int32, address: String, deadline: Instant) {
        self.socket = socket
        self.address = address
        self.deadline = Atomic(deadline.nanoseconds)
    }

    func setDeadline(_ instant: Instant?) {
        deadline.store(instant?.nanoseconds ?? 0, ordering: .relaxed)
    }

    func isOverdue(_ now: Instant) -> Bool {
        let limit = deadline.load(ordering: .relaxed)
        return limit != 0 && limit < now.nanoseconds
    }
}
