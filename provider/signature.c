/* SPDX-License-Identifier: BSD-2-Clause */
/* How does a signature come about? Hashed in software, signed by the object, checked in software with the public half. */
#include "provider/signature.h"
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

struct sig *sig_new(struct provider *p, const struct sig_scheme *scheme)
{
        struct sig *s = calloc(1, sizeof(*s));

        if (s == NULL) {
                raise_reason(p, REASON_MEMORY, "out of memory");
                return NULL;
        }
        s->scheme = scheme;
        s->provider = p;
        scheme->reset(s);
        return s;
}

void sig_free(void *sig)
{
        struct sig *s = sig;

        if (s == NULL)
                return;
        EVP_MD_CTX_free(s->digest);
        EVP_MD_free(s->md);
        key_free(s->key);
        free(s);
}

void *sig_dup(void *sig)
{
        const struct sig *s = sig;
        struct sig *n;

        n = sig_new(s->provider, s->scheme);
        if (n == NULL)
                return NULL;
        *n = *s;
        n->digest = NULL;
        n->key = s->key != NULL ? key_ref(s->key) : NULL;
        if (n->md != NULL && EVP_MD_up_ref(n->md) != 1)
                n->md = NULL;
        if (s->digest == NULL)
                return n;
        n->digest = EVP_MD_CTX_new();
        if (n->digest == NULL || EVP_MD_CTX_copy_ex(n->digest, s->digest) != 1) {
                raise_reason(s->provider, REASON_MEMORY, "out of memory");
                sig_free(n);
                return NULL;
        }
        return n;
}

const struct hash *hash_of_md(const struct provider *p, const char *name, EVP_MD **ret_md)
{
        const struct hash *h = NULL;
        EVP_MD *md;

        ERR_set_mark();
        md = EVP_MD_fetch(p->libctx, name, NULL);
        ERR_pop_to_mark();
        for (size_t i = 0; md != NULL && (h = hash_at(i)) != NULL; i++)
                if (EVP_MD_is_a(md, h->name))
                        break;
        if (h == NULL) {
                raise_reason(p, REASON_UNSUPPORTED, "no signatures with the digest %s: take SHA-256, SHA-384 or SHA-512", name);
                EVP_MD_free(md);
                return NULL;
        }
        if (ret_md != NULL)
                *ret_md = md;
        else
                EVP_MD_free(md);
        return h;
}

static int set_hash(struct sig *s, const char *name)
{
        const struct hash *h;
        EVP_MD *md;

        h = hash_of_md(s->provider, name, &md);
        if (h == NULL)
                return 0;
        if (s->digest != NULL && s->hash != NULL && s->hash != h) {
                EVP_MD_free(md);
                return raise_reason(s->provider, REASON_UNSUPPORTED, "the digest is %s and cannot become %s: name it when you begin", s->hash->name, h->name);
        }
        EVP_MD_free(s->md);
        s->md = md;
        s->hash = h;
        return 1;
}

/* key NULL: once more with the one from before. */
static int begin(struct sig *s, struct key *key, bool verify)
{
        if (key != NULL) {
                key_free(s->key);
                s->key = key_ref(key);
                s->scheme->reset(s);
        }
        if (s->key == NULL || s->key->pub == NULL)
                return raise_reason(s->provider, REASON_UNSUPPORTED, "there is no key to work with");
        if (!verify && s->key->object == NULL)
                return raise_reason(s->provider, REASON_UNSUPPORTED, "this is no private key: only its public half is there");
        s->verify = verify;
        EVP_MD_CTX_free(s->digest);
        s->digest = NULL;
        if (key != NULL) {
                EVP_MD_free(s->md);
                s->md = NULL;
                s->hash = NULL;
        }
        return 1;
}

static int begin_digest(struct sig *s, struct key *key, const char *md, bool verify)
{
        if (!begin(s, key, verify))
                return 0;
        if (md != NULL && *md != '\0' && !set_hash(s, md))
                return 0;
        if (s->hash == NULL && !set_hash(s, "SHA256"))
                return 0;
        s->digest = EVP_MD_CTX_new();
        if (s->digest == NULL || EVP_DigestInit_ex2(s->digest, s->md, NULL) != 1)
                return raise_reason(s->provider, REASON_MEMORY, "out of memory");
        return 1;
}

int sig_sign_init(void *sig, void *key, const OSSL_PARAM params[])
{
        struct sig *s = sig;

        return begin(s, key, false) && s->scheme->set_params(s, params);
}

int sig_verify_init(void *sig, void *key, const OSSL_PARAM params[])
{
        struct sig *s = sig;

        return begin(s, key, true) && s->scheme->set_params(s, params);
}

int sig_digest_sign_init(void *sig, const char *md, void *key, const OSSL_PARAM params[])
{
        struct sig *s = sig;

        return begin_digest(s, key, md, false) && s->scheme->set_params(s, params);
}

int sig_digest_verify_init(void *sig, const char *md, void *key, const OSSL_PARAM params[])
{
        struct sig *s = sig;

        return begin_digest(s, key, md, true) && s->scheme->set_params(s, params);
}

/* How long it gets at most is known without asking the hardware. */
static size_t max_size(const struct sig *s)
{
        int n = EVP_PKEY_get_size(s->key->pub);

        return n > 0 ? (size_t)n : 0;
}

