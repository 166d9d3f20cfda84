/* SPDX-License-Identifier: BSD-2-Clause */
/* Sets a token up through the public interfaces below the module, and asks OpenSSL for second opinions. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <fcntl.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "keys/admin.h"
#include "lib/err.h"
#include "pkcs11/functions.h"
#include "tests/token.h"

static int failed(const char *what)
{
        fprintf(stderr, "token: %s: %s\n", what, err_text());
        return -1;
}

static int write_conf(const struct token *t, const char *text)
{
        char path[160];
        FILE *f;

        snprintf(path, sizeof(path), "%s/config", t->tpm.dir);
        mkdir(path, 0700);
        setenv("XDG_CONFIG_HOME", path, 1);
        if (text == NULL)
                return 0;
        snprintf(path, sizeof(path), "%s/config/holdfast", t->tpm.dir);
        mkdir(path, 0700);
        snprintf(path, sizeof(path), "%s/config/holdfast/holdfast.conf", t->tpm.dir);
        f = fopen(path, "w");
        if (f == NULL)
                return -1;
        fputs(text, f);
        fchmod(fileno(f), 0600);
        return fclose(f);
}

static int make_agent(struct keyring *k, int with_pin)
{
        CLEANUP(buf_clear) struct buf secret = { 0 };
        CLEANUP(attrs_clear) struct attrs attrs = { 0 };

        if (with_pin && pin_create(k, BYTES_STR(TOKEN_SO_PIN), false, &attrs, &secret) != 0)
                return failed("pin_create");
        if (keyring_agent_create(k, TOKEN_LABEL, "dana@example.com", &attrs) != 0)
                return failed("agent_create");
        if (with_pin && pin_set(k, TOKEN_LABEL, PIN_USER, BYTES_OF(&secret), BYTES_STR(TOKEN_PIN)) != 0)
                return failed("pin_set");
        return 0;
}

static int make_store(int with_pin)
{
        struct conf conf = { 0 };
        struct keyring *k;
        int r;

        if (conf_load(&conf) != 0)
                return failed("conf_load");
        if (admin_init(&conf, &(struct admin_init){ 0 }) != 0)
                return failed("admin_init");
        if (keyring_open(&conf, &k) != 0)
                return failed("keyring_open");
        r = make_agent(k, with_pin);
        keyring_close(k);
        conf_clear(&conf);
        return r;
}

int token_start(struct token *t, const char *conf, int with_pin)
{
        CK_INTERFACE *interface;
        char path[160];
        CK_SLOT_ID slots[2];
        CK_ULONG n = 2;

        memset(t, 0, sizeof(*t));
        if (swtpm_start(&t->tpm) != 0)
                return -1;
        snprintf(path, sizeof(path), "%s/store", t->tpm.dir);
        setenv("HOLDFAST_STORE", path, 1);
        setenv("HOLDFAST_TCTI", t->tpm.tcti, 1);
        if (write_conf(t, conf) != 0 || make_store(with_pin) != 0)
                return -1;
        if (C_GetInterface((CK_UTF8CHAR *)"PKCS 11", NULL, &interface, 0) != CKR_OK)
                return failed("C_GetInterface");
        t->f = interface->pFunctionList;
        /* A second one is the free slot, where the configuration asks for it. */
        if (t->f->C_Initialize(NULL) != CKR_OK || t->f->C_GetSlotList(CK_TRUE, slots, &n) != CKR_OK || n == 0)
                return failed("C_Initialize, C_GetSlotList");
        t->slot = slots[0];
        return 0;
}

int token_stop(struct token *t)
{
        if (t->f != NULL)
                t->f->C_Finalize(NULL);
        swtpm_stop(&t->tpm);
        return 0;
}

int token_session(void **state)
{
        struct token *t = *state;

        return t->f->C_OpenSession(t->slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &t->s) == CKR_OK ? 0 : -1;
}

int token_session_end(void **state)
{
        struct token *t = *state;

        return t->f->C_CloseSession(t->s) == CKR_OK ? 0 : -1;
}

void token_ec_pair(struct token *t, const char *curve, CK_OBJECT_HANDLE *ret_pub, CK_OBJECT_HANDLE *ret_priv)
{
        CK_MECHANISM m = { CKM_EC_KEY_PAIR_GEN, NULL, 0 };
        struct bytes oid = curve_by_name(curve)->oid;
        CK_BBOOL yes = CK_TRUE;
        CK_ATTRIBUTE pub[] = {
                { CKA_EC_PARAMS, (void *)oid.ptr, oid.len },
                { CKA_TOKEN, &yes, sizeof(yes) },
                { CKA_VERIFY, &yes, sizeof(yes) },
        };
        CK_ATTRIBUTE priv[] = {
                { CKA_TOKEN, &yes, sizeof(yes) },
                { CKA_SIGN, &yes, sizeof(yes) },
                { CKA_DERIVE, &yes, sizeof(yes) },
        };

        assert_int_equal(t->f->C_GenerateKeyPair(t->s, &m, pub, 3, priv, 3, ret_pub, ret_priv), CKR_OK);
}

