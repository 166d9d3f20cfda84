/* SPDX-License-Identifier: BSD-2-Clause */
/* C_GenerateKeyPair, C_GenerateKey, C_GenerateRandom: honest attributes, refusals that leave nothing behind. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>
#include "lib/alg.h"
#include "tests/token.h"

static struct token token;
static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

static CK_ULONG objects(void)
{
        CK_OBJECT_HANDLE h[64];
        CK_ULONG n;

        assert_int_equal(token.f->C_FindObjectsInit(token.s, (CK_ATTRIBUTE[]){ { CKA_TOKEN, &yes, sizeof(yes) } }, 1), CKR_OK);
        assert_int_equal(token.f->C_FindObjects(token.s, h, 64, &n), CKR_OK);
        assert_int_equal(token.f->C_FindObjectsFinal(token.s), CKR_OK);
        return n;
}

static CK_BBOOL flag(CK_OBJECT_HANDLE h, CK_ATTRIBUTE_TYPE type)
{
        CK_BBOOL v = 7;
        CK_ATTRIBUTE a = { type, &v, sizeof(v) };

        assert_int_equal(token.f->C_GetAttributeValue(token.s, h, &a, 1), CKR_OK);
        return v;
}

static void a_pair_tells_the_truth_about_itself(void **state)
{
        CK_OBJECT_HANDLE pub, priv;
        CK_BYTE id_pub[64], id_priv[64];
        CK_ATTRIBUTE a = { CKA_ID, id_pub, sizeof(id_pub) }, b = { CKA_ID, id_priv, sizeof(id_priv) };

        (void)state;
        token_ec_pair(&token, "P-256", &pub, &priv);
        assert_int_equal(flag(priv, CKA_SENSITIVE), CK_TRUE);
        assert_int_equal(flag(priv, CKA_ALWAYS_SENSITIVE), CK_TRUE);
        assert_int_equal(flag(priv, CKA_NEVER_EXTRACTABLE), CK_TRUE);
        assert_int_equal(flag(priv, CKA_EXTRACTABLE), CK_FALSE);
        assert_int_equal(flag(priv, CKA_LOCAL), CK_TRUE);
        assert_int_equal(token.f->C_GetAttributeValue(token.s, pub, &a, 1), CKR_OK);
        assert_int_equal(token.f->C_GetAttributeValue(token.s, priv, &b, 1), CKR_OK);
        assert_int_equal(a.ulValueLen, 20);
        assert_int_equal(b.ulValueLen, 20);
        assert_memory_equal(id_pub, id_priv, 20);
}

static void a_new_session_sees_the_pair(void **state)
{
        CK_OBJECT_HANDLE pub, priv;
        CK_ULONG before = objects();

        token_ec_pair(&token, "P-384", &pub, &priv);
        assert_int_equal(token_session_end(state), 0);
        assert_int_equal(token_session(state), 0);
        assert_int_equal(objects(), before + 2);
}

static CK_RV generate(CK_MECHANISM_TYPE ckm, CK_ATTRIBUTE *pub, CK_ULONG n_pub, CK_ATTRIBUTE *priv, CK_ULONG n_priv)
{
        CK_MECHANISM m = { ckm, NULL, 0 };
        CK_OBJECT_HANDLE h_pub = 99, h_priv = 99;
        CK_RV rv = token.f->C_GenerateKeyPair(token.s, &m, pub, n_pub, priv, n_priv, &h_pub, &h_priv);

        if (rv != CKR_OK) {
                assert_int_equal(h_pub, 99);
                assert_int_equal(h_priv, 99);
        }
        return rv;
}

static void what_a_tpm_key_cannot_be_is_refused(void **state)
{
        struct bytes p256 = curve_by_name("P-256")->oid;
        static CK_BYTE brainpool[] = { 0x06, 0x09, 0x2b, 0x24, 0x03, 0x03, 0x02, 0x08, 0x01, 0x01, 0x07 };
        CK_ULONG bits = 1000, before = objects();
        CK_ATTRIBUTE ec[] = { { CKA_EC_PARAMS, (void *)p256.ptr, p256.len } };
        CK_ATTRIBUTE other_curve[] = { { CKA_EC_PARAMS, brainpool, sizeof(brainpool) } };
        CK_ATTRIBUTE rsa[] = { { CKA_MODULUS_BITS, &bits, sizeof(bits) } };
        CK_ATTRIBUTE not_sensitive[] = { { CKA_SENSITIVE, &no, sizeof(no) } };
        CK_ATTRIBUTE extractable[] = { { CKA_EXTRACTABLE, &yes, sizeof(yes) } };
        CK_RV rv;

        (void)state;
        assert_int_equal(generate(CKM_EC_KEY_PAIR_GEN, ec, 1, not_sensitive, 1), CKR_TEMPLATE_INCONSISTENT);
        assert_int_equal(generate(CKM_EC_KEY_PAIR_GEN, ec, 1, extractable, 1), CKR_TEMPLATE_INCONSISTENT);
        assert_int_equal(generate(CKM_EC_KEY_PAIR_GEN, NULL, 0, NULL, 0), CKR_TEMPLATE_INCOMPLETE);
        assert_int_not_equal(generate(CKM_EC_KEY_PAIR_GEN, other_curve, 1, NULL, 0), CKR_OK);
        rv = generate(CKM_RSA_PKCS_KEY_PAIR_GEN, rsa, 1, NULL, 0);
        assert_true(rv == CKR_KEY_SIZE_RANGE || rv == CKR_ATTRIBUTE_VALUE_INVALID);
        assert_int_equal(generate(CKM_ECDSA, ec, 1, NULL, 0), CKR_MECHANISM_INVALID);
        assert_int_equal(generate(CKM_GENERIC_SECRET_KEY_GEN, ec, 1, NULL, 0), CKR_MECHANISM_INVALID);
        assert_int_equal(objects(), before);
}

static void bad_arguments(void **state)
{
        CK_MECHANISM m = { CKM_EC_KEY_PAIR_GEN, NULL, 0 };
        struct bytes p256 = curve_by_name("P-256")->oid;
        CK_ATTRIBUTE ec[] = { { CKA_EC_PARAMS, (void *)p256.ptr, p256.len } };
        CK_OBJECT_HANDLE a, b;

        (void)state;
        assert_int_equal(token.f->C_GenerateKeyPair(token.s, NULL, ec, 1, NULL, 0, &a, &b), CKR_ARGUMENTS_BAD);
        assert_int_equal(token.f->C_GenerateKeyPair(token.s, &m, NULL, 1, NULL, 0, &a, &b), CKR_ARGUMENTS_BAD);
        assert_int_equal(token.f->C_GenerateKeyPair(token.s, &m, ec, 1, NULL, 1, &a, &b), CKR_ARGUMENTS_BAD);
        assert_int_equal(token.f->C_GenerateKeyPair(token.s, &m, ec, 1, NULL, 0, NULL, &b), CKR_ARGUMENTS_BAD);
        assert_int_equal(token.f->C_GenerateKeyPair(token.s, &m, ec, 1, NULL, 0, &a, NULL), CKR_ARGUMENTS_BAD);
        assert_int_equal(token.f->C_GenerateKey(token.s, NULL, NULL, 0, &a), CKR_ARGUMENTS_BAD);
        assert_int_equal(token.f->C_GenerateKey(token.s, &m, NULL, 0, NULL), CKR_ARGUMENTS_BAD);
        m.pParameter = ec;
        m.ulParameterLen = 1;
        assert_int_equal(token.f->C_GenerateKeyPair(token.s, &m, ec, 1, NULL, 0, &a, &b), CKR_MECHANISM_PARAM_INVALID);
}

static void a_read_only_session_makes_no_token_keys(void **state)
{
        CK_MECHANISM m = { CKM_EC_KEY_PAIR_GEN, NULL, 0 };
        struct bytes p256 = curve_by_name("P-256")->oid;
        CK_ATTRIBUTE pub[] = { { CKA_EC_PARAMS, (void *)p256.ptr, p256.len }, { CKA_TOKEN, &yes, sizeof(yes) } };
        CK_ATTRIBUTE priv[] = { { CKA_TOKEN, &yes, sizeof(yes) } };
        CK_OBJECT_HANDLE a, b;
        CK_SESSION_HANDLE ro;

        (void)state;
        assert_int_equal(token.f->C_OpenSession(token.slot, CKF_SERIAL_SESSION, NULL, NULL, &ro), CKR_OK);
        assert_int_equal(token.f->C_GenerateKeyPair(ro, &m, pub, 2, priv, 1, &a, &b), CKR_SESSION_READ_ONLY);
        assert_int_equal(token.f->C_CloseSession(ro), CKR_OK);
}

/* In a read-only session too: it changes nothing in the token. */
static void a_session_pair_signs_and_goes_with_its_session(void **state)
{
        CK_MECHANISM m = { CKM_EC_KEY_PAIR_GEN, NULL, 0 }, ecdsa = { CKM_ECDSA, NULL, 0 };
        struct bytes p256 = curve_by_name("P-256")->oid;
        CK_ATTRIBUTE pub[] = { { CKA_EC_PARAMS, (void *)p256.ptr, p256.len } };
        CK_ATTRIBUTE priv[] = { { CKA_SIGN, &yes, sizeof(yes) } };
        CK_OBJECT_HANDLE h_pub, h_priv;
        CK_ULONG before = objects(), n = 64;
        CK_BYTE digest[32] = { 4 }, sig[64];
        CK_SESSION_HANDLE ro;
        EVP_PKEY *key;

        (void)state;
        assert_int_equal(token.f->C_OpenSession(token.slot, CKF_SERIAL_SESSION, NULL, NULL, &ro), CKR_OK);
        assert_int_equal(token.f->C_GenerateKeyPair(ro, &m, pub, 1, priv, 1, &h_pub, &h_priv), CKR_OK);
        assert_int_equal(flag(h_priv, CKA_TOKEN), CK_FALSE);
        assert_int_equal(flag(h_priv, CKA_SENSITIVE), CK_TRUE);
        key = token_public(&token, h_pub);
        assert_int_equal(token.f->C_SignInit(ro, &ecdsa, h_priv), CKR_OK);
        assert_int_equal(token.f->C_Sign(ro, digest, 32, sig, &n), CKR_OK);
        assert_int_equal(token_verifies(key, &(struct token_check){ 0 }, digest, 32, sig, n), 1);
        EVP_PKEY_free(key);
        assert_int_equal(objects(), before);
        assert_int_equal(token.f->C_CloseSession(ro), CKR_OK);
        assert_int_equal(token.f->C_SignInit(token.s, &ecdsa, h_priv), CKR_KEY_HANDLE_INVALID);
}

