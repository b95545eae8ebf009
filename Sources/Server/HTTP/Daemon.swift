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
        acceptor = Acceptor(
            listener: socket, settings: settings, connections: { service.reaper.count },
            newRequestID: { service.newRequestID() }
        ) { [loops] connection in Self.choose(loops)?.add(connection) }
        service.acceptor.withLock { [acceptor] in $0 = acceptor }
    }

    /// The loop for the next connection: the first that is not crowded, else the emptiest.
    ///
    /// A loop that has little to do goes to sleep after each request and is woken for the next, which
    /// costs more than the request; it also takes a processor from the committers.
    private static func choose(_ loops: [EventLoop]) -> EventLoop? {
        loops.first { $0.connectionCount < crowd }
            ?? loops.min { $0.connectionCount < $1.connectionCount }
    }

    /// So many connections keep one loop busy.
    private static let crowd = 64

    /// Takes no more connections; those that are there go on.
    func stopListening() { acceptor.stop() }

    /// Ends the threads.
    ///
    /// No exchange may be parked any more: the library would abort.
    func stop() {
        for loop in loops { loop.stop() }
    }
}