void token_rsa_pair(struct token *t, CK_ULONG bits, CK_OBJECT_HANDLE *ret_pub, CK_OBJECT_HANDLE *ret_priv)
{
        CK_MECHANISM m = { CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0 };
        CK_BBOOL yes = CK_TRUE;
        CK_ATTRIBUTE pub[] = {
                { CKA_MODULUS_BITS, &bits, sizeof(bits) },
                { CKA_TOKEN, &yes, sizeof(yes) },
                { CKA_VERIFY, &yes, sizeof(yes) },
                { CKA_ENCRYPT, &yes, sizeof(yes) },
        };
        CK_ATTRIBUTE priv[] = {
                { CKA_TOKEN, &yes, sizeof(yes) },
                { CKA_SIGN, &yes, sizeof(yes) },
                { CKA_DECRYPT, &yes, sizeof(yes) },
        };

        assert_int_equal(t->f->C_GenerateKeyPair(t->s, &m, pub, 4, priv, 3, ret_pub, ret_priv), CKR_OK);
}

static EVP_PKEY *from_params(const char *type, OSSL_PARAM_BLD *b)
{
        OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(b);
        EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
        EVP_PKEY *key = NULL;

        assert_int_equal(EVP_PKEY_fromdata_init(ctx), 1);
        assert_int_equal(EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params), 1);
        EVP_PKEY_CTX_free(ctx);
        OSSL_PARAM_free(params);
        OSSL_PARAM_BLD_free(b);
        return key;
}

static EVP_PKEY *ec_public(struct token *t, CK_OBJECT_HANDLE pub)
{
        CK_BYTE oid[32], point[200];
        CK_ATTRIBUTE a[] = { { CKA_EC_PARAMS, oid, sizeof(oid) }, { CKA_EC_POINT, point, sizeof(point) } };
        OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
        const unsigned char *p = point;
        ASN1_OCTET_STRING *os;
        EVP_PKEY *key;

        assert_int_equal(t->f->C_GetAttributeValue(t->s, pub, a, 2), CKR_OK);
        os = d2i_ASN1_OCTET_STRING(NULL, &p, (long)a[1].ulValueLen);
        assert_non_null(os);
        assert_ptr_equal(p, point + a[1].ulValueLen);
        OSSL_PARAM_BLD_push_utf8_string(b, OSSL_PKEY_PARAM_GROUP_NAME, curve_by_oid(BYTES(oid, a[0].ulValueLen))->openssl, 0);
        OSSL_PARAM_BLD_push_octet_string(b, OSSL_PKEY_PARAM_PUB_KEY, ASN1_STRING_get0_data(os), (size_t)ASN1_STRING_length(os));
        key = from_params("EC", b);
        ASN1_OCTET_STRING_free(os);
        return key;
}

static EVP_PKEY *rsa_public(struct token *t, CK_OBJECT_HANDLE pub)
{
        CK_BYTE n[512], e[8];
        CK_ATTRIBUTE a[] = { { CKA_MODULUS, n, sizeof(n) }, { CKA_PUBLIC_EXPONENT, e, sizeof(e) } };
        OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
        BIGNUM *bn, *be;
        EVP_PKEY *key;

        assert_int_equal(t->f->C_GetAttributeValue(t->s, pub, a, 2), CKR_OK);
        bn = BN_bin2bn(n, (int)a[0].ulValueLen, NULL);
        be = BN_bin2bn(e, (int)a[1].ulValueLen, NULL);
        OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_N, bn);
        OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_E, be);
        key = from_params("RSA", b);
        BN_free(bn);
        BN_free(be);
        return key;
}

EVP_PKEY *token_public(struct token *t, CK_OBJECT_HANDLE pub)
{
        CK_KEY_TYPE type;
        CK_ATTRIBUTE a = { CKA_KEY_TYPE, &type, sizeof(type) };

        assert_int_equal(t->f->C_GetAttributeValue(t->s, pub, &a, 1), CKR_OK);
        return type == CKK_EC ? ec_public(t, pub) : rsa_public(t, pub);
}

static int ec_der(const CK_BYTE *sig, CK_ULONG len, unsigned char **ret)
{
        ECDSA_SIG *s = ECDSA_SIG_new();
        int half = (int)len / 2, n;

        ECDSA_SIG_set0(s, BN_bin2bn(sig, half, NULL), BN_bin2bn(sig + half, half, NULL));
        *ret = NULL;
        n = i2d_ECDSA_SIG(s, ret);
        ECDSA_SIG_free(s);
        return n;
}

int token_verifies(EVP_PKEY *key, const struct token_check *how, const void *digest, size_t len, const CK_BYTE *sig, CK_ULONG sig_len)
{
        EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
        unsigned char *der = NULL;
        int ok;

        assert_int_equal(EVP_PKEY_verify_init(ctx), 1);
        if (how->pad != 0)
                assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, how->pad), 1);
        if (how->md != NULL)
                assert_int_equal(EVP_PKEY_CTX_set_signature_md(ctx, EVP_get_digestbyname(how->md)), 1);
        if (how->pad == RSA_PKCS1_PSS_PADDING) {
                assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, how->salt), 1);
                if (how->mgf != NULL)
                        assert_int_equal(EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, EVP_get_digestbyname(how->mgf)), 1);
        }
        if (how->pad == 0) {
                int n = ec_der(sig, sig_len, &der);

                ok = EVP_PKEY_verify(ctx, der, (size_t)n, digest, len);
        } else {
                ok = EVP_PKEY_verify(ctx, sig, sig_len, digest, len);
        }
        OPENSSL_free(der);
        EVP_PKEY_CTX_free(ctx);
        return ok == 1;
}