int sig_sign(void *sig, unsigned char *out, size_t *ret_len, size_t size, const unsigned char *digest, size_t len)
{
        CLEANUP(buf_clear) struct buf b = { 0 };
        struct sig *s = sig;

        if (s->key == NULL || s->verify)
                return raise_reason(s->provider, REASON_UNSUPPORTED, "this context was not begun for signing");
        if (out == NULL) {
                *ret_len = max_size(s);
                return 1;
        }
        if (s->hash != NULL && len != s->hash->size)
                return raise_reason(s->provider, REASON_LENGTH, "a digest of %zu octets, where %s has %zu", len, s->hash->name, s->hash->size);
        /* Asked before the hardware works for nothing. */
        if (size < max_size(s))
                return raise_reason(s->provider, REASON_LENGTH, "room for a signature of %zu octets, it may have %zu", size, max_size(s));
        if (!s->scheme->sign(s, BYTES(digest, len), &b))
                return 0;
        if (b.len > size)
                return raise_reason(s->provider, REASON_LENGTH, "a signature of %zu octets, more than such a key makes", b.len);
        memcpy(out, b.ptr, b.len);
        *ret_len = b.len;
        return 1;
}

EVP_PKEY_CTX *sig_software(struct sig *s, int (*init)(EVP_PKEY_CTX *c))
{
        EVP_PKEY_CTX *c;

        if (s->key == NULL || !s->verify) {
                raise_reason(s->provider, REASON_UNSUPPORTED, "this context was not begun for verifying");
                return NULL;
        }
        c = EVP_PKEY_CTX_new_from_pkey(s->provider->libctx, s->key->pub, NULL);
        if (c != NULL && init(c) == 1 && s->scheme->prepare_verify(s, c))
                return c;
        EVP_PKEY_CTX_free(c);
        raise_reason(s->provider, REASON_UNSUPPORTED, "OpenSSL cannot check such a signature with this key");
        return NULL;
}

int sig_verify(void *sig, const unsigned char *in, size_t in_len, const unsigned char *digest, size_t len)
{
        EVP_PKEY_CTX *c = sig_software(sig, EVP_PKEY_verify_init);
        int ok = c != NULL && EVP_PKEY_verify(c, in, in_len, digest, len) == 1;

        EVP_PKEY_CTX_free(c);
        return ok;
}

int sig_digest_update(void *sig, const unsigned char *data, size_t len)
{
        struct sig *s = sig;

        return s->digest != NULL && EVP_DigestUpdate(s->digest, data, len) == 1;
}

int sig_digest_sign_final(void *sig, unsigned char *out, size_t *ret_len, size_t size)
{
        uint8_t digest[EVP_MAX_MD_SIZE];
        struct sig *s = sig;
        unsigned len = 0;

        if (out != NULL && (s->digest == NULL || EVP_DigestFinal_ex(s->digest, digest, &len) != 1))
                return 0;
        return sig_sign(s, out, ret_len, size, digest, len);
}

int sig_digest_verify_final(void *sig, const unsigned char *in, size_t in_len)
{
        uint8_t digest[EVP_MAX_MD_SIZE];
        struct sig *s = sig;
        unsigned len;

        if (s->digest == NULL || EVP_DigestFinal_ex(s->digest, digest, &len) != 1)
                return 0;
        return sig_verify(s, in, in_len, digest, len);
}

static int give_algorithm(const struct sig *s, OSSL_PARAM *p)
{
        unsigned char *der = NULL;
        X509_ALGOR *a;
        int len = 0, ok;

        a = X509_ALGOR_new();
        if (a == NULL)
                return raise_reason(s->provider, REASON_MEMORY, "out of memory");
        ok = s->hash != NULL && s->scheme->identify(s, a);
        if (ok)
                len = i2d_X509_ALGOR(a, &der);
        ok = len > 0 && OSSL_PARAM_set_octet_string(p, der, (size_t)len);
        OPENSSL_free(der);
        X509_ALGOR_free(a);
        return ok;
}

int sig_get_params(void *sig, OSSL_PARAM params[])
{
        const struct sig *s = sig;
        OSSL_PARAM *p;

        p = OSSL_PARAM_locate(params, OSSL_SIGNATURE_PARAM_ALGORITHM_ID);
        if (p != NULL && !give_algorithm(s, p))
                return 0;
        p = OSSL_PARAM_locate(params, OSSL_SIGNATURE_PARAM_DIGEST_SIZE);
        if (p != NULL && !OSSL_PARAM_set_size_t(p, s->hash != NULL ? s->hash->size : 0))
                return 0;
        p = OSSL_PARAM_locate(params, OSSL_SIGNATURE_PARAM_DIGEST);
        return p == NULL || OSSL_PARAM_set_utf8_string(p, s->hash != NULL ? s->hash->name : "");
}

int sig_set_params(void *sig, const OSSL_PARAM params[])
{
        const OSSL_PARAM *p;
        const char *name;

        if (params == NULL)
                return 1;
        p = OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_DIGEST);
        return p == NULL || (OSSL_PARAM_get_utf8_string_ptr(p, &name) && set_hash(sig, name));
}

const OSSL_ALGORITHM signature_algorithms[] = {
        { "ECDSA", PROPERTIES, signature_ecdsa, "ECDSA in hardware" },
        { "RSA:rsaEncryption:1.2.840.113549.1.1.1", PROPERTIES, signature_rsa, "RSA signatures in hardware" },
        { NULL, NULL, NULL, NULL },
};
