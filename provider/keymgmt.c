/* SPDX-License-Identifier: BSD-2-Clause */
/* What is a key to OpenSSL? A public half in software and, of a key in hardware, the object that works with the private one. */
#include "provider/keymgmt.h"
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdlib.h>
#include <string.h>
#include "lib/err.h"

struct key *key_new(struct provider *p, int type)
{
        struct key *k = calloc(1, sizeof(*k));

        if (k == NULL) {
                raise_reason(p, REASON_MEMORY, "out of memory");
                return NULL;
        }
        k->provider = p;
        k->type = type;
        k->refs = 1;
        return k;
}

struct key *key_ref(struct key *k)
{
        __atomic_add_fetch(&k->refs, 1, __ATOMIC_RELAXED);
        return k;
}

void key_free(struct key *k)
{
        if (k == NULL || __atomic_sub_fetch(&k->refs, 1, __ATOMIC_ACQ_REL) != 0)
                return;
        if (k->object != NULL)
                object_unref(k->object);
        EVP_PKEY_free(k->pub);
        free(k);
}

static struct key *public_of(struct provider *p, int type, EVP_PKEY *pub)
{
        struct key *k;

        k = key_new(p, type);
        if (k == NULL)
                return NULL;
        if (pub != NULL && EVP_PKEY_up_ref(pub) == 1)
                k->pub = pub;
        return k;
}

struct key *key_from_object(struct object *o)
{
        struct key *k;

        k = public_of(o->provider, o->type == CKK_RSA ? EVP_PKEY_RSA : EVP_PKEY_EC, o->pub);
        if (k != NULL && o->class == CKO_PRIVATE_KEY)
                k->object = object_ref(o);
        return k;
}

void keymgmt_free(void *key)
{
        key_free(key);
}

void *keymgmt_load(const void *reference, size_t size)
{
        struct object *o;

        if (size != sizeof(o))
                return NULL;
        memcpy(&o, reference, sizeof(o));
        return key_from_object(o);
}

/* A curve, of a whole key; RSA has no parameters. */
static int take_parameters(struct key *n, const struct key *from)
{
        OSSL_PARAM *params = NULL;
        int ok;

        if (from->type == EVP_PKEY_RSA || from->pub == NULL)
                return 1;
        ok = EVP_PKEY_todata(from->pub, EVP_PKEY_KEY_PARAMETERS, &params) == 1 && keymgmt_import(n, OSSL_KEYMGMT_SELECT_ALL_PARAMETERS, params);
        OSSL_PARAM_free(params);
        return ok;
}

