/* SPDX-License-Identifier: BSD-2-Clause */
/* What does a program do with a key that has no file? */
#include "tests/osslkey.h"
#include <openssl/evp.h>
#include <openssl/store.h>
#include <openssl/ui.h>

EVP_PKEY *osslkey_load(OSSL_LIB_CTX *lib, const char *uri, pem_password_cb *ask, void *user)
{
        UI_METHOD *ui = ask != NULL ? UI_UTIL_wrap_read_pem_callback(ask, 0) : NULL;
        OSSL_STORE_CTX *s = OSSL_STORE_open_ex(uri, lib, NULL, ui, user, NULL, NULL, NULL);
        EVP_PKEY *key = NULL;

        while (s != NULL && key == NULL && !OSSL_STORE_eof(s) && !OSSL_STORE_error(s)) {
                OSSL_STORE_INFO *i = OSSL_STORE_load(s);

                if (i != NULL && OSSL_STORE_INFO_get_type(i) == OSSL_STORE_INFO_PKEY)
                        key = OSSL_STORE_INFO_get1_PKEY(i);
                OSSL_STORE_INFO_free(i);
        }
        OSSL_STORE_close(s);
        UI_destroy_method(ui);
        return key;
}

bool osslkey_signs(OSSL_LIB_CTX *lib, EVP_PKEY *key)
{
        EVP_MD_CTX *s = EVP_MD_CTX_new(), *v = EVP_MD_CTX_new();
        unsigned char sig[512];
        size_t len = sizeof(sig);
        bool ok;

        ok = s != NULL && v != NULL && EVP_DigestSignInit_ex(s, NULL, "SHA256", lib, NULL, key, NULL) == 1 &&
             EVP_DigestSign(s, sig, &len, (const unsigned char *)"text", 4) == 1 &&
             EVP_DigestVerifyInit_ex(v, NULL, "SHA256", lib, NULL, key, NULL) == 1 &&
             EVP_DigestVerify(v, sig, len, (const unsigned char *)"text", 4) == 1;
        EVP_MD_CTX_free(s);
        EVP_MD_CTX_free(v);
        return ok;
}
