/* SPDX-License-Identifier: BSD-2-Clause */
/* The algorithms, one row each, read by every layer. No row, no support. */
#ifndef HOLDFAST_LIB_ALG_H
#define HOLDFAST_LIB_ALG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "lib/buf.h"

#define HASH_MAX 64

struct hash {
        const char *name;         /* "SHA256", as OpenSSL fetches it */
        uint16_t tpm;             /* TPM2_ALG_SHA256 */
        unsigned long ckm;        /* CKM_SHA256 */
        unsigned long ckg_mgf;    /* CKG_MGF1_SHA256 */
        size_t size;              /* octets */
        struct bytes digest_info; /* DER before the digest in PKCS#1 v1.5, RFC 8017 9.2 note 1 */
};

struct curve {
        const char *name;         /* "P-256" */
        const char *openssl;      /* "prime256v1" */
        int nid;
        uint16_t tpm;             /* TPM2_ECC_NIST_P256 */
        size_t size;              /* octets of one coordinate */
        const struct hash *hash;  /* the hash whose length TPM2_Sign takes on this curve */
        struct bytes oid;         /* DER of the namedCurve OBJECT IDENTIFIER: CKA_EC_PARAMS */
};

/* How a private key is used. */
enum scheme {
        SCHEME_NONE,
        SCHEME_ECDSA,       /* input: a digest of any length; output r || s */
        SCHEME_RSA_PKCS1,   /* sign: DigestInfo (with hash) or caller's bytes (hash NULL), type 1 padding; decrypt: type 2 */
        SCHEME_RSA_PSS,
        SCHEME_RSA_OAEP,
        SCHEME_RSA_RAW,     /* no padding */
        SCHEME_HMAC,
        SCHEME_ECDH,
};

/* One mechanism of PKCS#11 and what the other worlds call it. */
struct alg {
        const char *name;         /* "ES256" where JOSE has a name, else the CKM name */
        unsigned long ckm;
        unsigned long ckk;        /* CKK_EC, CKK_RSA, CKK_GENERIC_SECRET */
        enum scheme scheme;
        const struct hash *hash;  /* NULL: the caller hashes, or says which in the parameters */
        const char *ssh;          /* "ecdsa-sha2-nistp256", or NULL */
        int cose;                 /* -7, 0 if none */
        unsigned ops;             /* ALG_* */
};

enum {
        ALG_SIGN = 1,
        ALG_VERIFY = 2,
        ALG_DECRYPT = 4,
        ALG_ENCRYPT = 8,
        ALG_DERIVE = 16,
};

const struct hash *hash_by_name(const char *name);
const struct hash *hash_by_tpm(uint16_t tpm);
const struct hash *hash_by_ckm(unsigned long ckm);
const struct hash *hash_by_mgf(unsigned long ckg);
/* The hash whose DigestInfo these bytes are, with the digest behind it; NULL if they are none. */
const struct hash *hash_by_digest_info(struct bytes in, struct bytes *ret_digest);

const struct curve *curve_by_name(const char *name);
const struct curve *curve_by_tpm(uint16_t tpm);
const struct curve *curve_by_oid(struct bytes der);

const struct alg *alg_by_ckm(unsigned long ckm);
/* Rows in order, for mechanism lists; NULL behind the last. */
const struct alg *alg_at(size_t i);
const struct hash *hash_at(size_t i);
const struct curve *curve_at(size_t i);

/* A kind of key as a person names it: "P-256", "RSA-2048", "HMAC-SHA256". */
struct key_kind {
        const char *name;
        unsigned long ckk;
        const struct curve *curve; /* CKK_EC */
        unsigned bits;             /* CKK_RSA */
        const struct hash *hash;   /* HMAC */
};
const struct key_kind *key_kind_by_name(const char *name);
const struct key_kind *key_kind_at(size_t i);

#endif
