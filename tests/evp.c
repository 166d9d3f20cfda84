/* SPDX-License-Identifier: BSD-2-Clause */
/* Our parameters in OpenSSL's words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <openssl/ec.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include "lib/err.h"
#include "tests/evp.h"

EVP_PKEY *evp_key(const char *kind, struct pubkey *ret)
{
        CLEANUP(buf_clear) struct buf spki = { 0 };
        EVP_PKEY *k;

        k = strncmp(kind, "RSA-", 4) == 0 ? EVP_RSA_gen((unsigned)atoi(kind + 4)) : EVP_EC_gen(kind);
        assert_non_null(k);
        evp_spki(k, &spki);
        assert_int_equal(pubkey_from_spki(BYTES_OF(&spki), ret), 0);
        return k;
}

void evp_spki(EVP_PKEY *k, struct buf *ret)
{
        uint8_t *der = NULL;
        int n = i2d_PUBKEY(k, &der);

        assert_true(n > 0);
        assert_int_equal(buf_set(ret, BYTES(der, (size_t)n)), 0);
        OPENSSL_free(der);
}

static const EVP_MD *md(const struct hash *h)
{
        return EVP_get_digestbyname(h->name);
}

static void set_params(EVP_PKEY_CTX *ctx, const struct pk_params *p, bool encrypts)
{
        static const int paddings[] = {
                [SCHEME_RSA_PKCS1] = RSA_PKCS1_PADDING, [SCHEME_RSA_PSS] = RSA_PKCS1_PSS_PADDING,
                [SCHEME_RSA_OAEP] = RSA_PKCS1_OAEP_PADDING, [SCHEME_RSA_RAW] = RSA_NO_PADDING,
        };

        if (p->scheme == SCHEME_ECDSA)
                return;
        assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, paddings[p->scheme]), 1);
        if (p->scheme == SCHEME_RSA_PSS) {
                assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, (int)p->salt_len), 1);
                assert_int_equal(EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, md(p->mgf_hash)), 1);
        }
        if (p->scheme == SCHEME_RSA_OAEP) {
                void *label = OPENSSL_memdup(p->label.ptr, p->label.len);

                assert_int_equal(EVP_PKEY_CTX_set_rsa_oaep_md(ctx, md(p->hash)), 1);
                assert_int_equal(EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, md(p->mgf_hash)), 1);
                if (p->label.len > 0)
                        assert_int_equal(EVP_PKEY_CTX_set0_rsa_oaep_label(ctx, label, (int)p->label.len), 1);
        } else if (p->hash && !encrypts) {
                assert_int_equal(EVP_PKEY_CTX_set_signature_md(ctx, md(p->hash)), 1);
        }
}

static void run(EVP_PKEY *k, const struct pk_params *p, bool encrypts, int (*init)(EVP_PKEY_CTX *),
                int (*op)(EVP_PKEY_CTX *, unsigned char *, size_t *, const unsigned char *, size_t), struct bytes in, struct buf *ret)
{
        EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(k, NULL);

        assert_int_equal(init(ctx), 1);
        set_params(ctx, p, encrypts);
        assert_int_equal(buf_reserve(ret, 1024), 0);
        ret->len = 1024;
        assert_int_equal(op(ctx, ret->ptr, &ret->len, in.ptr ? in.ptr : (const uint8_t *)"", in.len), 1);
        EVP_PKEY_CTX_free(ctx);
}

void evp_rsa_private(EVP_PKEY *k, struct bytes in, struct buf *ret)
{
        static const struct pk_params raw = { .scheme = SCHEME_RSA_RAW };

        evp_decrypt(k, &raw, in, ret);
}

void evp_sign(EVP_PKEY *k, const struct pk_params *p, struct bytes digest, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf sig = { 0 };

        run(k, p, false, EVP_PKEY_sign_init, EVP_PKEY_sign, digest, &sig);
        if (p->scheme == SCHEME_ECDSA)
                assert_int_equal(ecdsa_sig_from_der(BYTES_OF(&sig), (size_t)(EVP_PKEY_get_bits(k) + 7) / 8, ret), 0);
        else
                buf_take(&sig, ret);
}

bool evp_verify(EVP_PKEY *k, const struct pk_params *p, struct bytes digest, struct bytes sig)
{
        EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(k, NULL);
        int ok;

        assert_int_equal(EVP_PKEY_verify_init(ctx), 1);
        set_params(ctx, p, false);
        ok = EVP_PKEY_verify(ctx, sig.ptr, sig.len, digest.ptr, digest.len);
        EVP_PKEY_CTX_free(ctx);
        return ok == 1;
}

void evp_encrypt(EVP_PKEY *k, const struct pk_params *p, struct bytes in, struct buf *ret)
{
        run(k, p, true, EVP_PKEY_encrypt_init, EVP_PKEY_encrypt, in, ret);
}

void evp_decrypt(EVP_PKEY *k, const struct pk_params *p, struct bytes in, struct buf *ret)
{
        run(k, p, true, EVP_PKEY_decrypt_init, EVP_PKEY_decrypt, in, ret);
}

EVP_PKEY *evp_ed25519(uint8_t ret_key[32])
{
        EVP_PKEY *k = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
        size_t n = 32;

        assert_non_null(k);
        assert_int_equal(EVP_PKEY_get_raw_public_key(k, ret_key, &n), 1);
        return k;
}

void evp_ed25519_sign(EVP_PKEY *k, struct bytes text, uint8_t ret_signature[64])
{
        EVP_MD_CTX *ctx = EVP_MD_CTX_new();
        size_t n = 64;

        assert_int_equal(EVP_DigestSignInit(ctx, NULL, NULL, NULL, k), 1);
        assert_int_equal(EVP_DigestSign(ctx, ret_signature, &n, text.ptr, text.len), 1);
        EVP_MD_CTX_free(ctx);
}

int evp_ed25519_verify(const uint8_t key[32], struct bytes text, struct bytes signature)
{
        EVP_PKEY *k = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key, 32);
        EVP_MD_CTX *ctx = EVP_MD_CTX_new();
        bool good = EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, k) == 1 && EVP_DigestVerify(ctx, signature.ptr, signature.len, text.ptr, text.len) == 1;

        EVP_MD_CTX_free(ctx);
        EVP_PKEY_free(k);
        return good ? 0 : err(ERR_AUTH, "the signature is wrong");
}
