/* SPDX-License-Identifier: BSD-2-Clause */
/* Software cryptography that the module needs: hashes, HMAC, AES-CFB, KDFs,
 * random numbers. Everything comes from the default provider of an OSSL_LIB_CTX of
 * our own, past EVP, so that no engine, provider or configuration of the host program
 * reaches it. */
#ifndef HOLDFAST_LIB_CRYPTO_H
#define HOLDFAST_LIB_CRYPTO_H

#include <openssl/types.h>
#include "lib/alg.h"
#include "lib/buf.h"

/* The private library context, made at the first call; NULL if memory ran out.
 * It lives as long as the process: OpenSSL's exit handler may run before our last caller. */
OSSL_LIB_CTX *crypto_libctx(void);

/* Part lists, so that nothing is copied together first. out has room for h->size. */
int crypto_hash(const struct hash *h, const struct bytes *parts, size_t n, uint8_t *out);
int crypto_hmac(const struct hash *h, struct bytes key, const struct bytes *parts, size_t n, uint8_t *out);

/* A running digest. */
struct digest;
int digest_new(const struct hash *h, struct digest **ret);
int digest_update(struct digest *d, struct bytes in);
/* Writes h->size bytes; d can only be freed afterwards. */
int digest_final(struct digest *d, uint8_t *out);
int digest_copy(const struct digest *d, struct digest **ret);
void digest_free(struct digest *d);
/* For CLEANUP(). */
void digest_freep(struct digest **d);

/* TPM 2.0 Part 1, 11.4.10.2 KDFa and 11.4.10.3 KDFe. out_len in octets. */
int crypto_kdfa(const struct hash *h, struct bytes key, const char *label, struct bytes u, struct bytes v, uint8_t *out, size_t out_len);
int crypto_kdfe(const struct hash *h, struct bytes z, const char *label, struct bytes u, struct bytes v, uint8_t *out, size_t out_len);

/* AES-128 or -256 (by key length) in CFB mode, in place. */
int crypto_aes_cfb(bool encrypt, struct bytes key, const uint8_t iv[16], uint8_t *data, size_t len);

/* scrypt (RFC 7914) of a PIN. */
int crypto_scrypt(struct bytes pin, struct bytes salt, uint64_t n, uint32_t r, uint32_t p, uint8_t *out, size_t out_len);

/* From the kernel. */
int crypto_random(uint8_t *out, size_t len);

#endif
