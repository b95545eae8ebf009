import CPageCipher
import Glibc

/// Encrypts pages by AES with keys of 256 bits; GnuTLS does the work.
///
/// The file's cookie names the secret. Each cipher and each cookie gets a key of its own, the
/// HMAC-SHA-512 of the cipher's name, a zero and the cookie; so no two files with different cookies
/// share a key, and no key serves two ciphers.
struct PageCipher: Sendable {
    /// Bytes at the end of a page that AES-GCM takes: 12 of a nonce, 16 of a tag.
    static let room = 28

    let keys: PageKeys

    /// Encrypts or decrypts a page in place by AES-XTS, with its number as the tweak; an error number.
    func xts(
        _ pgno: UInt32, _ page: UnsafeMutableRawBufferPointer, _ cookie: [UInt8]?, encrypts: Bool
    ) -> Int32 {
        withKey("aes-xts", cookie) {
            page_cipher_xts($0, pgno, page.baseAddress, page.count, encrypts ? 1 : 0)
        }
    }

    /// Encrypts a page in place by AES-GCM, and puts a new nonce and the tag at its end.
    func seal(
        _ pgno: UInt32, _ page: UnsafeMutableRawBufferPointer, _ cookie: [UInt8]?
    ) -> Int32 {
        withKey("aes-gcm", cookie) {
            page_cipher_gcm($0, pgno, page.baseAddress, page.count, 1)
        }
    }

    /// Decrypts a page in place if nobody has changed it, its number and its nonce; else EIO.
    func open(
        _ pgno: UInt32, _ page: UnsafeMutableRawBufferPointer, _ cookie: [UInt8]?
    ) -> Int32 {
        withKey("aes-gcm", cookie) {
            page_cipher_gcm($0, pgno, page.baseAddress, page.count, 0)
        }
    }

    /// Runs `body` with the key of a cipher and a cookie, which is overwritten afterwards.
    private func withKey(
        _ cipher: String, _ cookie: [UInt8]?, _ body: (UnsafeMutablePointer<UInt8>) -> Int32
    ) -> Int32 {
        guard let cookie, let secret = keys.secret(of: cookie) else { return ENOKEY }
        let text = Array(cipher.utf8) + [0] + cookie
        return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 64) { key in
            guard let base = key.baseAddress else { return ENOMEM }
            defer { explicit_bzero(base, key.count) }
            let failure = page_cipher_derive(secret, secret.count, text, text.count, base)
            return failure != 0 ? failure : body(base)
        }
    }
}
