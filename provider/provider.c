/* SPDX-License-Identifier: BSD-2-Clause */
/* What OpenSSL gets when it loads the provider: an instance, its parameters and its tables; provider-base(7). */
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <stdlib.h>
#include <string.h>
#include "config.h"
#include "provider/provider.h"

#define MODULE_INSTALLED HF_P11MODULEDIR "/libholdfast-pkcs11.so"

static void provider_free(void *ctx)
{
        struct provider *p = ctx;

        if (!p)
                return;
        module_put(p->module);
        OSSL_PROVIDER_unload(p->software);
        OSSL_LIB_CTX_free(p->libctx);
        free(p->module_path);
        free(p->pin_source);
        free(p);
}

static const OSSL_PARAM *provider_gettable(void *ctx)
{
        static const OSSL_PARAM params[] = {
                OSSL_PARAM_utf8_ptr(OSSL_PROV_PARAM_NAME, NULL, 0),
                OSSL_PARAM_utf8_ptr(OSSL_PROV_PARAM_VERSION, NULL, 0),
                OSSL_PARAM_utf8_ptr(OSSL_PROV_PARAM_BUILDINFO, NULL, 0),
                OSSL_PARAM_int(OSSL_PROV_PARAM_STATUS, NULL),
                OSSL_PARAM_END,
        };

        (void)ctx;
        return params;
}

static int provider_get_params(void *ctx, OSSL_PARAM params[])
{
        static const struct {
                const char *key, *value;
        } texts[] = {
                { OSSL_PROV_PARAM_NAME, "Holdfast: keys in a TPM or another PKCS#11 token" },
                { OSSL_PROV_PARAM_VERSION, PACKAGE_VERSION },
                { OSSL_PROV_PARAM_BUILDINFO, PACKAGE_STRING },
        };
        OSSL_PARAM *param;

        (void)ctx;
        for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
                param = OSSL_PARAM_locate(params, texts[i].key);
                if (param && !OSSL_PARAM_set_utf8_ptr(param, texts[i].value))
                        return 0;
        }
        param = OSSL_PARAM_locate(params, OSSL_PROV_PARAM_STATUS);
        return !param || OSSL_PARAM_set_int(param, 1);
}

static const OSSL_ALGORITHM *provider_query(void *ctx, int operation, int *ret_no_cache)
{
        static const struct {
                int operation;
                const OSSL_ALGORITHM *algorithms;
        } tables[] = {
                { OSSL_OP_KEYMGMT, keymgmt_algorithms },
                { OSSL_OP_SIGNATURE, signature_algorithms },
                { OSSL_OP_ASYM_CIPHER, asym_cipher_algorithms },
                { OSSL_OP_KEYEXCH, exchange_algorithms },
                { OSSL_OP_STORE, store_algorithms },
                { OSSL_OP_DECODER, decoder_algorithms },
                { OSSL_OP_ENCODER, encoder_algorithms },
        };

        (void)ctx;
        *ret_no_cache = 0;
        for (size_t i = 0; i < ARRAY_LEN(tables); i++)
                if (tables[i].operation == operation)
                        return tables[i].algorithms;
        return NULL;
}

static const OSSL_ITEM *provider_reasons(void *ctx)
{
        (void)ctx;
        return error_reasons();
}

static const OSSL_DISPATCH provider_functions[] = {
        { OSSL_FUNC_PROVIDER_TEARDOWN, (void (*)(void))provider_free },
        { OSSL_FUNC_PROVIDER_GETTABLE_PARAMS, (void (*)(void))provider_gettable },
        { OSSL_FUNC_PROVIDER_GET_PARAMS, (void (*)(void))provider_get_params },
        { OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))provider_query },
        { OSSL_FUNC_PROVIDER_GET_REASON_STRINGS, (void (*)(void))provider_reasons },
        { 0, NULL },
};

/* What OpenSSL offers us. NULL: it is too old to tell parameters. */
static OSSL_FUNC_core_get_params_fn *take_core(struct provider *p, const OSSL_DISPATCH *in)
{
        OSSL_FUNC_core_get_params_fn *get_params = NULL;

        for (; in->function_id != 0; in++) {
                switch (in->function_id) {
                case OSSL_FUNC_CORE_GET_PARAMS:
                        get_params = OSSL_FUNC_core_get_params(in);
                        break;
                case OSSL_FUNC_CORE_NEW_ERROR:
                        p->new_error = OSSL_FUNC_core_new_error(in);
                        break;
                case OSSL_FUNC_CORE_SET_ERROR_DEBUG:
                        p->set_error_debug = OSSL_FUNC_core_set_error_debug(in);
                        break;
                case OSSL_FUNC_CORE_VSET_ERROR:
                        p->vset_error = OSSL_FUNC_core_vset_error(in);
                        break;
                default:
                        break;
                }
        }
        return get_params;
}

static bool copy_text(const char *from, char **to)
{
        if (!from || from[0] == 0)
                return true;
        *to = strdup(from);
        return *to != NULL;
}

/* From the provider's section of the configuration: config(5). */
static int take_parameters(struct provider *p, OSSL_FUNC_core_get_params_fn *get_params)
{
        const char *module = NULL, *pin_source = NULL, *pkcs1 = NULL;
        OSSL_PARAM params[] = {
                OSSL_PARAM_utf8_ptr("pkcs11-module-path", (char **)&module, 0),
                OSSL_PARAM_utf8_ptr("pin-source", (char **)&pin_source, 0),
                OSSL_PARAM_utf8_ptr("rsa-pkcs1-decrypt", (char **)&pkcs1, 0),
                OSSL_PARAM_END,
        };

        if (get_params && !get_params(p->core, params))
                return 0;
        if (!module || module[0] == 0)
                module = secure_getenv("HOLDFAST_MODULE");
        if (!module || module[0] == 0)
                module = MODULE_INSTALLED;
        if (!copy_text(module, &p->module_path) || !copy_text(pin_source, &p->pin_source))
                return raise_reason(p, REASON_MEMORY, "out of memory");
        if (!pkcs1 || strcmp(pkcs1, "no") == 0)
                return 1;
        if (strcmp(pkcs1, "yes") != 0)
                return raise_reason(p, REASON_FORMAT, "rsa-pkcs1-decrypt is \"%s\": write yes or no", pkcs1);
        p->rsa_pkcs1_decrypt = true;
        return 1;
}

__attribute__((visibility("default"))) OSSL_provider_init_fn OSSL_provider_init;

int OSSL_provider_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in, const OSSL_DISPATCH **out, void **provctx)
{
        struct provider *p = calloc(1, sizeof(*p));

        if (!p)
                return 0;
        p->core = handle;
        if (!take_parameters(p, take_core(p, in)))
                goto fail;
        p->libctx = OSSL_LIB_CTX_new_from_dispatch(handle, in);
        p->software = p->libctx ? OSSL_PROVIDER_load(p->libctx, "default") : NULL;
        if (!p->software) {
                raise_reason(p, REASON_MEMORY, "no library context for public keys: out of memory");
                goto fail;
        }
        *out = provider_functions;
        *provctx = p;
        return 1;
fail:
        provider_free(p);
        return 0;
}
