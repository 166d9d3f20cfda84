/* SPDX-License-Identifier: BSD-2-Clause */
/* Public-key arithmetic in software: everything that needs no private half.
 * On BIGNUM and EC_POINT alone, never EVP_PKEY, RSA or EC_KEY: an engine that is
 * a program's default for those catches them in any library context, and the
 * engine may be ourselves. */
#ifndef HOLDFAST_LIB_PK_H
#define HOLDFAST_LIB_PK_H

#include "lib/alg.h"
#include "lib/buf.h"

/* A public key. RSA: n, e big-endian without leading zeros. EC: x, y of curve->size octets. */
struct pubkey {
        unsigned long ckk;
        const struct curve *curve;
        struct buf n, e;
        struct buf x, y;
};

void pubkey_clear(struct pubkey *k);

/* SubjectPublicKeyInfo DER, both ways (RFC 3279, RFC 5480: named curves, uncompressed
 * points). Decoding refuses trailing bytes, other algorithms, a point off its curve,
 * RSA below 1024 or above 4096 bits. */
int pubkey_to_spki(const struct pubkey *k, struct buf *ret);
int pubkey_from_spki(struct bytes der, struct pubkey *ret);
/* 04 || x || y, and back; from_point also takes that wrapped in a DER OCTET STRING. */
int pubkey_point(const struct pubkey *k, struct buf *ret);
int pubkey_from_point(const struct curve *c, struct bytes point, struct pubkey *ret);
/* The bits of a number, big-endian. */
size_t pk_bits(struct bytes v);
/* The octets of a signature or RSA block. */
size_t pubkey_sig_size(const struct pubkey *k);

/* What goes with a signature or ciphertext besides the key. */
struct pk_params {
        enum scheme scheme;
        const struct hash *hash;      /* of the digest: RSA_PKCS1 (may be NULL), PSS, OAEP */
        const struct hash *mgf_hash;  /* PSS, OAEP */
        size_t salt_len;              /* PSS */
        struct bytes label;           /* OAEP */
};

/* 0, ERR_AUTH if the signature is wrong, ERR_RANGE if its length is. */
int pk_verify(const struct pubkey *k, const struct pk_params *p, struct bytes digest, struct bytes sig);
int pk_encrypt(const struct pubkey *k, const struct pk_params *p, struct bytes in, struct buf *ret);

/* Encoded messages, k octets long, for a private RSA operation without padding in the TPM. */
int pk_pss_encode(const struct pk_params *p, struct bytes digest, size_t mod_bits, struct buf *ret);
int pk_pkcs1_sign_encode(const struct pk_params *p, struct bytes digest, size_t k, struct buf *ret);
/* Undo encryption padding in a time that does not depend on the data. */
int pk_oaep_decode(const struct pk_params *p, struct bytes em, struct buf *ret);
int pk_pkcs1_decode(struct bytes em, struct buf *ret);

/* An ephemeral ECDH for salting a session: a fresh key's point and the x coordinate of the product, curve->size octets each. */
int pk_ecdh_ephemeral(const struct pubkey *peer, struct buf *ret_x, struct buf *ret_y, struct buf *ret_z);

/* r || s to DER and back, size octets per coordinate. */
int ecdsa_sig_to_der(struct bytes rs, struct buf *ret);
int ecdsa_sig_from_der(struct bytes der, size_t size, struct buf *ret);

#endif
