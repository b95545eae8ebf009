import CGnuTLS
import Glibc

/// Encrypts pages by AES with keys of 256 bits; GnuTLS does the work.
///
/// The file's cookie names the secret. Each cipher and each cookie gets a key of its own, the
/// HMAC-SHA-512 of the cipher's name, a zero and the cookie; so no two files with different cookies
/// share a key, and no key serves two ciphers.
struct PageCipher: Sendable {
    /// Bytes at the end of a page that AES-GCM takes: 12 of a nonce, 16 of a tag.
    static let room = nonceLength + tagLength
    private static let nonceLength = 12
    private static let tagLength = 16

    let keys: PageKeys

    private typealias Key = [UInt8]

    private func key(_ cipher: StaticString, _ cookie: [UInt8]?) -> Key? {
        guard let cookie, let secret = keys.secret(of: cookie) else { return nil }
        let text = cipher.withUTF8Buffer { Array($0) } + [0] + cookie
        var key = [UInt8](repeating: 0, count: 64)
        let result = gnutls_hmac_fast(
            GNUTLS_MAC_SHA512, secret, secret.count, text, text.count, &key)
        return result == 0 ? key : nil
    }

    // MARK: AES-XTS

    /// Encrypts or decrypts a page in place, with its number as the tweak; an error number.
    func xts(
        _ pgno: UInt32, _ page: UnsafeMutableRawBufferPointer, _ cookie: [UInt8]?, encrypts: Bool
    ) -> Int32 {
        guard var key = key("aes-xts", cookie) else { return ENOKEY }
        var tweak = [UInt8](repeating: 0, count: 16)
        tweak.withUnsafeMutableBytes { $0.storeBytes(of: pgno.littleEndian, as: UInt32.self) }
        return Self.withDatum(&key) { key in
            Self.withDatum(&tweak) { tweak in
                var handle: gnutls_cipher_hd_t?
                guard gnutls_cipher_init(&handle, GNUTLS_CIPHER_AES_256_XTS, &key, &tweak) == 0
                else { return ENOMEM }
                defer { gnutls_cipher_deinit(handle) }
                let result =
                    encrypts
                    ? gnutls_cipher_encrypt(handle, page.baseAddress, page.count)
                    : gnutls_cipher_decrypt(handle, page.baseAddress, page.count)
                return result == 0 ? 0 : EIO
            }
        }
    }

    // MARK: AES-GCM

    /// Encrypts a page in place, and puts a new nonce and the tag at its end.
    func seal(
        _ pgno: UInt32, _ page: UnsafeMutableRawBufferPointer, _ cookie: [UInt8]?
    ) -> Int32 {
        let end = page.count - Self.room
        let nonce = UnsafeMutableRawBufferPointer(rebasing: page[end..<end + Self.nonceLength])
        guard gnutls_rnd(GNUTLS_RND_NONCE, nonce.baseAddress, nonce.count) == 0 else { return EIO }
        return gcm(pgno, page, cookie, encrypts: true)
    }

    /// Decrypts a page in place if nobody has changed it, its number and its nonce; else EIO.
    func open(
        _ pgno: UInt32, _ page: UnsafeMutableRawBufferPointer, _ cookie: [UInt8]?
    ) -> Int32 {
        gcm(pgno, page, cookie, encrypts: false)
    }

    private func gcm(
        _ pgno: UInt32, _ page: UnsafeMutableRawBufferPointer, _ cookie: [UInt8]?, encrypts: Bool
    ) -> Int32 {
        guard let whole = key("aes-gcm", cookie), let base = page.baseAddress else { return ENOKEY }
        var key = Array(whole.prefix(32))
        var handle: gnutls_aead_cipher_hd_t?
        let made = Self.withDatum(&key) {
            gnutls_aead_cipher_init(&handle, GNUTLS_CIPHER_AES_256_GCM, &$0)
        }
        guard made == 0 else { return ENOMEM }
        defer { gnutls_aead_cipher_deinit(handle) }
        let end = page.count - Self.room
        let nonce = base + end
        let tag = nonce + Self.nonceLength
        var number = pgno.littleEndian
        return withUnsafeMutableBytes(of: &number) { number in
            var header = iovec(iov_base: number.baseAddress, iov_len: number.count)
            var body = iovec(iov_base: base, iov_len: end)
            var length = Self.tagLength
            let result =
                encrypts
                ? gnutls_aead_cipher_encryptv2(
                    handle, nonce, Self.nonceLength, &header, 1, &body, 1, tag, &length)
                : gnutls_aead_cipher_decryptv2(
                    handle, nonce, Self.nonceLength, &header, 1, &body, 1, tag, length)
            return result == 0 ? 0 : EIO
        }
    }

    /// Runs `body` with bytes as GnuTLS wants them, and overwrites them afterwards.
    private static func withDatum(
        _ bytes: inout [UInt8], _ body: (inout gnutls_datum_t) -> Int32
    ) -> Int32 {
        bytes.withUnsafeMutableBufferPointer { bytes in
            var datum = gnutls_datum_t(data: bytes.baseAddress, size: UInt32(bytes.count))
            defer { gnutls_memset(bytes.baseAddress, 0, bytes.count) }
            return body(&datum)
        }
    }
}
