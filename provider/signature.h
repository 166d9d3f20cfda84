/* SPDX-License-Identifier: BSD-2-Clause */
/* A signature being made or checked: what both key types share. */
#ifndef HOLDFAST_PROVIDER_SIGNATURE_H
#define HOLDFAST_PROVIDER_SIGNATURE_H

#include "lib/alg.h"
#include "provider/keymgmt.h"

struct sig {
        const struct sig_scheme *scheme;
        struct provider *provider;
        struct key *key;
        bool verify;
        EVP_MD *md;             /* in provider->libctx, and its row; NULL: none was named */
        const struct hash *hash;
        EVP_MD_CTX *digest;     /* what has been hashed so far */
        /* RSA */
        int pad;
        int salt;               /* octets or RSA_PSS_SALTLEN_* */
        const struct hash *mgf; /* NULL: as hash */
};

/* What differs between the key types. 1, or 0 after raising. */
struct sig_scheme {
        void (*reset)(struct sig *s);
        int (*set_params)(void *sig, const OSSL_PARAM params[]);
        int (*sign)(struct sig *s, struct bytes digest, struct buf *ret);
        /* Tells the software what is to be checked. */
        int (*prepare_verify)(struct sig *s, EVP_PKEY_CTX *c);
        /* The AlgorithmIdentifier; s->hash is set. */
        int (*identify)(const struct sig *s, X509_ALGOR *ret);
};
extern const struct sig_scheme scheme_ecdsa, scheme_rsa;

struct sig *sig_new(struct provider *p, const struct sig_scheme *scheme);
void sig_free(void *sig);
void *sig_dup(void *sig);
int sig_sign_init(void *sig, void *key, const OSSL_PARAM params[]);
int sig_sign(void *sig, unsigned char *out, size_t *ret_len, size_t size, const unsigned char *digest, size_t len);
int sig_verify_init(void *sig, void *key, const OSSL_PARAM params[]);
int sig_verify(void *sig, const unsigned char *in, size_t in_len, const unsigned char *digest, size_t len);
/* A context for the software's half of the work, told what is to be checked; init is EVP_PKEY_verify_init or a like. NULL after raising. */
EVP_PKEY_CTX *sig_software(struct sig *s, int (*init)(EVP_PKEY_CTX *c));
int sig_digest_sign_init(void *sig, const char *md, void *key, const OSSL_PARAM params[]);
int sig_digest_verify_init(void *sig, const char *md, void *key, const OSSL_PARAM params[]);
int sig_digest_update(void *sig, const unsigned char *data, size_t len);
int sig_digest_sign_final(void *sig, unsigned char *out, size_t *ret_len, size_t size);
int sig_digest_verify_final(void *sig, const unsigned char *in, size_t len);
/* Of both: the digest, the AlgorithmIdentifier. */
int sig_get_params(void *sig, OSSL_PARAM params[]);
int sig_set_params(void *sig, const OSSL_PARAM params[]);

/* The row of a digest that OpenSSL calls by any of its names; NULL after raising. ret_md may be NULL. */
const struct hash *hash_of_md(const struct provider *p, const char *name, EVP_MD **ret_md);

/* Dispatch rows that do not differ. */
#define SIG_ROWS \
        ROW(OSSL_FUNC_SIGNATURE_FREECTX, sig_free), \
        ROW(OSSL_FUNC_SIGNATURE_DUPCTX, sig_dup), \
        ROW(OSSL_FUNC_SIGNATURE_SIGN_INIT, sig_sign_init), \
        ROW(OSSL_FUNC_SIGNATURE_SIGN, sig_sign), \
        ROW(OSSL_FUNC_SIGNATURE_VERIFY_INIT, sig_verify_init), \
        ROW(OSSL_FUNC_SIGNATURE_VERIFY, sig_verify), \
        ROW(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, sig_digest_sign_init), \
        ROW(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_UPDATE, sig_digest_update), \
        ROW(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_FINAL, sig_digest_sign_final), \
        ROW(OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_INIT, sig_digest_verify_init), \
        ROW(OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_UPDATE, sig_digest_update), \
        ROW(OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_FINAL, sig_digest_verify_final)

extern const OSSL_DISPATCH signature_ecdsa[], signature_rsa[];

#endif
