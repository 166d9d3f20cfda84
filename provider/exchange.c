/* SPDX-License-Identifier: BSD-2-Clause */
/* ECDH: the object multiplies the other side's point, OpenSSL gets the x coordinate. */
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdlib.h>
#include <string.h>
#include "provider/keymgmt.h"

struct exchange {
        struct provider *provider;
        struct key *key;
        struct key *peer;
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
        return n;
}

/* The product itself is what is offered, without a key derivation behind it. */
static int exchange_set_params(void *exchange, const OSSL_PARAM params[])
{
        const struct exchange *x = exchange;
        const OSSL_PARAM *p;
        const char *kdf;

        if (params == NULL)
                return 1;
        p = OSSL_PARAM_locate_const(params, OSSL_EXCHANGE_PARAM_KDF_TYPE);
        if (p == NULL || (OSSL_PARAM_get_utf8_string_ptr(p, &kdf) && *kdf == '\0'))
                return 1;
        return raise_reason(x->provider, REASON_UNSUPPORTED, "ECDH gives the plain secret here: derive a key from it with EVP_KDF");
}

static const OSSL_PARAM *exchange_settable(void *exchange, void *provctx)
{
        static const OSSL_PARAM list[] = {
                OSSL_PARAM_utf8_string(OSSL_EXCHANGE_PARAM_KDF_TYPE, NULL, 0),
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

static int exchange_derive(void *exchange, unsigned char *secret, size_t *ret_len, size_t room)
{
        CLEANUP(buf_clear) struct buf point = { 0 };
        CLEANUP(buf_clear) struct buf z = { 0 };
        struct exchange *x = exchange;
        size_t size;

        if (x->key == NULL || x->peer == NULL)
                return raise_reason(x->provider, REASON_UNSUPPORTED, "ECDH needs both sides' keys");
        /* On our curves the order is as long as a coordinate. */
        size = ((size_t)EVP_PKEY_get_bits(x->key->pub) + 7) / 8;
        if (secret == NULL) {
                *ret_len = size;
                return 1;
        }
        if (room < size)
                return raise_reason(x->provider, REASON_LENGTH, "room for a secret of %zu octets, it has %zu", room, size);
        if (!point_of(x->peer, size, &point) || !use_derive(x->key->object, BYTES_OF(&point), &z))
                return 0;
        if (z.len != size)
                return raise_reason(x->provider, REASON_FORMAT, "a secret of %zu octets, not %zu", z.len, size);
        memcpy(secret, z.ptr, z.len);
        *ret_len = z.len;
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
