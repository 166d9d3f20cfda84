/* SPDX-License-Identifier: BSD-2-Clause */
/* OpenSSL's EVP as the other side of our public-key code: makes keys, signs, decrypts. Any failure ends the test. */
#ifndef HOLDFAST_TESTS_EVP_H
#define HOLDFAST_TESTS_EVP_H

#include <openssl/evp.h>
#include "lib/pk.h"

/* "P-256", "RSA-1031". ret is its public half as read from OpenSSL's SubjectPublicKeyInfo. */
EVP_PKEY *evp_key(const char *kind, struct pubkey *ret);
void evp_spki(EVP_PKEY *k, struct buf *ret);
/* The bare private RSA operation on as many octets as the modulus has. */
void evp_rsa_private(EVP_PKEY *k, struct bytes in, struct buf *ret);
/* As p says; r || s for ECDSA. */
void evp_sign(EVP_PKEY *k, const struct pk_params *p, struct bytes digest, struct buf *ret);
bool evp_verify(EVP_PKEY *k, const struct pk_params *p, struct bytes digest, struct bytes sig);
void evp_encrypt(EVP_PKEY *k, const struct pk_params *p, struct bytes in, struct buf *ret);
void evp_decrypt(EVP_PKEY *k, const struct pk_params *p, struct bytes in, struct buf *ret);

/* A fresh Ed25519 key and its 32 octets, what it signs, and whether it did: 0 or ERR_AUTH, as audit/check.h asks. */
EVP_PKEY *evp_ed25519(uint8_t ret_key[32]);
void evp_ed25519_sign(EVP_PKEY *k, struct bytes text, uint8_t ret_signature[64]);
int evp_ed25519_verify(const uint8_t key[32], struct bytes text, struct bytes signature);

#endif
