import API
import CLinux
import Glibc
import Store
import Synchronization

/// Accepts connections on a thread of its own and deals them out evenly.
///
/// Left to themselves the library's threads race for each connection, and one of them ends up with
/// nearly all. Here is also where the limits stand: who comes too much is told so, and when the
/// process runs out of descriptors, accepting pauses while open connections go on.
final class Acceptor: Sendable {
    /// How often the addresses of the clients that are connected.
    private let addresses = Locked<[String: Int]>([:])
    private let isStopped = Atomic(false)
    private let hasEnded = Locked(false)
    private let listener: Int32
    /// A pipe whose writing end wakes the thread.
    private let wake: (reading: Int32, writing: Int32)
    private let settings: Settings
    private let connections: @Sendable () -> Int
    private let newRequestID: @Sendable () -> String
    /// Connections that were turned away.
    let refused = Atomic(0)

    /// Takes over the listening socket.
    ///
    /// - Parameters:
    ///   - connections: how many there are now.
    ///   - newRequestID: names the request of a connection that is turned away.
    ///   - add: takes over a connection.
    init(
        listener: Int32, settings: Settings, connections: @escaping @Sendable () -> Int,
        newRequestID: @escaping @Sendable () -> String,
        add: @escaping @Sendable (AcceptedConnection) -> Void
    ) {
        self.listener = listener
        self.settings = settings
        self.connections = connections
        self.newRequestID = newRequestID
        var ends: [Int32] = [-1, -1]
        pipe(&ends)
        wake = (ends[0], ends[1])
        _ = startThread("acceptor") { [self] in
            run(add)
            hasEnded.withLock { $0 = true }
            hasEnded.wakeAll()
        }
    }

    /// Takes no more connections and closes the listening socket.
    func stop() {
        isStopped.store(true, ordering: .releasing)
        write(wake.writing, "x", 1)
        hasEnded.whenReady({ $0 }) { _ in }
        close(listener)
        close(wake.reading)
        close(wake.writing)
    }

    /// A connection from the address is there; false if it has too many.
    private func admit(_ address: String) -> Bool {
        addresses.withLock { addresses in
            guard addresses[address, default: 0] < settings.connectionsPerAddress else {
                return false
            }
            addresses[address, default: 0] += 1
            return true
        }
    }

    /// A connection from the address is gone.
    func release(_ address: String) {
        addresses.withLock { addresses in
            guard let count = addresses[address] else { return }
            addresses[address] = count > 1 ? count - 1 : nil
        }
    }

    private func run(_ add: (AcceptedConnection) -> Void) {
        while !isStopped.load(ordering: .acquiring) {
            var wanted = [
                pollfd(fd: listener, events: Int16(POLLIN), revents: 0),
                pollfd(fd: wake.reading, events: Int16(POLLIN), revents: 0),
            ]
            poll(&wanted, 2, -1)
            if wanted[0].revents != 0, !acceptAll(add) {
                // No descriptor is free: those that close their connections will make room.
                poll(&wanted[1], 1, 50)
            }
        }
    }

    /// Accepts what waits; false if the process has no descriptor left.
    private func acceptAll(_ add: (AcceptedConnection) -> Void) -> Bool {
        while true {
            var address = sockaddr_storage()
            var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
            let socket = withSocketAddress(&address) {
                clinux_accept(listener, $0, &length)
            }
            guard socket >= 0 else {
                if errno == EINTR || errno == ECONNABORTED { continue }
                return ![EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(errno)
            }
            var on: Int32 = 1
            setsockopt(
                socket, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
            let peer = PeerAddress.text(of: &address)
            guard connections() < settings.connections, admit(peer) else {
                turnAway(socket)
                continue
            }
            add(
                AcceptedConnection(
                    socket: socket, address: address, addressLength: length, peer: peer))
        }
    }

    private func turnAway(_ socket: Int32) {
        refused.add(1, ordering: .relaxed)
        // A handshake for a refusal would cost more than what is refused.
        guard settings.certificate.isEmpty else {
            close(socket)
            return
        }
        let problem = Problem(.overloaded, "there are too many connections")
        let requestID = newRequestID()
        let response = problem.response(instance: "", requestID: requestID)
        let headers = response.headers.map { "\($0.name): \($0.value)\r\n" }.joined()
        let answer =
            "HTTP/1.1 503 Service Unavailable\r\n\(headers)Request-Id: \(requestID)\r\n"
            + "Content-Type: \(MediaType.problem.contentType)\r\nConnection: close\r\n"
            + "Content-Length: \(response.body.count)\r\n\r\n"
            + String(decoding: response.body, as: UTF8.self)
        send(socket, answer, answer.utf8.count, Int32(MSG_NOSIGNAL))
        close(socket)
    }
}

/// A connection that nobody serves yet.
struct AcceptedConnection: Sendable {
    let socket: Int32
    var address: sockaddr_storage
    let addressLength: socklen_t
    /// The address as limits count it.
    let peer: String
}

/// The address of the other end of a connection, without its port.
enum PeerAddress {
    static func text(of address: inout sockaddr_storage) -> String {
        let isVersion6 = Int32(address.ss_family) == AF_INET6
        return withUnsafeBytes(of: &address) { bytes in
            let range = isVersion6 ? 8..<24 : 4..<8
            return bytes[range].map { String($0, radix: 16) }.joined(separator: ".")
        }
    }

    /// Of the sockaddr at an address.
    static func text(at known: UnsafeRawPointer) -> String {
        let isVersion6 = Int32(known.load(as: sa_family_t.self)) == AF_INET6
        let count =
            isVersion6 ? MemoryLayout<sockaddr_in6>.size : MemoryLayout<sockaddr_in>.size
        var address = sockaddr_storage()
        withUnsafeMutableBytes(of: &address) {
            $0.baseAddress?.copyMemory(from: known, byteCount: count)
        }
        return text(of: &address)
    }
}

/// Runs `body` with the address as the socket calls want it.
@discardableResult
func withSocketAddress<Result>(
    _ address: inout sockaddr_storage, _ body: (UnsafeMutablePointer<sockaddr>) -> Result
) -> Result {
    withUnsafeMutablePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1, body)
    }
}
