import CGnuTLS
import Store

/// The encryption of the service's connections: how they begin, and with which certificate.
final class TLS: Sendable {
    /// TLS 1.2 and 1.3, and only ciphers that authenticate.
    static let priorities: StaticString = """
        NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-CIPHER-ALL:+AES-256-GCM:+AES-128-GCM\
        :+CHACHA20-POLY1305
        """

    /// The same for C; ends with a zero, as static strings do.
    static var prioritiesText: UnsafeRawPointer { UnsafeRawPointer(priorities.utf8Start) }

    let files: TLSFiles
    private let current: Locked<TLSCredentials>

    /// Reads the files.
    init(_ files: TLSFiles) throws(StartFailure) {
        self.files = files
        current = Locked(try TLSCredentials(files))
    }

    /// What new connections begin with.
    var credentials: TLSCredentials { current.withLock { $0 } }

    /// Reads the files again, for new connections; if they cannot be used all stays as it is.
    func reload() throws(StartFailure) {
        let new = try TLSCredentials(files)
        current.withLock { $0 = new }
    }

    /// Sets a session up that has not begun; `credentials` have to outlive it.
    func prepare(_ session: OpaquePointer, with credentials: TLSCredentials) -> Bool {
        let set = gnutls_credentials_set(
            session, GNUTLS_CRD_CERTIFICATE, UnsafeMutableRawPointer(credentials.handle))
        guard set == 0 else { return false }
        if !files.clientCA.isEmpty {
            gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUIRE)
            // The handshake itself fails if nobody who is trusted has signed the certificate.
            gnutls_session_set_verify_cert(session, nil, 0)
        }
        return true
    }
}
