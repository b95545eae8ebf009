import CMicroHTTPD
import Glibc
import Store
import Synchronization

// The callbacks stand in file scope and capture nothing: closures formed elsewhere might belong to
// an actor, and the library's threads would abort in them. Context travels as `void *`.

private func service(_ context: UnsafeMutableRawPointer?) -> Service? {
    context.map { Unmanaged<Service>.fromOpaque($0).takeUnretainedValue() }
}

typealias BeginRequest =
    @convention(c) (UnsafeMutableRawPointer?, UnsafePointer<CChar>?, OpaquePointer?)
    -> UnsafeMutableRawPointer?

/// The request line is there: the exchange begins.
let beginRequest: BeginRequest = { context, target, connection in
    guard let service = service(context), let target, let connection,
        let held = cmicrohttpd_socket_context(connection)
    else { return nil }
    let record = Unmanaged<ConnectionRecord>.fromOpaque(held).takeUnretainedValue()
    service.inFlight.begin()
    let exchange = Exchange(
        service: service, connection: connection, record: record, rawTarget: String(cString: target)
    )
    return Unmanaged.passRetained(exchange).toOpaque()
}

let proceedWithRequest: MHD_AccessHandlerCallback = {
    _, _, _, method, version, upload, uploadSize, slot in
    guard let exchange = slot?.pointee, let method, let version, let uploadSize else { return .NO }
    return Unmanaged<Exchange>.fromOpaque(exchange).takeUnretainedValue().proceed(
        method: method, version: version,
        upload: UnsafeRawBufferPointer(
            start: upload, count: upload == nil ? 0 : uploadSize.pointee),
        uploadSize: uploadSize)
}

let endRequest: MHD_RequestCompletedCallback = { context, _, slot, _ in
    guard let exchange = slot?.pointee else { return }
    slot?.pointee = nil
    Unmanaged<Exchange>.fromOpaque(exchange).takeRetainedValue().finish()
    service(context)?.inFlight.end()
}

let noteConnection: MHD_NotifyConnectionCallback = { context, connection, slot, event in
    guard let context, let connection, let slot else { return }
    let mailbox = Unmanaged<LoopMailbox>.fromOpaque(context).takeUnretainedValue()
    let service = mailbox.service
    if event == .CONNECTION_NOTIFY_STARTED {
        let socket = cmicrohttpd_socket(connection)
        let credentials = service.tls?.credentials
        let record = ConnectionRecord(
            socket: socket, address: cmicrohttpd_address(connection).map(PeerAddress.text) ?? "",
            mailbox: mailbox,
            credentials: credentials,
            deadline: Instant.now.advanced(milliseconds: service.settings.idleTimeout))
        service.reaper.add(record)
        if let tls = service.tls, let credentials, !prepare(connection, tls, credentials) {
            record.cut()
        }
        slot.pointee = Unmanaged.passRetained(record).toOpaque()
    } else if let held = slot.pointee {
        slot.pointee = nil
        let record = Unmanaged<ConnectionRecord>.fromOpaque(held).takeRetainedValue()
        service.reaper.remove(record)
        mailbox.connectionHasEnded()
        service.acceptor.withLock { $0 }?.release(record.address)
    }
}

/// Gives a connection the certificate in force, before its handshake.
private func prepare(
    _ connection: OpaquePointer, _ tls: TLS, _ credentials: TLSCredentials
) -> Bool {
    guard let session = cmicrohttpd_tls_session(connection) else { return false }
    return tls.prepare(OpaquePointer(session), with: credentials)
}

/// The library wants to know whom to ask for a certificate; each session has got its own instead.
let noCertificate: @convention(c) () -> Int32 = { -1 }

typealias Unescape =
    @convention(c) (UnsafeMutableRawPointer?, OpaquePointer?, UnsafeMutablePointer<CChar>?) -> Int

/// The library would cut a path at `%00`; the service decodes paths and queries itself.
let leaveEscaped: Unescape = { _, _, text in text.map { strlen($0) } ?? 0 }
