import CGnuTLS
import Glibc

/// A connection of this program to its own server, encrypted.
///
/// The server is known by its certificate file: there is nobody else to ask.
struct TLSClient: ~Copyable {
    private let session: gnutls_session_t
    private let credentials: gnutls_certificate_credentials_t

    /// How the handshake went.
    enum Handshake {
        case done
        /// The server wants a certificate, which this program has not.
        case certificateWanted
        case failed(String)
    }

    /// - Parameter socket: connected; stays the caller's.
    init?(socket: Int32) {
        var session: gnutls_session_t?
        var credentials: gnutls_certificate_credentials_t?
        guard gnutls_init(&session, UInt32(GNUTLS_CLIENT.rawValue)) == 0, let session else {
            return nil
        }
        guard gnutls_certificate_allocate_credentials(&credentials) == 0, let credentials else {
            gnutls_deinit(session)
            return nil
        }
        gnutls_priority_set_direct(
            session, TLS.prioritiesText.assumingMemoryBound(to: CChar.self), nil)
        gnutls_credentials_set(
            session, GNUTLS_CRD_CERTIFICATE, UnsafeMutableRawPointer(credentials))
        gnutls_transport_set_int2(session, socket, socket)
        self.session = session
        self.credentials = credentials
    }

    deinit {
        gnutls_deinit(session)
        gnutls_certificate_free_credentials(credentials)
    }

    func handshake() -> Handshake {
        while true {
            let result = gnutls_handshake(session)
            if result == 0 { return .done }
            if gnutls_error_is_fatal(result) != 0 { return failure(result) }
        }
    }

    /// A server that has asked for a certificate may close without a word if it gets none.
    private func failure(_ result: Int32) -> Handshake {
        gnutls_certificate_client_get_request_status(session) != 0
            ? .certificateWanted : .failed(GnuTLS.text(of: result))
    }

    /// The server's own certificate, as DER.
    var certificate: [UInt8]? {
        var count: UInt32 = 0
        guard let first = gnutls_certificate_get_peers(session, &count), count > 0,
            let data = first.pointee.data
        else { return nil }
        return Array(UnsafeBufferPointer(start: data, count: Int(first.pointee.size)))
    }

    /// The first certificate of a PEM file, as DER; nil if there is none.
    static func certificate(inPEM bytes: [UInt8]) -> [UInt8]? {
        var bytes = bytes
        let size = UInt32(bytes.count)
        return bytes.withUnsafeMutableBufferPointer { buffer in
            var text = gnutls_datum_t(data: buffer.baseAddress, size: size)
            var found = gnutls_datum_t()
            guard gnutls_pem_base64_decode2("CERTIFICATE", &text, &found) == 0,
                let data = found.data
            else { return nil }
            defer { free(data) }
            return Array(UnsafeBufferPointer(start: data, count: Int(found.size)))
        }
    }

    /// Sends all of it; false if the connection has ended.
    func send(_ bytes: [UInt8]) -> Bool {
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes {
                gnutls_record_send(session, $0.baseAddress, $0.count)
            }
            if count > 0 {
                sent += count
            } else if gnutls_error_is_fatal(Int32(count)) != 0 {
                return false
            }
        }
        return true
    }

    /// Some bytes, none at the end, and `certificateWanted` where the server says so only now.
    func receive() -> (bytes: [UInt8], handshake: Handshake) {
        var buffer = [UInt8](repeating: 0, count: 16 << 10)
        while true {
            let count = gnutls_record_recv(session, &buffer, buffer.count)
            if count >= 0 { return (Array(buffer[..<count]), .done) }
            if gnutls_error_is_fatal(Int32(count)) != 0 { return ([], failure(Int32(count))) }
        }
    }
}
