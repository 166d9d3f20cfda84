/* SPDX-License-Identifier: BSD-2-Clause */
/* Key management of EC keys: which parameters they have, and which one is made. */
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/params.h>
#include <string.h>
#include "lib/alg.h"
#include "provider/keymgmt.h"

static void *ec_new(void *provctx)
{
        return key_new(provctx, EVP_PKEY_EC);
}

static const char *ec_operation(int operation)
{
        return operation == OSSL_OP_SIGNATURE ? "ECDSA" : operation == OSSL_OP_KEYEXCH ? "ECDH" : NULL;
}

static const OSSL_PARAM *ec_gettable(void *provctx)
{
        static const OSSL_PARAM list[] = {
                OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, NULL),
                OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, NULL),
                OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, NULL),
                OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_DEFAULT_DIGEST, NULL, 0),
                OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
                OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_EC_ENCODING, NULL, 0),
                OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, NULL, 0),
                OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, NULL, 0),
                OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, NULL, 0),
                OSSL_PARAM_BN(OSSL_PKEY_PARAM_EC_PUB_X, NULL, 0),
                OSSL_PARAM_BN(OSSL_PKEY_PARAM_EC_PUB_Y, NULL, 0),
                OSSL_PARAM_END,
        };

        (void)provctx;
        return list;
}

/* A peer's point, for a curve that had none: a key of this type for ECDH is made so. Other keys do not change; halves of theirs are shared. */
static int ec_set_params(void *key, const OSSL_PARAM params[])
{
        const OSSL_PARAM *point = params != NULL ? OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY) : NULL;
        OSSL_PARAM set[] = { OSSL_PARAM_END, OSSL_PARAM_END };
        struct key *k = key;

        if (point == NULL)
                return 1;
        if (!k->parameters_only)
                return raise_reason(k->provider, REASON_UNSUPPORTED, "a key's point does not change");
        set[0] = *point;
        if (EVP_PKEY_set_params(k->pub, set) != 1)
                return raise_reason(k->provider, REASON_FORMAT, "this is no point on the curve");
        k->parameters_only = false;
        return 1;
}

static const OSSL_PARAM *ec_settable(void *provctx)
{
        static const OSSL_PARAM list[] = {
                OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, NULL, 0),
                OSSL_PARAM_END,
        };

        (void)provctx;
        return list;
}

static const OSSL_PARAM *ec_types(int selection)
{
        static const OSSL_PARAM parameters[] = {
                OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
                OSSL_PARAM_END,
        };
        static const OSSL_PARAM public[] = {
                OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
                OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, NULL, 0),
                OSSL_PARAM_END,
        };

        return (selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY) != 0 ? public : parameters;
}

static int set_curve(struct gen *g, const char *name)
{
        const struct curve *c;
        int nid;

        nid = EC_curve_nist2nid(name);
        if (nid == NID_undef)
                nid = OBJ_txt2nid(name);
        for (size_t i = 0; (c = curve_at(i)) != NULL; i++)
                if (c->nid == nid) {
                        g->curve = c->openssl;
                        return 1;
                }
        return raise_reason(g->provider, REASON_UNSUPPORTED, "no keys on the curve %s: take P-256, P-384 or P-521", name);
}

static int ec_gen_set_params(void *gen, const OSSL_PARAM params[])
{
        struct gen *g = gen;
        const OSSL_PARAM *p;
        const char *text;

        if (!gen_set_uri(g, params))
                return 0;
        p = OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_EC_ENCODING);
        if (p != NULL && (!OSSL_PARAM_get_utf8_string_ptr(p, &text) || strcmp(text, OSSL_PKEY_EC_ENCODING_GROUP) != 0))
                return raise_reason(g->provider, REASON_UNSUPPORTED, "curves have names here: leave ec_param_enc at named_curve");
        p = OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_GROUP_NAME);
        if (p == NULL)
                return 1;
        return OSSL_PARAM_get_utf8_string_ptr(p, &text) && set_curve(g, text);
}

static void *ec_gen_init(void *provctx, int selection, const OSSL_PARAM params[])
{
        struct gen *g;

        g = gen_new(provctx, selection);
        if (g != NULL && params != NULL && !ec_gen_set_params(g, params)) {
                gen_free(g);
                return NULL;
        }
        return g;
}

static int ec_gen_set_template(void *gen, void *templ)
{
        const struct key *k = templ;
        char name[64];
        size_t len;

        return k->pub != NULL && EVP_PKEY_get_group_name(k->pub, name, sizeof(name), &len) == 1 && set_curve(gen, name);
}

static const OSSL_PARAM *ec_gen_settable(void *gen, void *provctx)
{
        static const OSSL_PARAM list[] = {
                OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
                OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_EC_ENCODING, NULL, 0),
                OSSL_PARAM_utf8_string(PARAM_URI, NULL, 0),
                OSSL_PARAM_END,
        };

        (void)gen;
        (void)provctx;
        return list;
}

static void *ec_gen(void *gen, OSSL_CALLBACK *progress, void *arg)
{
        struct gen *g = gen;

        (void)progress;
        (void)arg;
        if (g->curve == NULL && !set_curve(g, "P-256"))
                return NULL;
        return gen_make(g, CKK_EC);
}

const OSSL_DISPATCH keymgmt_ec[] = {
        ROW(OSSL_FUNC_KEYMGMT_NEW, ec_new),
        KEYMGMT_ROWS,
        ROW(OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, ec_gettable),
        ROW(OSSL_FUNC_KEYMGMT_SET_PARAMS, ec_set_params),
        ROW(OSSL_FUNC_KEYMGMT_SETTABLE_PARAMS, ec_settable),
        ROW(OSSL_FUNC_KEYMGMT_IMPORT_TYPES, ec_types),
        ROW(OSSL_FUNC_KEYMGMT_EXPORT_TYPES, ec_types),
        ROW(OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, ec_operation),
        ROW(OSSL_FUNC_KEYMGMT_GEN_INIT, ec_gen_init),
        ROW(OSSL_FUNC_KEYMGMT_GEN_SET_TEMPLATE, ec_gen_set_template),
        ROW(OSSL_FUNC_KEYMGMT_GEN_SET_PARAMS, ec_gen_set_params),
        ROW(OSSL_FUNC_KEYMGMT_GEN_SETTABLE_PARAMS, ec_gen_settable),
        ROW(OSSL_FUNC_KEYMGMT_GEN, ec_gen),
        { 0, NULL },
};