void *keymgmt_dup(const void *key, int selection)
{
        const struct key *k = key;
        struct key *n;

        if ((selection & OSSL_KEYMGMT_SELECT_KEYPAIR) == 0 || k->parameters_only) {
                n = key_new(k->provider, k->type);
                if (n == NULL || take_parameters(n, k))
                        return n;
                key_free(n);
                return NULL;
        }
        n = public_of(k->provider, k->type, k->pub);
        if (n == NULL)
                return NULL;
        if (k->object != NULL && (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0)
                n->object = object_ref(k->object);
        return n;
}

/* Asked about keys that are still to get their content too. */
int keymgmt_has(const void *key, int selection)
{
        const struct key *k = key;

        if (k == NULL)
                return 0;
        if ((selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0 && k->object == NULL)
                return 0;
        if ((selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY) != 0 && (k->pub == NULL || k->parameters_only))
                return 0;
        return k->type == EVP_PKEY_RSA || (selection & OSSL_KEYMGMT_SELECT_ALL_PARAMETERS) == 0 || k->pub != NULL;
}

/* Private halves are the same where the public ones are: there is nothing else to compare. */
int keymgmt_match(const void *a, const void *b, int selection)
{
        const struct key *x = a, *y = b;

        if (x == NULL || y == NULL || x->pub == NULL || y->pub == NULL)
                return 0;
        if ((selection & OSSL_KEYMGMT_SELECT_KEYPAIR) != 0)
                return EVP_PKEY_eq(x->pub, y->pub) == 1;
        return x->type == EVP_PKEY_RSA || EVP_PKEY_parameters_eq(x->pub, y->pub) == 1;
}

int keymgmt_validate(const void *key, int selection, int how)
{
        const struct key *k = key;
        EVP_PKEY_CTX *c;
        int ok;

        if (!keymgmt_has(key, selection))
                return 0;
        if (k->pub == NULL)
                return 1;
        c = EVP_PKEY_CTX_new_from_pkey(k->provider->libctx, k->pub, NULL);
        if (c == NULL)
                return raise_reason(k->provider, REASON_MEMORY, "out of memory");
        if ((selection & OSSL_KEYMGMT_SELECT_KEYPAIR) == 0)
                ok = k->type == EVP_PKEY_RSA ? 1 : EVP_PKEY_param_check(c);
        else
                ok = how == OSSL_KEYMGMT_VALIDATE_QUICK_CHECK ? EVP_PKEY_public_check_quick(c) : EVP_PKEY_public_check(c);
        EVP_PKEY_CTX_free(c);
        return ok == 1;
}

int keymgmt_get_params(void *key, OSSL_PARAM params[])
{
        const struct key *k = key;

        return k != NULL && k->pub != NULL && EVP_PKEY_get_params(k->pub, params) == 1;
}

int keymgmt_import(void *key, int selection, const OSSL_PARAM params[])
{
        struct key *k = key;
        EVP_PKEY_CTX *c;
        int what, ok;

        if ((selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0 &&
            (OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_PRIV_KEY) != NULL || OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_RSA_D) != NULL))
                return raise_reason(k->provider, REASON_UNSUPPORTED, "private keys are made in hardware and never brought into it: generate one there");
        if (k->pub != NULL)
                return 0;
        what = (selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY) != 0 ? EVP_PKEY_PUBLIC_KEY : EVP_PKEY_KEY_PARAMETERS;
        c = EVP_PKEY_CTX_new_from_name(k->provider->libctx, k->type == EVP_PKEY_RSA ? "RSA" : "EC", NULL);
        if (c == NULL)
                return raise_reason(k->provider, REASON_MEMORY, "out of memory");
        /* It does not write to them. */
        ok = EVP_PKEY_fromdata_init(c) == 1 && EVP_PKEY_fromdata(c, &k->pub, what, (OSSL_PARAM *)(uintptr_t)params) == 1;
        k->parameters_only = what == EVP_PKEY_KEY_PARAMETERS;
        EVP_PKEY_CTX_free(c);
        return ok;
}

int keymgmt_export(void *key, int selection, OSSL_CALLBACK *done, void *arg)
{
        const struct key *k = key;
        int what;

        if (k == NULL || k->pub == NULL || (k->object != NULL && (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0))
                return 0;
        what = (selection & OSSL_KEYMGMT_SELECT_KEYPAIR) != 0 ? EVP_PKEY_PUBLIC_KEY : EVP_PKEY_KEY_PARAMETERS;
        return EVP_PKEY_export(k->pub, what, done, arg);
}

struct gen *gen_new(struct provider *p, int selection)
{
        struct gen *g = calloc(1, sizeof(*g));

        if (g == NULL) {
                raise_reason(p, REASON_MEMORY, "out of memory");
                return NULL;
        }
        g->provider = p;
        g->selection = selection;
        return g;
}

void gen_free(void *gen)
{
        struct gen *g = gen;

        if (g == NULL)
                return;
        /* A PIN may stand in it. */
        OPENSSL_clear_free(g->uri, g->uri != NULL ? strlen(g->uri) : 0);
        free(g);
}

int gen_set_uri(struct gen *g, const OSSL_PARAM params[])
{
        const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, PARAM_URI);

        if (p == NULL)
                return 1;
        OPENSSL_clear_free(g->uri, g->uri != NULL ? strlen(g->uri) : 0);
        g->uri = NULL;
        return OSSL_PARAM_get_utf8_string(p, &g->uri, 0);
}

struct key *gen_make(struct gen *g, CK_KEY_TYPE type)
{
        CLEANUP(uri_clear) struct uri u = { 0 };
        struct object *o;
        struct key *k;

        if ((g->selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) == 0) {
                raise_reason(g->provider, REASON_UNSUPPORTED, "parameters alone are not made here: ask the default provider for them");
                return NULL;
        }
        if (g->uri == NULL) {
                raise_reason(g->provider, REASON_URI, "a new key needs a token: name it by the parameter " PARAM_URI ", as in pkcs11:token=NAME;object=LABEL");
                return NULL;
        }
        if (uri_parse(BYTES_STR(g->uri), &u) != 0) {
                raise_reason(g->provider, REASON_URI, "%s", err_text());
                return NULL;
        }
        o = object_generate(g->provider, &u, type, g->curve, g->bits);
        if (o == NULL)
                return NULL;
        k = key_from_object(o);
        object_unref(o);
        return k;
}

/* The default provider's names: by them libcrypto knows that two keys are of one type. */
const OSSL_ALGORITHM keymgmt_algorithms[] = {
        { "EC:id-ecPublicKey:1.2.840.10045.2.1", PROPERTIES, keymgmt_ec, "EC keys in hardware" },
        { "RSA:rsaEncryption:1.2.840.113549.1.1.1", PROPERTIES, keymgmt_rsa, "RSA keys in hardware" },
        { NULL, NULL, NULL, NULL },
};
