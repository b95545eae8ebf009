import CLinux
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
    /// How to reach the loop that serves it.
    let mailbox: LoopMailbox
    /// What it is encrypted with, which must last as long; nil if it is not.
    let credentials: TLSCredentials?
    // Nanoseconds of the monotonic clock; 0: none.
    private let deadline: Atomic<Int>
    /// Whether the next bytes are the client's: it is idle, or sends a request.
    private let isReceiving = Atomic(true)
    private let isSuspect = Atomic(false)
    /// Bytes that had come when the connection was first seen idle; nil's place is taken by -1.
    private let bytesWhenIdle = Atomic(-1)

    init(
        socket: Int32, address: String, mailbox: LoopMailbox, credentials: TLSCredentials?,
        deadline: Instant
    ) {
        self.socket = socket
        self.address = address
        self.mailbox = mailbox
        self.credentials = credentials
        self.deadline = Atomic(deadline.nanoseconds)
    }

    /// No request is under way; the next must have begun by then.
    func wait(until instant: Instant) {
        receive(until: instant)
        bytesWhenIdle.store(-1, ordering: .relaxed)
    }

    /// The client must have got on by then.
    func receive(until instant: Instant) {
        bytesWhenIdle.store(Int.max, ordering: .relaxed)
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

    /// Ends the connection; the library notices and cleans up.
    func cut() { clinux_shut_down(socket) }

    /// Whether the client has closed its side while it is being answered.
    ///
    /// Of an encrypted connection the last bytes, which say so, are never read.
    var clientHasGone: Bool {
        if credentials != nil { return clinux_peer_has_closed(socket) != 0 }
        var byte: UInt8 = 0
        return recv(socket, &byte, 1, Int32(MSG_PEEK | MSG_DONTWAIT)) == 0
    }

    /// Holds a request line that has begun to come to the time that headers have.
    ///
    /// Nothing else tells of its first bytes: the library is silent until the line is complete.
    func noticeFirstBytes(_ now: Instant, headerTimeout: Int) {
        let before = bytesWhenIdle.load(ordering: .relaxed)
        guard before != Int.max else { return }
        let received = Int(clinux_bytes_received(socket))
        if before == -1 {
            _ = bytesWhenIdle.compareExchange(expected: -1, desired: received, ordering: .relaxed)
        } else if received > before {
            bytesWhenIdle.store(Int.max, ordering: .relaxed)
            let limit = now.advanced(milliseconds: headerTimeout).nanoseconds
            deadline.min(limit, ordering: .relaxed)
        }
    }

    func isOverdue(_ now: Instant) -> Bool {
        let limit = deadline.load(ordering: .relaxed)
        return limit != 0 && limit < now.nanoseconds
    }
}
