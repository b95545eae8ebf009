import CGnuTLS

/// A SHA-256 digest in the making; GnuTLS, which libmicrohttpd brings along, does the work.
struct SHA256: ~Copyable {
    private let state: gnutls_hash_hd_t?

    init() {
        var state: gnutls_hash_hd_t?
        // The digest is built in: only memory can be short, and then `finish` says so.
        state = gnutls_hash_init(&state, GNUTLS_DIG_SHA256) == 0 ? state : nil
        self.state = state
    }

    deinit {
        if let state { gnutls_hash_deinit(state, nil) }
    }

    /// Takes in more bytes.
    mutating func add(_ bytes: UnsafeRawBufferPointer) {
        if let state, !bytes.isEmpty { gnutls_hash(state, bytes.baseAddress, bytes.count) }
    }

    /// Takes in the bytes of a text and a zero, which ends it.
    mutating func add(_ text: String) {
        var text = text
        text.withUTF8 { add(UnsafeRawBufferPointer($0)) }
        withUnsafeBytes(of: 0 as UInt8) { add($0) }
    }

    /// The 32 bytes of the digest of all that was taken in; nil without memory for it.
    consuming func finish() -> [UInt8]? {
        guard let state else { return nil }
        var digest = [UInt8](repeating: 0, count: 32)
        digest.withUnsafeMutableBytes { gnutls_hash_output(state, $0.baseAddress) }
        return digest
    }

    /// The digest of the bytes; nil without memory for it.
    static func digest(of bytes: UnsafeRawBufferPointer) -> [UInt8]? {
        var hash = SHA256()
        hash.add(bytes)
        return hash.finish()
    }
}
