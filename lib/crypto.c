/* SPDX-License-Identifier: BSD-2-Clause */
/* Hashes, HMAC, AES-CFB and random numbers, out of the default provider of our own library context.
 *
 * The provider's functions are called directly. EVP_DigestInit and EVP_CipherInit, also from inside EVP_MAC,
 * EVP_KDF and EVP_RAND, ask the process's engines first, and to do so make OpenSSL read its configuration file,
 * which may load modules that use us; and they cost more than the hashing of a TPM command. */
#include <errno.h>
#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/provider.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include "lib/crypto.h"
#include "lib/err.h"

#define HASHES_MAX 8
#define BLOCK_MAX 128

struct md {
        size_t block;           /* octets, FIPS 180-4 1 */
        OSSL_FUNC_digest_newctx_fn *newctx;
        OSSL_FUNC_digest_init_fn *init;
        OSSL_FUNC_digest_update_fn *update;
        OSSL_FUNC_digest_final_fn *final;
        OSSL_FUNC_digest_dupctx_fn *dup;
        OSSL_FUNC_digest_freectx_fn *free;
};

struct cipher {
        OSSL_FUNC_cipher_newctx_fn *newctx;
        OSSL_FUNC_cipher_encrypt_init_fn *encrypt;
        OSSL_FUNC_cipher_decrypt_init_fn *decrypt;
        OSSL_FUNC_cipher_update_fn *update;
        OSSL_FUNC_cipher_freectx_fn *free;
};

/* Made once, then the same for ever. */
struct library {
        OSSL_LIB_CTX *ctx;
        OSSL_PROVIDER *provider;
        void *provctx;
        struct md md[HASHES_MAX];       /* as hash_at() counts */
        struct cipher aes128_cfb, aes256_cfb;
};

static _Atomic(struct library *) the_library;
static pthread_mutex_t making = PTHREAD_MUTEX_INITIALIZER;

/* Arguments are checked before OpenSSL sees them: what can still fail there is memory. Nothing stays
 * in its error queue, which is the host program's. */
static int out_of_memory(void)
{
        ERR_pop_to_mark();
        return err(ERR_NOMEM, "out of memory");
}

static int done(void)
{
        ERR_pop_to_mark();
        return 0;
}

/* Is name one of these, which colons separate? */
static bool has_name(const char *names, const char *name)
{
        size_t len = strlen(name);

        for (const char *p = names; p; p = strchr(p, ':')) {
                p += *p == ':';
                if (strncasecmp(p, name, len) == 0 && (p[len] == 0 || p[len] == ':'))
                        return true;
        }
        return false;
}

/* The provider's functions for an algorithm, ended by a row of zeros; NULL if it has none. */
static const OSSL_DISPATCH *functions(const struct library *l, int operation, const char *name)
{
        const OSSL_ALGORITHM *a;
        int no_cache;

        a = OSSL_PROVIDER_query_operation(l->provider, operation, &no_cache);
        for (; a && a->algorithm_names; a++)
                if (has_name(a->algorithm_names, name))
                        return a->implementation;
        return NULL;
}

static bool find_md(const struct library *l, const struct hash *h, struct md *ret)
{
        const OSSL_DISPATCH *f = functions(l, OSSL_OP_DIGEST, h->name);

        ret->block = h->size > 32 ? 128 : 64;
        for (; f && f->function_id; f++)
                switch (f->function_id) {
                case OSSL_FUNC_DIGEST_NEWCTX:
                        ret->newctx = OSSL_FUNC_digest_newctx(f);
                        break;
                case OSSL_FUNC_DIGEST_INIT:
                        ret->init = OSSL_FUNC_digest_init(f);
                        break;
                case OSSL_FUNC_DIGEST_UPDATE:
                        ret->update = OSSL_FUNC_digest_update(f);
                        break;
                case OSSL_FUNC_DIGEST_FINAL:
                        ret->final = OSSL_FUNC_digest_final(f);
                        break;
                case OSSL_FUNC_DIGEST_DUPCTX:
                        ret->dup = OSSL_FUNC_digest_dupctx(f);
                        break;
                case OSSL_FUNC_DIGEST_FREECTX:
                        ret->free = OSSL_FUNC_digest_freectx(f);
                        break;
                }
        return ret->newctx && ret->init && ret->update && ret->final && ret->dup && ret->free;
}

