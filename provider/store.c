/* SPDX-License-Identifier: BSD-2-Clause */
/* What OSSL_STORE gets for a pkcs11: URI, one object after the other; provider-storemgmt(7). */
#include <openssl/core_names.h>
#include <openssl/core_object.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/store.h>
#include <stdlib.h>
#include <string.h>
#include "lib/err.h"
#include "provider/provider.h"

struct store {
        struct provider *provider;
        struct uri uri;
        int expect;             /* OSSL_STORE_INFO_*, 0: all */
        bool searched;
        struct object **list;
        size_t n, cap, next;
};

static int store_close(void *ctx)
{
        struct store *s = ctx;

        for (size_t i = s->next; i < s->n; i++)
                object_unref(s->list[i]);
        free(s->list);
        uri_clear(&s->uri);
        free(s);
        return 1;
}

static void *store_open(void *provctx, const char *text)
{
        struct provider *p = provctx;
        struct store *s = calloc(1, sizeof(*s));

        if (!s) {
                raise_reason(p, REASON_MEMORY, "out of memory");
                return NULL;
        }
        s->provider = p;
        if (uri_parse(BYTES_STR(text), &s->uri) == 0)
                return s;
        raise_reason(p, REASON_URI, "the PKCS#11 URI cannot be read: %s", err_text());
        store_close(s);
        return NULL;
}

static const OSSL_PARAM *store_settable(void *provctx)
{
        static const OSSL_PARAM params[] = {
                OSSL_PARAM_int(OSSL_STORE_PARAM_EXPECT, NULL),
                OSSL_PARAM_END,
        };

        (void)provctx;
        return params;
}

static int store_set_params(void *ctx, const OSSL_PARAM params[])
{
        struct store *s = ctx;
        const OSSL_PARAM *expect = OSSL_PARAM_locate_const(params, OSSL_STORE_PARAM_EXPECT);

        return !expect || OSSL_PARAM_get_int(expect, &s->expect);
}

static int keep(struct object *o, void *ctx)
{
        struct store *s = ctx;

        if (s->n == s->cap) {
                size_t cap = s->cap == 0 ? 8 : 2 * s->cap;
                struct object **list = reallocarray(s->list, cap, sizeof(*list));

                if (!list) {
                        raise_reason(s->provider, REASON_MEMORY, "out of memory");
                        return -1;
                }
                s->list = list;
                s->cap = cap;
        }
        s->list[s->n++] = object_ref(o);
        return 0;
}

/* What the program expects narrows what the URI names. False: nothing can be both. */
static bool narrow(const struct store *s, struct uri *u)
{
        static const struct {
                int expect;
                CK_OBJECT_CLASS class;
        } classes[] = {
                { OSSL_STORE_INFO_PKEY, CKO_PRIVATE_KEY },
                { OSSL_STORE_INFO_PUBKEY, CKO_PUBLIC_KEY },
                { OSSL_STORE_INFO_CERT, CKO_CERTIFICATE },
        };

        for (size_t i = 0; i < ARRAY_LEN(classes); i++) {
                if (classes[i].expect != s->expect)
                        continue;
                if (u->has_type && u->type != classes[i].class)
                        return false;
                u->type = classes[i].class;
                u->has_type = true;
                return true;
        }
        return s->expect == 0;
}

static int search(struct store *s, const struct asking *ask)
{
        struct uri as_given = s->uri;
        int ok;

        s->searched = true;
        /* Nothing, which is no failure: some programs ask for one type after the other. */
        if (!narrow(s, &s->uri))
                return 1;
        ok = s->uri.type == CKO_PRIVATE_KEY || !s->uri.has_type ? pin_ask(s->provider, &s->uri, ask) : 1;
        if (ok)
                ok = object_find(s->provider, &s->uri, keep, s);
        s->uri.type = as_given.type;
        s->uri.has_type = as_given.has_type;
        return ok;
}

static int give(struct object *o, OSSL_CALLBACK *cb, void *arg)
{
        int type = o->class == CKO_CERTIFICATE ? OSSL_OBJECT_CERT : OSSL_OBJECT_PKEY;
        OSSL_PARAM params[4], *p = params;

        *p++ = OSSL_PARAM_construct_int(OSSL_OBJECT_PARAM_TYPE, &type);
        if (o->class == CKO_CERTIFICATE) {
                *p++ = OSSL_PARAM_construct_octet_string(OSSL_OBJECT_PARAM_DATA, o->cert.ptr, o->cert.len);
        } else {
                *p++ = OSSL_PARAM_construct_utf8_string(OSSL_OBJECT_PARAM_DATA_TYPE, (char *)(o->type == CKK_RSA ? "RSA" : "EC"), 0);
                *p++ = OSSL_PARAM_construct_octet_string(OSSL_OBJECT_PARAM_REFERENCE, &o, sizeof(o));
        }
        *p = OSSL_PARAM_construct_end();
        return cb(params, arg);
}

static int store_load(void *ctx, OSSL_CALLBACK *cb, void *arg, OSSL_PASSPHRASE_CALLBACK *pw_cb, void *pw_arg)
{
        struct store *s = ctx;
        struct object *o;
        int ok;

        if (!s->searched && !search(s, &(struct asking){ pw_cb, pw_arg }))
                return 0;
        if (s->next == s->n)
                return 0;
        o = s->list[s->next++];
        ok = give(o, cb, arg);
        object_unref(o);
        return ok;
}

static int store_eof(void *ctx)
{
        struct store *s = ctx;

        return s->searched && s->next == s->n;
}

/* For a key management of another provider, which libcrypto asks first: public keys only, so that it comes to ours with private ones. */
static int store_export(void *ctx, const void *reference, size_t len, OSSL_CALLBACK *cb, void *arg)
{
        struct object *o;
        OSSL_PARAM *params = NULL;
        int ok;

        (void)ctx;
        if (len != sizeof(o))
                return 0;
        memcpy(&o, reference, sizeof(o));
        if (o->class != CKO_PUBLIC_KEY || !o->pub || EVP_PKEY_todata(o->pub, EVP_PKEY_PUBLIC_KEY, &params) <= 0)
                return 0;
        ok = cb(params, arg);
        OSSL_PARAM_free(params);
        return ok;
}

static const OSSL_DISPATCH store_functions[] = {
        { OSSL_FUNC_STORE_OPEN, (void (*)(void))store_open },
        { OSSL_FUNC_STORE_SETTABLE_CTX_PARAMS, (void (*)(void))store_settable },
        { OSSL_FUNC_STORE_SET_CTX_PARAMS, (void (*)(void))store_set_params },
        { OSSL_FUNC_STORE_LOAD, (void (*)(void))store_load },
        { OSSL_FUNC_STORE_EOF, (void (*)(void))store_eof },
        { OSSL_FUNC_STORE_CLOSE, (void (*)(void))store_close },
        { OSSL_FUNC_STORE_EXPORT_OBJECT, (void (*)(void))store_export },
        { 0, NULL },
};

const OSSL_ALGORITHM store_algorithms[] = {
        { "pkcs11", PROPERTIES, store_functions, "PKCS#11 URIs, RFC 7512" },
        { NULL, NULL, NULL, NULL },
};
