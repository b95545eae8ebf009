import API
import Glibc
import Store

/// The HTTP server: a listening socket, an acceptor, and event loops that share its connections.
final class Daemon: Sendable {
    private let loops: [EventLoop]
    private let acceptor: Acceptor
    /// The port that it listens on.
    let port: Int

    /// Starts to listen and to answer.
    ///
    /// - Throws: what kept it from listening, in words.
    init(service: Service) throws(StartFailure) {
        let settings = service.settings
        let socket = try ListeningSocket.open(host: settings.host, port: settings.port)
        var loops: [EventLoop] = []
        for _ in 0..<settings.threads { loops.append(try EventLoop(service: service)) }
        self.loops = loops
        port = ListeningSocket.port(of: socket)
        let next = Locked(0)
        acceptor = Acceptor(
            listener: socket, settings: settings, connections: { service.reaper.count },
            newRequestID: { service.newRequestID() }
        ) { [loops] connection in
            let index = next.withLock { next in
                next = (next + 1) % loops.count
                return next
            }
            loops[index].add(connection)
        }
        service.acceptor.withLock { [acceptor] in $0 = acceptor }
    }

    /// Takes no more connections; those that are there go on.
    func stopListening() { acceptor.stop() }

    /// Ends the threads.
    ///
    /// No exchange may be parked any more: the library would abort.
    func stop() {
        for loop in loops { loop.stop() }
    }
}
