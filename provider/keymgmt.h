/* SPDX-License-Identifier: BSD-2-Clause */
/* What the key managements of the two key types share. Signatures are those of OpenSSL's provider-keymgmt(7). */
#ifndef HOLDFAST_PROVIDER_KEYMGMT_H
#define HOLDFAST_PROVIDER_KEYMGMT_H

#include "provider/provider.h"

/* The name of the parameter that says in which token a new key is made. */
#define PARAM_URI "pkcs11_uri"

/* A key to be made. */
struct gen {
        struct provider *provider;
        int selection;
        char *uri;
        const char *curve;      /* OpenSSL's name; EC */
        unsigned bits;          /* RSA */
};

void keymgmt_free(void *key);
void *keymgmt_load(const void *reference, size_t size);
void *keymgmt_dup(const void *key, int selection);
int keymgmt_has(const void *key, int selection);
int keymgmt_match(const void *a, const void *b, int selection);
int keymgmt_validate(const void *key, int selection, int how);
int keymgmt_get_params(void *key, OSSL_PARAM params[]);
int keymgmt_import(void *key, int selection, const OSSL_PARAM params[]);
/* The public half; of a key in hardware nothing if more is asked for, so that libcrypto comes to us with it. */
int keymgmt_export(void *key, int selection, OSSL_CALLBACK *done, void *arg);

struct gen *gen_new(struct provider *p, int selection);
void gen_free(void *gen);
/* What both types take: PARAM_URI. */
int gen_set_uri(struct gen *g, const OSSL_PARAM params[]);
struct key *gen_make(struct gen *g, CK_KEY_TYPE type);

extern const OSSL_DISPATCH keymgmt_ec[], keymgmt_rsa[];

/* A dispatch table's row. */
#define ROW(id, function) { (id), (void (*)(void))(function) }

/* Those that do not differ. */
#define KEYMGMT_ROWS \
        ROW(OSSL_FUNC_KEYMGMT_FREE, keymgmt_free), \
        ROW(OSSL_FUNC_KEYMGMT_LOAD, keymgmt_load), \
        ROW(OSSL_FUNC_KEYMGMT_DUP, keymgmt_dup), \
        ROW(OSSL_FUNC_KEYMGMT_HAS, keymgmt_has), \
        ROW(OSSL_FUNC_KEYMGMT_MATCH, keymgmt_match), \
        ROW(OSSL_FUNC_KEYMGMT_VALIDATE, keymgmt_validate), \
        ROW(OSSL_FUNC_KEYMGMT_GET_PARAMS, keymgmt_get_params), \
        ROW(OSSL_FUNC_KEYMGMT_IMPORT, keymgmt_import), \
        ROW(OSSL_FUNC_KEYMGMT_EXPORT, keymgmt_export), \
        ROW(OSSL_FUNC_KEYMGMT_GEN_CLEANUP, gen_free)

#endif
