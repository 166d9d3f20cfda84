/* SPDX-License-Identifier: BSD-2-Clause */
/* What does a program do with a key of the provider's? It loads it, signs, writes its reference and reads that. */
#include "tests/robust/ossl.h"
#include <openssl/encoder.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/provider.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/osslkey.h"

#define URI "pkcs11:object=k;type=private"

static OSSL_LIB_CTX *lib;
static EVP_PKEY *key;

bool ossl_start(void)
{
        const char *path = getenv("HF_PROVIDER");
        char dir[4096];
        char *slash;

        if (path == NULL)
                return false;
        /* The one before is left as it is: OpenSSL 3.0 frees a store loader twice if memory ran out while it was put together. */
        key = NULL;
        setenv("HOLDFAST_MODULE", getenv("HF_MODULE"), 1);
        snprintf(dir, sizeof(dir), "%s", path);
        slash = strrchr(dir, '/');
        if (slash == NULL)
                return false;
        *slash = '\0';
        lib = OSSL_LIB_CTX_new();
        return lib != NULL && OSSL_PROVIDER_set_default_search_path(lib, dir) == 1 && OSSL_PROVIDER_load(lib, "default") != NULL &&
               OSSL_PROVIDER_load(lib, "holdfast") != NULL;
}

bool ossl_load(void)
{
        EVP_PKEY *found;

        ERR_clear_error();
        found = osslkey_load(lib, URI, NULL, NULL);
        if (found == NULL)
                return false;
        EVP_PKEY_free(key);
        key = found;
        return true;
}

bool ossl_sign(void)
{
        ERR_clear_error();
        return osslkey_signs(lib, key);
}

bool ossl_reload(void)
{
        OSSL_ENCODER_CTX *e;
        EVP_PKEY *again = NULL;
        BIO *b = BIO_new(BIO_s_mem());
        bool ok;

        ERR_clear_error();
        e = OSSL_ENCODER_CTX_new_for_pkey(key, EVP_PKEY_KEYPAIR, "PEM", "PrivateKeyInfo", "provider=holdfast");
        ok = b != NULL && e != NULL && OSSL_ENCODER_to_bio(e, b) == 1;
        if (ok)
                again = PEM_read_bio_PrivateKey_ex(b, NULL, NULL, NULL, lib, NULL);
        ok = again != NULL && EVP_PKEY_eq(again, key) == 1;
        EVP_PKEY_free(again);
        OSSL_ENCODER_CTX_free(e);
        BIO_free(b);
        return ok;
}
