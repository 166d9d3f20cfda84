/* SPDX-License-Identifier: BSD-2-Clause */
/* Key management of RSA keys: which parameters they have, and which one is made. */
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rsa.h>
#include "provider/keymgmt.h"

static void *rsa_new(void *provctx)
{
        return key_new(provctx, EVP_PKEY_RSA);
}

static const char *rsa_operation(int operation)
{
        (void)operation;
        return "RSA";
}

static const OSSL_PARAM *rsa_gettable(void *provctx)
{
        static const OSSL_PARAM list[] = {
                OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, NULL),
                OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, NULL),
                OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, NULL),
                OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_DEFAULT_DIGEST, NULL, 0),
                OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_N, NULL, 0),
                OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_E, NULL, 0),
                OSSL_PARAM_END,
        };

        (void)provctx;
        return list;
}

static const OSSL_PARAM *rsa_types(int selection)
{
        static const OSSL_PARAM public[] = {
                OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_N, NULL, 0),
                OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_E, NULL, 0),
                OSSL_PARAM_END,
        };

        return (selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY) != 0 ? public : NULL;
}

/* TPM 2.0 keys have the exponent 65537 and two primes. */
static int check_fixed(const struct gen *g, const OSSL_PARAM params[])
{
        const OSSL_PARAM *p;
        BIGNUM *e = NULL;
        size_t primes;
        int ok;

        p = OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_RSA_PRIMES);
        if (p != NULL && (!OSSL_PARAM_get_size_t(p, &primes) || primes != 2))
                return raise_reason(g->provider, REASON_UNSUPPORTED, "RSA keys have two primes here");
        p = OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_RSA_E);
        if (p == NULL)
                return 1;
        ok = OSSL_PARAM_get_BN(p, &e) && BN_is_word(e, RSA_F4);
        BN_free(e);
        return ok ? 1 : raise_reason(g->provider, REASON_UNSUPPORTED, "RSA keys have the public exponent 65537 here");
}

static int rsa_gen_set_params(void *gen, const OSSL_PARAM params[])
{
        struct gen *g = gen;
        const OSSL_PARAM *p;
        size_t bits;

        if (!gen_set_uri(g, params) || !check_fixed(g, params))
                return 0;
        p = OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_RSA_BITS);
        if (p == NULL)
                return 1;
        if (!OSSL_PARAM_get_size_t(p, &bits) || bits < 2048 || bits > 4096)
                return raise_reason(g->provider, REASON_UNSUPPORTED, "RSA keys have 2048, 3072 or 4096 bits here");
        g->bits = (unsigned)bits;
        return 1;
}

static void *rsa_gen_init(void *provctx, int selection, const OSSL_PARAM params[])
{
        struct gen *g;

        g = gen_new(provctx, selection);
        if (g == NULL)
                return NULL;
        g->bits = 2048;
        if (params != NULL && !rsa_gen_set_params(g, params)) {
                gen_free(g);
                return NULL;
        }
        return g;
}

static const OSSL_PARAM *rsa_gen_settable(void *gen, void *provctx)
{
        static const OSSL_PARAM list[] = {
                OSSL_PARAM_size_t(OSSL_PKEY_PARAM_RSA_BITS, NULL),
                OSSL_PARAM_size_t(OSSL_PKEY_PARAM_RSA_PRIMES, NULL),
                OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_E, NULL, 0),
                OSSL_PARAM_utf8_string(PARAM_URI, NULL, 0),
                OSSL_PARAM_END,
        };

        (void)gen;
        (void)provctx;
        return list;
}

static void *rsa_gen(void *gen, OSSL_CALLBACK *progress, void *arg)
{
        (void)progress;
        (void)arg;
        return gen_make(gen, CKK_RSA);
}

const OSSL_DISPATCH keymgmt_rsa[] = {
        ROW(OSSL_FUNC_KEYMGMT_NEW, rsa_new),
        KEYMGMT_ROWS,
        ROW(OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, rsa_gettable),
        ROW(OSSL_FUNC_KEYMGMT_IMPORT_TYPES, rsa_types),
        ROW(OSSL_FUNC_KEYMGMT_EXPORT_TYPES, rsa_types),
        ROW(OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, rsa_operation),
        ROW(OSSL_FUNC_KEYMGMT_GEN_INIT, rsa_gen_init),
        ROW(OSSL_FUNC_KEYMGMT_GEN_SET_PARAMS, rsa_gen_set_params),
        ROW(OSSL_FUNC_KEYMGMT_GEN_SETTABLE_PARAMS, rsa_gen_settable),
        ROW(OSSL_FUNC_KEYMGMT_GEN, rsa_gen),
        { 0, NULL },
};