static bool find_cipher(const struct library *l, const char *name, struct cipher *ret)
{
        const OSSL_DISPATCH *f = functions(l, OSSL_OP_CIPHER, name);

        for (; f && f->function_id; f++)
                switch (f->function_id) {
                case OSSL_FUNC_CIPHER_NEWCTX:
                        ret->newctx = OSSL_FUNC_cipher_newctx(f);
                        break;
                case OSSL_FUNC_CIPHER_ENCRYPT_INIT:
                        ret->encrypt = OSSL_FUNC_cipher_encrypt_init(f);
                        break;
                case OSSL_FUNC_CIPHER_DECRYPT_INIT:
                        ret->decrypt = OSSL_FUNC_cipher_decrypt_init(f);
                        break;
                case OSSL_FUNC_CIPHER_UPDATE:
                        ret->update = OSSL_FUNC_cipher_update(f);
                        break;
                case OSSL_FUNC_CIPHER_FREECTX:
                        ret->free = OSSL_FUNC_cipher_freectx(f);
                        break;
                }
        return ret->newctx && ret->encrypt && ret->decrypt && ret->update && ret->free;
}

static void library_free(struct library *l)
{
        if (!l)
                return;
        if (l->provider)
                OSSL_PROVIDER_unload(l->provider);
        OSSL_LIB_CTX_free(l->ctx);
        free(l);
}

static bool library_fill(struct library *l)
{
        const struct hash *h;
        bool ok;

        l->ctx = OSSL_LIB_CTX_new();
        l->provider = l->ctx ? OSSL_PROVIDER_load(l->ctx, "default") : NULL;
        if (!l->provider)
                return false;
        l->provctx = OSSL_PROVIDER_get0_provider_ctx(l->provider);
        ok = find_cipher(l, "AES-128-CFB", &l->aes128_cfb) && find_cipher(l, "AES-256-CFB", &l->aes256_cfb);
        for (size_t i = 0; ok && (h = hash_at(i)); i++)
                ok = find_md(l, h, &l->md[i]);
        return ok;
}

/* NULL if memory ran out; the next caller tries again. */
static struct library *make_library(void)
{
        struct library *l;

        pthread_mutex_lock(&making);
        l = atomic_load_explicit(&the_library, memory_order_relaxed);
        if (!l) {
                ERR_set_mark();
                l = calloc(1, sizeof(*l));
                if (l && !library_fill(l)) {
                        library_free(l);
                        l = NULL;
                }
                ERR_pop_to_mark();
                atomic_store_explicit(&the_library, l, memory_order_release);
        }
        pthread_mutex_unlock(&making);
        return l;
}

static struct library *library(void)
{
        struct library *l = atomic_load_explicit(&the_library, memory_order_acquire);

        return l ? l : make_library();
}

OSSL_LIB_CTX *crypto_libctx(void)
{
        struct library *l = library();

        return l ? l->ctx : NULL;
}

struct digest {
        const struct md *md;
        void *ctx;
};

/* Leaves d->ctx NULL if memory ran out. */
static void begin(const struct hash *h, struct digest *d)
{
        const struct library *l = library();

        *d = (struct digest){ 0 };
        if (!l)
                return;
        d->md = &l->md[h - hash_at(0)];
        d->ctx = d->md->newctx(l->provctx);
}

static void end(struct digest *d)
{
        if (d->ctx)
                d->md->free(d->ctx);
}

static bool update_all(const struct digest *d, const struct bytes *parts, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (parts[i].len > 0 && d->md->update(d->ctx, parts[i].ptr, parts[i].len) != 1)
                        return false;
        return true;
}

static bool finish(const struct digest *d, uint8_t *out)
{
        size_t len;

        return d->md->final(d->ctx, out, &len, HASH_MAX) == 1;
}

/* A whole digest; the context can be used again. */
static bool hash_parts(const struct digest *d, const struct bytes *parts, size_t n, uint8_t *out)
{
        return d->md->init(d->ctx, NULL) == 1 && update_all(d, parts, n) && finish(d, out);
}

int crypto_hash(const struct hash *h, const struct bytes *parts, size_t n, uint8_t *out)
{
        CLEANUP(end) struct digest d;

        ERR_set_mark();
        begin(h, &d);
        return d.ctx && hash_parts(&d, parts, n, out) ? done() : out_of_memory();
}

