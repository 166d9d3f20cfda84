/* SPDX-License-Identifier: BSD-2-Clause */
/* ECDH: the object multiplies the other side's point, OpenSSL gets the x coordinate, or what X9.63 derives from it in software. */
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <stdlib.h>
#include <string.h>
#include "provider/keymgmt.h"

struct exchange {
        struct provider *provider;
        struct key *key;
        struct key *peer;
        /* X9.63, SEC 1 3.6.1; CMS has it, RFC 5753 */
        bool derives;
        struct buf digest;      /* its name */
        struct buf info;        /* the user keying material */
        size_t size;            /* of what is derived */
};

static void *exchange_new(void *provctx)
{
        struct exchange *x = calloc(1, sizeof(*x));

        if (x == NULL) {
                raise_reason(provctx, REASON_MEMORY, "out of memory");
                return NULL;
        }
        x->provider = provctx;
        return x;
}

static void exchange_free(void *exchange)
{
        struct exchange *x = exchange;

        if (x == NULL)
                return;
        key_free(x->key);
        key_free(x->peer);
        buf_clear(&x->digest);
        buf_clear(&x->info);
        free(x);
}

static void *exchange_dup(void *exchange)
{
        const struct exchange *x = exchange;
        struct exchange *n;

        n = exchange_new(x->provider);
        if (n == NULL)
                return NULL;
        n->key = x->key != NULL ? key_ref(x->key) : NULL;
        n->peer = x->peer != NULL ? key_ref(x->peer) : NULL;
        n->derives = x->derives;
        n->size = x->size;
        if (buf_set(&n->digest, BYTES_OF(&x->digest)) == 0 && buf_set(&n->info, BYTES_OF(&x->info)) == 0)
                return n;
        raise_reason(x->provider, REASON_MEMORY, "out of memory");
        exchange_free(n);
        return NULL;
}

static int set_kdf(struct exchange *x, const OSSL_PARAM *p)
{
        const char *name;

        if (!OSSL_PARAM_get_utf8_string_ptr(p, &name))
                return 0;
        if (*name != '\0' && OPENSSL_strcasecmp(name, OSSL_KDF_NAME_X963KDF) != 0)
                return raise_reason(x->provider, REASON_UNSUPPORTED, "behind ECDH stands X963KDF or nothing: derive with EVP_KDF from the plain secret");
        x->derives = *name != '\0';
        return 1;
}

static int exchange_set_params(void *exchange, const OSSL_PARAM params[])
{
        struct exchange *x = exchange;
        const OSSL_PARAM *p;
        const char *name;
        const void *info;
        size_t len;

        if (params == NULL)
                return 1;
        p = OSSL_PARAM_locate_const(params, OSSL_EXCHANGE_PARAM_KDF_TYPE);
        if (p != NULL && !set_kdf(x, p))
                return 0;
        p = OSSL_PARAM_locate_const(params, OSSL_EXCHANGE_PARAM_KDF_DIGEST);
        if (p != NULL && (!OSSL_PARAM_get_utf8_string_ptr(p, &name) || buf_set(&x->digest, BYTES_STR(name)) != 0))
                return 0;
        p = OSSL_PARAM_locate_const(params, OSSL_EXCHANGE_PARAM_KDF_OUTLEN);
        if (p != NULL && !OSSL_PARAM_get_size_t(p, &x->size))
                return 0;
        p = OSSL_PARAM_locate_const(params, OSSL_EXCHANGE_PARAM_KDF_UKM);
        return p == NULL || (OSSL_PARAM_get_octet_string_ptr(p, &info, &len) && buf_set(&x->info, BYTES(info, len)) == 0);
}

static const OSSL_PARAM *exchange_settable(void *exchange, void *provctx)
{
        static const OSSL_PARAM list[] = {
                /* The cofactor is 1 on our curves: with it or without is the same. */
                OSSL_PARAM_int(OSSL_EXCHANGE_PARAM_EC_ECDH_COFACTOR_MODE, NULL),
                OSSL_PARAM_utf8_string(OSSL_EXCHANGE_PARAM_KDF_TYPE, NULL, 0),
                OSSL_PARAM_utf8_string(OSSL_EXCHANGE_PARAM_KDF_DIGEST, NULL, 0),
                OSSL_PARAM_utf8_string(OSSL_EXCHANGE_PARAM_KDF_DIGEST_PROPS, NULL, 0),
                OSSL_PARAM_size_t(OSSL_EXCHANGE_PARAM_KDF_OUTLEN, NULL),
                OSSL_PARAM_octet_string(OSSL_EXCHANGE_PARAM_KDF_UKM, NULL, 0),
                OSSL_PARAM_END,
        };

        (void)exchange;
        (void)provctx;
        return list;
}

static int exchange_init(void *exchange, void *key, const OSSL_PARAM params[])
{
        struct exchange *x = exchange;
        struct key *k = key;

        if (k == NULL || k->object == NULL || k->pub == NULL)
                return raise_reason(x->provider, REASON_UNSUPPORTED, "this is no private key: only its public half is there");
        key_free(x->key);
        x->key = key_ref(k);
        key_free(x->peer);
        x->peer = NULL;
        x->derives = false;
        return exchange_set_params(x, params);
}

