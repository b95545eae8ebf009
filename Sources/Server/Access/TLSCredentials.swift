import CGnuTLS
import Glibc

/// A certificate with its key, and who signs clients' certificates, as GnuTLS has them.
///
/// Must live as long as a session that uses it.
final class TLSCredentials: @unchecked Sendable {
    // Sendable because nothing changes it once it is made: GnuTLS lets any number of sessions, on
    // any threads, use the same credentials.
    let handle: gnutls_certificate_credentials_t

    /// Reads the files.
    ///
    /// - Throws: which file cannot be used and why, in words.
    init(_ files: TLSFiles) throws(StartFailure) {
        try files.checkKeyIsPrivate()
        var handle: gnutls_certificate_credentials_t?
        guard gnutls_certificate_allocate_credentials(&handle) == 0, let handle else {
            throw StartFailure("there is no memory for a certificate")
        }
        self.handle = handle
        let result = gnutls_certificate_set_x509_key_file(
            handle, files.certificate, files.key, GNUTLS_X509_FMT_PEM)
        guard result >= 0 else {
            throw StartFailure(
                "the certificate \(files.certificate) with the key \(files.key) cannot be used: "
                    + GnuTLS.text(of: result))
        }
        guard !files.clientCA.isEmpty else { return }
        let count = gnutls_certificate_set_x509_trust_file(
            handle, files.clientCA, GNUTLS_X509_FMT_PEM)
        guard count > 0 else {
            throw StartFailure(
                "\(files.clientCA) holds no certificate to trust"
                    + (count < 0 ? ": \(GnuTLS.text(of: count))" : ""))
        }
    }

    deinit { gnutls_certificate_free_credentials(handle) }
}

/// Where the certificate is, its key, and who signs clients' certificates.
struct TLSFiles: Equatable, Sendable {
    let certificate: String
    let key: String
    /// Empty if clients need no certificate.
    let clientCA: String

    /// - Throws: if the key can be read, or written, by everybody on the machine.
    func checkKeyIsPrivate() throws(StartFailure) {
        var status = stat()
        guard stat(key, &status) == 0 else {
            throw StartFailure("the key \(key) cannot be read: \(String(cString: strerror(errno)))")
        }
        guard status.st_mode & 0o007 == 0 else {
            throw StartFailure(
                "the key \(key) is open to everybody on this machine: chmod o-rwx \(key)")
        }
    }
}

/// What GnuTLS says of its own results.
enum GnuTLS {
    static func text(of result: Int32) -> String {
        gnutls_strerror(result).map { String(cString: $0) } ?? "error \(result)"
    }
}
