import API
import CMicroHTTPD
import Glibc
import Store
import Synchronization

/// libmicrohttpd at work: its threads, its listening socket and its callbacks.
final class Daemon: @unchecked Sendable {
    // Sendable because the library locks its own object; `handle` is set once, before any thread
    // can look.
    private let handle: OpaquePointer
    private let service: Service

    /// Starts to listen and to answer.
    ///
    /// - Throws: what kept it from listening, in words.
    init(service: Service) throws(StartFailure) {
        self.service = service
        let settings = service.settings
        let socket = try ListeningSocket.open(host: settings.host, port: settings.port)
        let context = Unmanaged.passUnretained(service).toOpaque()
        var options = [
            MHD_OptionItem(
                option: .THREAD_POOL_SIZE, value: settings.threads > 1 ? settings.threads : 0,
                ptr_value: nil),
            MHD_OptionItem(
                // The acceptor keeps the limit; here it only must not be lower.
                option: .CONNECTION_LIMIT, value: settings.connections + settings.threads,
                ptr_value: nil),
            MHD_OptionItem(
                option: .CONNECTION_TIMEOUT, value: settings.idleTimeout / 1000,
                ptr_value: nil),
            MHD_OptionItem(
                option: .CONNECTION_MEMORY_LIMIT, value: 32 * 1024, ptr_value: nil),
            MHD_OptionItem(option: .STRICT_FOR_CLIENT, value: 0, ptr_value: nil),
            MHD_OptionItem(
                option: .URI_LOG_CALLBACK,
                value: Int(bitPattern: unsafeBitCast(beginRequest, to: OpaquePointer.self)),
                ptr_value: context),
            MHD_OptionItem(
                option: .NOTIFY_COMPLETED,
                value: Int(bitPattern: unsafeBitCast(endRequest, to: OpaquePointer.self)),
                ptr_value: context),
            MHD_OptionItem(
                option: .NOTIFY_CONNECTION,
                value: Int(bitPattern: unsafeBitCast(noteConnection, to: OpaquePointer.self)),
                ptr_value: context),
            MHD_OptionItem(
                option: .UNESCAPE_CALLBACK,
                value: Int(bitPattern: unsafeBitCast(leaveEscaped, to: OpaquePointer.self)),
                ptr_value: nil),
            MHD_OptionItem(option: .END, value: 0, ptr_value: nil),
        ]
        let flags =
            MHD_USE_EPOLL_INTERNAL_THREAD.rawValue | MHD_ALLOW_SUSPEND_RESUME.rawValue
            | MHD_USE_TURBO.rawValue | MHD_USE_NO_LISTEN_SOCKET.rawValue
        let started = options.withUnsafeMutableBufferPointer { options -> OpaquePointer? in
            guard let array = options.baseAddress else { return nil }
            return withVaList([MHD_OPTION.ARRAY.rawValue, array, MHD_OPTION.END.rawValue]) {
                MHD_start_daemon_va(flags, 0, nil, nil, proceedWithRequest, context, $0)
            }
        }
        guard let started else {
            Glibc.close(socket)
            throw StartFailure("the HTTP server cannot be started")
        }
        handle = started
        port = ListeningSocket.port(of: socket)
        let library = LibraryHandle(pointer: started)
        acceptor = Acceptor(
            listener: socket, settings: settings, connections: { service.reaper.count },
            newRequestID: { service.newRequestID() }
        ) { socket, address, size in
            MHD_add_connection(library.pointer, socket, address, size) == .YES
        }
        service.acceptor.withLock { [acceptor] in $0 = acceptor }
    }

    /// The library's object, for the acceptor's thread: the library locks it.
    private struct LibraryHandle: @unchecked Sendable { let pointer: OpaquePointer }

    private let acceptor: Acceptor

    /// The port that it listens on.
    let port: Int

    /// Takes no more connections; those that are there go on.
    func stopListening() { acceptor.stop() }

    /// Ends the threads.
    ///
    /// No exchange may be parked any more: the library would abort.
    func stop() { MHD_stop_daemon(handle) }
}

/// What keeps the service from starting.
struct StartFailure: Error {
    let text: String
    init(_ text: String) { self.text = text }
}

// The callbacks stand in file scope and capture nothing: closures formed elsewhere might belong to
// an actor, and the library's threads would abort in them. Context travels as `void *`.

private func service(_ context: UnsafeMutableRawPointer?) -> Service? {
    context.map { Unmanaged<Service>.fromOpaque($0).takeUnretainedValue() }
}

private typealias BeginRequest =
    @convention(c) (UnsafeMutableRawPointer?, UnsafePointer<CChar>?, OpaquePointer?)
    -> UnsafeMutableRawPointer?

/// The request line is there: the exchange begins.
private let beginRequest: BeginRequest = { context, target, connection in
    guard let service = service(context), let target, let connection else { return nil }
    let record = cmicrohttpd_socket_context(connection).map {
        Unmanaged<ConnectionRecord>.fromOpaque($0).takeUnretainedValue()
    }
    service.inFlight.add(1, ordering: .relaxed)
    let exchange = Exchange(
        service: service, connection: connection, record: record, rawTarget: String(cString: target)
    )
    return Unmanaged.passRetained(exchange).toOpaque()
}

private let proceedWithRequest: MHD_AccessHandlerCallback = {
    _, _, _, method, version, upload, uploadSize, slot in
    guard let exchange = slot?.pointee, let method, let version, let uploadSize else { return .NO }
    return Unmanaged<Exchange>.fromOpaque(exchange).takeUnretainedValue().proceed(
        method: method, version: version,
        upload: UnsafeRawBufferPointer(
            start: upload, count: upload == nil ? 0 : uploadSize.pointee),
        uploadSize: uploadSize)
}

private let endRequest: MHD_RequestCompletedCallback = { context, _, slot, _ in
    guard let exchange = slot?.pointee else { return }
    slot?.pointee = nil
    Unmanaged<Exchange>.fromOpaque(exchange).takeRetainedValue().finish()
    service(context)?.inFlight.subtract(1, ordering: .relaxed)
}

private let noteConnection: MHD_NotifyConnectionCallback = { context, connection, slot, event in
    guard let service = service(context), let connection, let slot else { return }
    if event == .CONNECTION_NOTIFY_STARTED {
        let socket = cmicrohttpd_socket(connection)
        let record = ConnectionRecord(
            socket: socket, address: PeerAddress.text(ofPeerOf: socket),
            deadline: Instant.now.advanced(milliseconds: service.settings.idleTimeout))
        service.reaper.add(record)
        slot.pointee = Unmanaged.passRetained(record).toOpaque()
    } else if let held = slot.pointee {
        slot.pointee = nil
        let record = Unmanaged<ConnectionRecord>.fromOpaque(held).takeRetainedValue()
        service.reaper.remove(record)
        service.acceptor.withLock { $0 }?.release(record.address)
    }
}

private typealias Unescape =
    @convention(c) (UnsafeMutableRawPointer?, OpaquePointer?, UnsafeMutablePointer<CChar>?) -> Int

/// The library would cut a path at `%00`; the service decodes paths and queries itself.
private let leaveEscaped: Unescape = { _, _, text in text.map { strlen($0) } ?? 0 }