static int exchange_set_peer(void *exchange, void *peer)
{
        struct exchange *x = exchange;
        struct key *k = peer;

        if (x->key == NULL || k == NULL || k->pub == NULL || EVP_PKEY_parameters_eq(x->key->pub, k->pub) != 1)
                return raise_reason(x->provider, REASON_FORMAT, "the other side's key is on another curve");
        key_free(x->peer);
        x->peer = key_ref(k);
        return 1;
}

static int put_coordinate(const EVP_PKEY *pub, const char *name, size_t size, struct buf *out)
{
        BIGNUM *n = NULL;
        int ok;

        ok = EVP_PKEY_get_bn_param(pub, name, &n) == 1 && BN_bn2binpad(n, out->ptr + out->len, (int)size) == (int)size;
        BN_free(n);
        out->len += size;
        return ok;
}

/* Uncompressed, whatever form the peer's key likes. */
static int point_of(const struct key *k, size_t size, struct buf *ret)
{
        if (buf_reserve(ret, 1 + 2 * size) != 0 || buf_append_u8(ret, 0x04) != 0)
                return raise_reason(k->provider, REASON_MEMORY, "out of memory");
        if (!put_coordinate(k->pub, OSSL_PKEY_PARAM_EC_PUB_X, size, ret) || !put_coordinate(k->pub, OSSL_PKEY_PARAM_EC_PUB_Y, size, ret))
                return raise_reason(k->provider, REASON_FORMAT, "the other side's key has no point");
        return 1;
}

static int x963(struct exchange *x, const struct buf *z, unsigned char *out)
{
        EVP_KDF *kdf = EVP_KDF_fetch(x->provider->libctx, OSSL_KDF_NAME_X963KDF, NULL);
        EVP_KDF_CTX *c = kdf != NULL ? EVP_KDF_CTX_new(kdf) : NULL;
        const char *digest = buf_str(&x->digest);
        OSSL_PARAM params[4], *p = params;
        int ok;

        *p++ = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)(uintptr_t)digest, 0);
        *p++ = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, z->ptr, z->len);
        if (x->info.len > 0)
                *p++ = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, x->info.ptr, x->info.len);
        *p = OSSL_PARAM_construct_end();
        ok = c != NULL && digest != NULL && EVP_KDF_derive(c, out, x->size, params) == 1;
        EVP_KDF_CTX_free(c);
        EVP_KDF_free(kdf);
        return ok ? 1 : raise_reason(x->provider, REASON_UNSUPPORTED, "X963KDF derives nothing with the digest %s", digest != NULL ? digest : "");
}

static int exchange_derive(void *exchange, unsigned char *secret, size_t *ret_len, size_t room)
{
        CLEANUP(buf_clear) struct buf point = { 0 };
        CLEANUP(buf_clear) struct buf z = { 0 };
        struct exchange *x = exchange;
        size_t size, len;

        if (x->key == NULL || x->peer == NULL)
                return raise_reason(x->provider, REASON_UNSUPPORTED, "ECDH needs both sides' keys");
        if (x->derives && (x->size == 0 || x->digest.len == 0))
                return raise_reason(x->provider, REASON_UNSUPPORTED, "X963KDF needs a digest and the length of what is to be derived");
        /* On our curves the order is as long as a coordinate. */
        size = ((size_t)EVP_PKEY_get_bits(x->key->pub) + 7) / 8;
        len = x->derives ? x->size : size;
        *ret_len = len;
        if (secret == NULL)
                return 1;
        if (room < len)
                return raise_reason(x->provider, REASON_LENGTH, "room for a secret of %zu octets, it has %zu", room, len);
        if (!point_of(x->peer, size, &point) || !use_derive(x->key->object, BYTES_OF(&point), &z))
                return 0;
        if (z.len != size)
                return raise_reason(x->provider, REASON_FORMAT, "a secret of %zu octets, not %zu", z.len, size);
        if (x->derives)
                return x963(x, &z, secret);
        memcpy(secret, z.ptr, z.len);
        return 1;
}

static const OSSL_DISPATCH exchange_ecdh[] = {
        ROW(OSSL_FUNC_KEYEXCH_NEWCTX, exchange_new),
        ROW(OSSL_FUNC_KEYEXCH_FREECTX, exchange_free),
        ROW(OSSL_FUNC_KEYEXCH_DUPCTX, exchange_dup),
        ROW(OSSL_FUNC_KEYEXCH_INIT, exchange_init),
        ROW(OSSL_FUNC_KEYEXCH_SET_PEER, exchange_set_peer),
        ROW(OSSL_FUNC_KEYEXCH_DERIVE, exchange_derive),
        ROW(OSSL_FUNC_KEYEXCH_SET_CTX_PARAMS, exchange_set_params),
        ROW(OSSL_FUNC_KEYEXCH_SETTABLE_CTX_PARAMS, exchange_settable),
        { 0, NULL },
};

const OSSL_ALGORITHM exchange_algorithms[] = {
        { "ECDH", PROPERTIES, exchange_ecdh, "ECDH in hardware" },
        { NULL, NULL, NULL, NULL },
};
