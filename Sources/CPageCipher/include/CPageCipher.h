#ifndef CPAGECIPHER_H
#define CPAGECIPHER_H

#include <stddef.h>
#include <stdint.h>

/* AES of pages by GnuTLS, in place; 0 or an error number. In C, since GnuTLS's headers would bring
   declarations of the C library into every Swift file of Store. */

enum { PAGE_CIPHER_KEY = 64, PAGE_CIPHER_NONCE = 12, PAGE_CIPHER_TAG = 16 };

/* HMAC-SHA-512 of a text. */
int page_cipher_derive(
    const uint8_t *secret, size_t secret_count, const uint8_t *text, size_t count, uint8_t *key);

/* AES-256-XTS with all of a key; the tweak is the page's number. */
int page_cipher_xts(uint8_t *key, uint32_t pgno, void *page, size_t count, int encrypts);

/* AES-256-GCM with the first half of a key; a new nonce and the tag take the end of the page. */
int page_cipher_gcm(uint8_t *key, uint32_t pgno, void *page, size_t count, int encrypts);

#endif