static void xor_all(uint8_t *p, size_t n, uint8_t with)
{
        for (size_t i = 0; i < n; i++)
                p[i] ^= with;
}

/* RFC 2104 2: pad is the key with zeros behind it. */
static bool hmac_parts(const struct digest *d, uint8_t *pad, const struct bytes *parts, size_t n, uint8_t *out, size_t size)
{
        struct bytes key = BYTES(pad, d->md->block);
        uint8_t inner[HASH_MAX];
        bool ok;

        xor_all(pad, key.len, 0x36);
        ok = d->md->init(d->ctx, NULL) == 1 && update_all(d, &key, 1) && update_all(d, parts, n) && finish(d, inner);
        xor_all(pad, key.len, 0x36 ^ 0x5c);
        ok = ok && hash_parts(d, (const struct bytes[]){ key, BYTES(inner, size) }, 2, out);
        wipe(inner, sizeof(inner));
        return ok;
}

int crypto_hmac(const struct hash *h, struct bytes key, const struct bytes *parts, size_t n, uint8_t *out)
{
        CLEANUP(end) struct digest d;
        uint8_t pad[BLOCK_MAX] = { 0 };
        bool ok = true;

        ERR_set_mark();
        begin(h, &d);
        if (!d.ctx)
                return out_of_memory();
        if (key.len > d.md->block)
                ok = hash_parts(&d, &key, 1, pad);
        else if (key.len > 0)
                memcpy(pad, key.ptr, key.len);
        ok = ok && hmac_parts(&d, pad, parts, n, out, h->size);
        wipe(pad, sizeof(pad));
        return ok ? done() : out_of_memory();
}

int digest_new(const struct hash *h, struct digest **ret)
{
        struct digest *d;

        ERR_set_mark();
        d = malloc(sizeof(*d));
        if (!d)
                return out_of_memory();
        begin(h, d);
        if (!d->ctx || d->md->init(d->ctx, NULL) != 1) {
                digest_free(d);
                return out_of_memory();
        }
        *ret = d;
        return done();
}

int digest_copy(const struct digest *d, struct digest **ret)
{
        struct digest *copy;

        ERR_set_mark();
        copy = malloc(sizeof(*copy));
        if (!copy)
                return out_of_memory();
        copy->md = d->md;
        copy->ctx = d->md->dup(d->ctx);
        if (!copy->ctx) {
                digest_free(copy);
                return out_of_memory();
        }
        *ret = copy;
        return done();
}

int digest_update(struct digest *d, struct bytes in)
{
        ERR_set_mark();
        return update_all(d, &in, 1) ? done() : out_of_memory();
}

int digest_final(struct digest *d, uint8_t *out)
{
        ERR_set_mark();
        return finish(d, out) ? done() : out_of_memory();
}

void digest_free(struct digest *d)
{
        if (!d)
                return;
        end(d);
        free(d);
}

void digest_freep(struct digest **d)
{
        digest_free(*d);
}

static bool aes_cfb(const struct library *l, const struct cipher *c, bool encrypt, struct bytes key, const uint8_t iv[16], uint8_t *data, size_t len)
{
        void *ctx;
        size_t n;
        bool ok;

        ctx = c->newctx(l->provctx);
        if (!ctx)
                return false;
        ok = (encrypt ? c->encrypt : c->decrypt)(ctx, key.ptr, key.len, iv, 16, NULL) == 1
                && (len == 0 || c->update(ctx, data, &n, len, data, len) == 1);
        c->free(ctx);
        return ok;
}

int crypto_aes_cfb(bool encrypt, struct bytes key, const uint8_t iv[16], uint8_t *data, size_t len)
{
        const struct library *l;

        if (key.len != 16 && key.len != 32)
                return err(ERR_RANGE, "an AES key of %zu octets", key.len);
        ERR_set_mark();
        l = library();
        if (!l || !aes_cfb(l, key.len == 16 ? &l->aes128_cfb : &l->aes256_cfb, encrypt, key, iv, data, len))
                return out_of_memory();
        return done();
}

int crypto_random(uint8_t *out, size_t len)
{
        while (len > 0) {
                ssize_t n = getrandom(out, len, 0);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return err_errno("the kernel gives no random numbers");
                out += n;
                len -= (size_t)n;
        }
        return 0;
}