static void random_octets_differ_in_any_session(void **state)
{
        CK_BYTE a[100] = { 0 }, b[100] = { 0 };
        CK_SESSION_HANDLE ro;

        (void)state;
        assert_int_equal(token.f->C_OpenSession(token.slot, CKF_SERIAL_SESSION, NULL, NULL, &ro), CKR_OK);
        assert_int_equal(token.f->C_GenerateRandom(ro, a, sizeof(a)), CKR_OK);
        assert_int_equal(token.f->C_GenerateRandom(ro, b, sizeof(b)), CKR_OK);
        assert_memory_not_equal(a, b, sizeof(a));
        assert_memory_not_equal(a + 68, b + 68, 32);
        assert_int_equal(token.f->C_GenerateRandom(ro, NULL, 0), CKR_OK);
        assert_int_equal(token.f->C_GenerateRandom(ro, NULL, 1), CKR_ARGUMENTS_BAD);
        assert_int_equal(token.f->C_GenerateRandom(ro, a, (CK_ULONG)-1), CKR_ARGUMENTS_BAD);
        assert_int_equal(token.f->C_SeedRandom(ro, a, sizeof(a)), CKR_RANDOM_SEED_NOT_SUPPORTED);
        assert_int_equal(token.f->C_CloseSession(ro), CKR_OK);
}

static int group_setup(void **state)
{
        *state = &token;
        return token_start(&token, NULL, 0);
}

static int group_teardown(void **state)
{
        (void)state;
        return token_stop(&token);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, token_session, token_session_end)
        const struct CMUnitTest tests[] = {
                TEST(a_pair_tells_the_truth_about_itself),
                TEST(a_new_session_sees_the_pair),
                TEST(what_a_tpm_key_cannot_be_is_refused),
                TEST(bad_arguments),
                TEST(a_read_only_session_makes_no_token_keys),
                TEST(a_session_pair_signs_and_goes_with_its_session),
                TEST(random_octets_differ_in_any_session),
        };

        return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
