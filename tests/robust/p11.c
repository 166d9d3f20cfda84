/* SPDX-License-Identifier: BSD-2-Clause */
/* What every robustness test does with a PKCS#11 module. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include "tests/robust/p11.h"

static const unsigned char p256[] = { 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07 };

void p11_load(struct p11 *p)
{
        const char *path = getenv("HF_MODULE");
        CK_RV (*get)(CK_FUNCTION_LIST **list);
        void *dl;

        *p = (struct p11){ 0 };
        dl = path ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
        if (!dl) {
                fprintf(stderr, "HF_MODULE: %s\n", path ? dlerror() : "not set");
                exit(2);
        }
        *(void **)&get = dlsym(dl, "C_GetFunctionList");
        if (!get || get(&p->f) != CKR_OK) {
                fprintf(stderr, "%s is no PKCS#11 module\n", path);
                exit(2);
        }
}

/* A field of a token's information, without the blanks behind it. */
static bool field_is(const unsigned char *field, size_t len, const char *text)
{
        while (len > 0 && (field[len - 1] == ' ' || field[len - 1] == '\0'))
                len--;
        return strlen(text) == len && memcmp(field, text, len) == 0;
}

static CK_RV find_slot(struct p11 *p)
{
        const char *token = getenv("P11_TOKEN") ? getenv("P11_TOKEN") : "a";
        CK_SLOT_ID slots[64];
        CK_ULONG n = 64;
        CK_TOKEN_INFO info;
        CK_RV rv;

        rv = p->f->C_GetSlotList(CK_TRUE, slots, &n);
        for (CK_ULONG i = 0; rv == CKR_OK && i < n; i++) {
                if (p->f->C_GetTokenInfo(slots[i], &info) != CKR_OK || !field_is(info.label, sizeof(info.label), token))
                        continue;
                p->slot = slots[i];
                return CKR_OK;
        }
        return rv != CKR_OK ? rv : CKR_TOKEN_NOT_PRESENT;
}

CK_RV p11_init(struct p11 *p)
{
        CK_C_INITIALIZE_ARGS args = { .flags = CKF_OS_LOCKING_OK };
        CK_RV rv;

        rv = p->f->C_Initialize(&args);
        return rv != CKR_OK ? rv : find_slot(p);
}

CK_RV p11_open(struct p11 *p)
{
        char *pin = getenv("P11_PIN");
        CK_RV rv;

        rv = p->f->C_OpenSession(p->slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &p->s);
        if (rv == CKR_OK && pin)
                rv = p->f->C_Login(p->s, CKU_USER, (unsigned char *)pin, strlen(pin));
        return rv == CKR_USER_ALREADY_LOGGED_IN ? CKR_OK : rv;
}

void p11_start(struct p11 *p)
{
        CK_RV rv;

        p11_load(p);
        rv = p11_init(p);
        if (rv == CKR_OK)
                rv = p11_open(p);
        if (rv != CKR_OK) {
                fprintf(stderr, "the token cannot be used: 0x%lx\n", rv);
                exit(2);
        }
}

CK_RV p11_generate(const struct p11 *p, const char *label, CK_OBJECT_HANDLE *ret_pub, CK_OBJECT_HANDLE *ret_priv)
{
        CK_MECHANISM m = { CKM_EC_KEY_PAIR_GEN, NULL, 0 };
        CK_BBOOL yes = CK_TRUE;
        CK_ATTRIBUTE pub[] = {
                { CKA_TOKEN, &yes, sizeof(yes) },
                { CKA_VERIFY, &yes, sizeof(yes) },
                { CKA_EC_PARAMS, (void *)p256, sizeof(p256) },
                { CKA_LABEL, (void *)label, strlen(label) },
                { CKA_ID, (void *)label, strlen(label) },
        };
        CK_ATTRIBUTE priv[] = {
                { CKA_TOKEN, &yes, sizeof(yes) },
                { CKA_PRIVATE, &yes, sizeof(yes) },
                { CKA_SENSITIVE, &yes, sizeof(yes) },
                { CKA_SIGN, &yes, sizeof(yes) },
                { CKA_DERIVE, &yes, sizeof(yes) },
                { CKA_LABEL, (void *)label, strlen(label) },
                { CKA_ID, (void *)label, strlen(label) },
        };

        return p->f->C_GenerateKeyPair(p->s, &m, pub, 5, priv, 7, ret_pub, ret_priv);
}

