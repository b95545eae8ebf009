import CMicroHTTPD
import Glibc
import Store

/// A thread with connections of its own, which libmicrohttpd serves whenever one has something.
///
/// The library could wait for events itself, but loses some that way: when one call of epoll_wait(2)
/// gives exactly as many events as it has room for (128), version 0.9.75 calls again before it looks
/// at them, and waits for clients that wait for it. Asked only to run, it never waits.
final class EventLoop: @unchecked Sendable {
    // Sendable because only the loop's own thread uses the library until it has ended; what others
    // want they put into the mailbox.
    private let library: OpaquePointer
    private let mailbox: LoopMailbox
    private let hasEnded = Locked(false)

    /// The library closes idle connections when it runs: it does at least so often.
    private static let longestWaitMilliseconds: UInt64 = 1000

    init(service: Service) throws(StartFailure) {
        mailbox = try LoopMailbox(service: service)
        guard let library = Self.startLibrary(for: service, mailbox) else {
            throw StartFailure("the HTTP server cannot be started")
        }
        self.library = library
        let started = startThread("http") { [self] in
            run()
            hasEnded.withLock { $0 = true }
            hasEnded.wakeAll()
        }
        guard started else { throw StartFailure("the system has no thread for the HTTP server") }
    }

    /// Takes over a connection, from the acceptor's thread.
    func add(_ connection: AcceptedConnection) { mailbox.add(connection) }

    /// How many connections it serves.
    var connectionCount: Int { mailbox.connectionCount }

    /// Ends the thread and closes its connections; none may be parked.
    func stop() {
        mailbox.stop()
        hasEnded.whenReady({ $0 }) { _ in }
        MHD_stop_daemon(library)
    }

    private func run() {
        let events = cmicrohttpd_epoll(library)
        var wanted = [
            pollfd(fd: events, events: Int16(POLLIN), revents: 0),
            pollfd(fd: mailbox.descriptor, events: Int16(POLLIN), revents: 0),
        ]
        var mail = LoopMailbox.Contents()
        while true {
            // Nothing is waited for while the library still has something to do.
            let wait = waitMilliseconds
            if wait > 0 { poll(&wanted, 2, wait) }
            if wait > 0, wanted[1].revents != 0 { mailbox.clearWake() }
            mailbox.take(&mail)
            open(mail)
            if mail.isStopping { return }
            MHD_run(library)
        }
    }

    private var waitMilliseconds: Int32 {
        var timeout = Self.longestWaitMilliseconds
        guard MHD_get_timeout(library, &timeout) == .YES else {
            return Int32(Self.longestWaitMilliseconds)
        }
        return Int32(min(timeout, Self.longestWaitMilliseconds))
    }

    private func open(_ mail: LoopMailbox.Contents) {
        for connection in mail.resumed { MHD_resume_connection(connection.pointer) }
        for var connection in mail.arrivals {
            let added = withSocketAddress(&connection.address) {
                MHD_add_connection(library, connection.socket, $0, connection.addressLength)
            }
            // What the library does not take it closes.
            if added != .YES {
                mailbox.connectionHasEnded()
                mailbox.service.acceptor.withLock { $0 }?.release(connection.peer)
            }
        }
    }

    private static func startLibrary(
        for service: Service, _ mailbox: LoopMailbox
    ) -> OpaquePointer? {
        let settings = service.settings
        let context = Unmanaged.passUnretained(service).toOpaque()
        var options = [
            // The acceptor keeps the limit; here it only must not be lower.
            item(.CONNECTION_LIMIT, settings.connections + 1),
            item(.CONNECTION_TIMEOUT, settings.idleTimeout / 1000),
            item(.CONNECTION_MEMORY_LIMIT, 32 * 1024),
            item(.STRICT_FOR_CLIENT, 0),
            item(
                .URI_LOG_CALLBACK, address(unsafeBitCast(beginRequest, to: OpaquePointer.self)),
                context),
            item(
                .NOTIFY_COMPLETED, address(unsafeBitCast(endRequest, to: OpaquePointer.self)),
                context),
            item(
                .NOTIFY_CONNECTION, address(unsafeBitCast(noteConnection, to: OpaquePointer.self)),
                Unmanaged.passUnretained(mailbox).toOpaque()),
            item(.UNESCAPE_CALLBACK, address(unsafeBitCast(leaveEscaped, to: OpaquePointer.self))),
        ]
        if service.tls != nil {
            let callback = unsafeBitCast(noCertificate, to: OpaquePointer.self)
            options.append(item(.HTTPS_CERT_CALLBACK, 0, UnsafeMutableRawPointer(callback)))
            options.append(
                item(.HTTPS_PRIORITIES, 0, UnsafeMutableRawPointer(mutating: TLS.prioritiesText)))
        }
        options.append(item(.END, 0))
        let flags =
            MHD_USE_EPOLL.rawValue | MHD_ALLOW_SUSPEND_RESUME.rawValue
            | MHD_USE_NO_LISTEN_SOCKET.rawValue | MHD_USE_TURBO.rawValue
            | (service.tls == nil ? 0 : MHD_USE_TLS.rawValue)
        return options.withUnsafeMutableBufferPointer { options -> OpaquePointer? in
            guard let array = options.baseAddress else { return nil }
            return withVaList([MHD_OPTION.ARRAY.rawValue, array, MHD_OPTION.END.rawValue]) {
                MHD_start_daemon_va(flags, 0, nil, nil, proceedWithRequest, context, $0)
            }
        }
    }

    private static func item(
        _ option: MHD_OPTION, _ value: Int, _ pointer: UnsafeMutableRawPointer? = nil
    ) -> MHD_OptionItem {
        MHD_OptionItem(option: option, value: value, ptr_value: pointer)
    }

    private static func address(_ pointer: OpaquePointer) -> Int { Int(bitPattern: pointer) }
}
