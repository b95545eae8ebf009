#include "CPageCipher.h"

#include <endian.h>
#include <errno.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <string.h>
#include <sys/uio.h>

int page_cipher_derive(
    const uint8_t *secret, size_t secret_count, const uint8_t *text, size_t count, uint8_t *key) {
    int result = gnutls_hmac_fast(GNUTLS_MAC_SHA512, secret, secret_count, text, count, key);
    return result == 0 ? 0 : EIO;
}

int page_cipher_xts(uint8_t *key, uint32_t pgno, void *page, size_t count, int encrypts) {
    uint8_t tweak[16] = {0};
    uint32_t number = htole32(pgno);
    memcpy(tweak, &number, sizeof number);
    gnutls_datum_t secret = {key, PAGE_CIPHER_KEY}, start = {tweak, sizeof tweak};
    gnutls_cipher_hd_t handle;
    if (gnutls_cipher_init(&handle, GNUTLS_CIPHER_AES_256_XTS, &secret, &start) != 0) return ENOMEM;
    int result = encrypts ? gnutls_cipher_encrypt(handle, page, count)
                          : gnutls_cipher_decrypt(handle, page, count);
    gnutls_cipher_deinit(handle);
    return result == 0 ? 0 : EIO;
}

int page_cipher_gcm(uint8_t *key, uint32_t pgno, void *page, size_t count, int encrypts) {
    size_t end = count - PAGE_CIPHER_NONCE - PAGE_CIPHER_TAG;
    uint8_t *nonce = (uint8_t *)page + end, *tag = nonce + PAGE_CIPHER_NONCE;
    gnutls_datum_t secret = {key, PAGE_CIPHER_KEY / 2};
    gnutls_aead_cipher_hd_t handle;
    if (gnutls_aead_cipher_init(&handle, GNUTLS_CIPHER_AES_256_GCM, &secret) != 0) return ENOMEM;
    uint32_t number = htole32(pgno);
    giovec_t header = {&number, sizeof number}, body = {page, end};
    size_t length = PAGE_CIPHER_TAG;
    int result = encrypts ? gnutls_rnd(GNUTLS_RND_NONCE, nonce, PAGE_CIPHER_NONCE) : 0;
    if (result == 0 && encrypts)
        result = gnutls_aead_cipher_encryptv2(
            handle, nonce, PAGE_CIPHER_NONCE, &header, 1, &body, 1, tag, &length);
    else if (result == 0)
        result = gnutls_aead_cipher_decryptv2(
            handle, nonce, PAGE_CIPHER_NONCE, &header, 1, &body, 1, tag, length);
    gnutls_aead_cipher_deinit(handle);
    return result == 0 ? 0 : EIO;
}