CK_RV p11_find(const struct p11 *p, CK_OBJECT_CLASS class, const char *label, CK_OBJECT_HANDLE *ret, size_t max, size_t *ret_n)
{
        CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) }, { CKA_LABEL, (void *)label, label ? strlen(label) : 0 } };
        CK_ULONG n = 0;
        CK_RV rv;

        *ret_n = 0;
        rv = p->f->C_FindObjectsInit(p->s, t, label ? 2 : 1);
        if (rv != CKR_OK)
                return rv;
        while (*ret_n < max && (rv = p->f->C_FindObjects(p->s, ret + *ret_n, max - *ret_n, &n)) == CKR_OK && n > 0)
                *ret_n += n;
        p->f->C_FindObjectsFinal(p->s);
        return rv;
}

CK_RV p11_label(const struct p11 *p, CK_OBJECT_HANDLE h, char *out, size_t size)
{
        CK_ATTRIBUTE a = { CKA_LABEL, out, size - 1 };
        CK_RV rv;

        rv = p->f->C_GetAttributeValue(p->s, h, &a, 1);
        out[rv == CKR_OK ? a.ulValueLen : 0] = '\0';
        return rv;
}

CK_RV p11_sign(const struct p11 *p, CK_OBJECT_HANDLE priv, unsigned char digest[32], unsigned char sig[64])
{
        CK_MECHANISM m = { CKM_ECDSA, NULL, 0 };
        CK_ULONG len = 64;
        CK_RV rv;

        if (RAND_bytes(digest, 32) != 1)
                return CKR_FUNCTION_FAILED;
        rv = p->f->C_SignInit(p->s, &m, priv);
        if (rv == CKR_OK)
                rv = p->f->C_Sign(p->s, digest, 32, sig, &len);
        return rv == CKR_OK && len != 64 ? CKR_GENERAL_ERROR : rv;
}

/* r || s as the DER that OpenSSL wants. */
static int sig_to_der(const unsigned char sig[64], unsigned char **ret)
{
        ECDSA_SIG *s = ECDSA_SIG_new();
        int len;

        ECDSA_SIG_set0(s, BN_bin2bn(sig, 32, NULL), BN_bin2bn(sig + 32, 32, NULL));
        *ret = NULL;
        len = i2d_ECDSA_SIG(s, ret);
        ECDSA_SIG_free(s);
        return len;
}

static EVP_PKEY *key_of_point(unsigned char point[65])
{
        OSSL_PARAM params[] = {
                OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char[]){ "prime256v1" }, 0),
                OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, 65),
                OSSL_PARAM_construct_end(),
        };
        EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
        EVP_PKEY *k = NULL;

        if (EVP_PKEY_fromdata_init(c) != 1 || EVP_PKEY_fromdata(c, &k, EVP_PKEY_PUBLIC_KEY, params) != 1)
                k = NULL;
        EVP_PKEY_CTX_free(c);
        return k;
}

bool p11_verify(const struct p11 *p, CK_OBJECT_HANDLE pub, const unsigned char digest[32], const unsigned char sig[64])
{
        unsigned char point[80], *der;
        CK_ATTRIBUTE a = { CKA_EC_POINT, point, sizeof(point) };
        EVP_PKEY_CTX *c;
        EVP_PKEY *k;
        int len, ok;

        if (p->f->C_GetAttributeValue(p->s, pub, &a, 1) != CKR_OK || a.ulValueLen != 67)
                return false;
        k = key_of_point(point + 2);
        if (!k)
                return false;
        len = sig_to_der(sig, &der);
        c = EVP_PKEY_CTX_new(k, NULL);
        ok = EVP_PKEY_verify_init(c) == 1 && EVP_PKEY_verify(c, der, (size_t)len, digest, 32) == 1;
        EVP_PKEY_CTX_free(c);
        EVP_PKEY_free(k);
        OPENSSL_free(der);
        return ok;
}

bool p11_works(const struct p11 *p, CK_OBJECT_HANDLE pub, CK_OBJECT_HANDLE priv)
{
        unsigned char digest[32], sig[64];

        return p11_sign(p, priv, digest, sig) == CKR_OK && p11_verify(p, pub, digest, sig);
}
