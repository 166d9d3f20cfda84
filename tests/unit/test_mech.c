/* SPDX-License-Identifier: BSD-2-Clause */
/* The mechanism list is honest: what it offers works, what it does not offer is refused. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include "lib/alg.h"
#include "tests/token.h"

static struct token token;
static CK_OBJECT_HANDLE ec_pub, ec_priv, rsa_pub, rsa_priv, hmac_key;
static CK_MECHANISM_TYPE list[64];
static CK_ULONG n_list = 64;

static CK_RSA_PKCS_PSS_PARAMS pss;
static CK_RSA_PKCS_OAEP_PARAMS oaep = { CKM_SHA256, CKG_MGF1_SHA256, CKZ_DATA_SPECIFIED, NULL, 0 };

/* A mechanism with parameters that suit it. */
static CK_MECHANISM usual(CK_MECHANISM_TYPE ckm)
{
        const struct alg *a = alg_by_ckm(ckm);

        if (a != NULL && a->scheme == SCHEME_RSA_PSS) {
                const struct hash *h = a->hash != NULL ? a->hash : hash_by_ckm(CKM_SHA256);

                pss = (CK_RSA_PKCS_PSS_PARAMS){ h->ckm, h->ckg_mgf, h->size };
                return (CK_MECHANISM){ ckm, &pss, sizeof(pss) };
        }
        if (a != NULL && a->scheme == SCHEME_RSA_OAEP)
                return (CK_MECHANISM){ ckm, &oaep, sizeof(oaep) };
        return (CK_MECHANISM){ ckm, NULL, 0 };
}

static void sign_and_verify(CK_MECHANISM_TYPE ckm)
{
        const struct alg *a = alg_by_ckm(ckm);
        CK_MECHANISM m = usual(ckm);
        CK_OBJECT_HANDLE priv = a->ckk == CKK_EC ? ec_priv : a->ckk == CKK_RSA ? rsa_priv : hmac_key;
        CK_OBJECT_HANDLE pub = a->ckk == CKK_EC ? ec_pub : a->ckk == CKK_RSA ? rsa_pub : hmac_key;
        CK_BYTE data[32] = { 1 }, sig[512];
        CK_ULONG n = sizeof(sig);

        assert_int_equal(token.f->C_SignInit(token.s, &m, priv), CKR_OK);
        assert_int_equal(token.f->C_Sign(token.s, data, sizeof(data), sig, &n), CKR_OK);
        assert_int_equal(token.f->C_VerifyInit(token.s, &m, pub), CKR_OK);
        assert_int_equal(token.f->C_Verify(token.s, data, sizeof(data), sig, n), CKR_OK);
}

static void encrypt_and_decrypt(CK_MECHANISM_TYPE ckm, CK_FLAGS flags)
{
        CK_MECHANISM m = usual(ckm);
        CK_BYTE data[32] = { 1 }, block[512], back[512];
        CK_ULONG n = sizeof(block), n_back = sizeof(back);

        assert_int_equal(token.f->C_EncryptInit(token.s, &m, rsa_pub), CKR_OK);
        assert_int_equal(token.f->C_Encrypt(token.s, data, sizeof(data), block, &n), CKR_OK);
        if (!(flags & CKF_DECRYPT))
                return;
        assert_int_equal(token.f->C_DecryptInit(token.s, &m, rsa_priv), CKR_OK);
        assert_int_equal(token.f->C_Decrypt(token.s, block, n, back, &n_back), CKR_OK);
        assert_memory_equal(back + n_back - sizeof(data), data, sizeof(data));
}

static void all_that_is_offered_works(void **state)
{
        CK_MECHANISM_INFO info;
        CK_ULONG i;

        (void)state;
        for (i = 0; i < n_list; i++) {
                CK_MECHANISM m = usual(list[i]);

                assert_int_equal(token.f->C_GetMechanismInfo(token.slot, list[i], &info), CKR_OK);
                if (info.flags & CKF_SIGN) {
                        assert_true(info.flags & CKF_VERIFY);
                        assert_true(info.flags & CKF_HW);
                        sign_and_verify(list[i]);
                }
                if (info.flags & CKF_ENCRYPT)
                        encrypt_and_decrypt(list[i], info.flags);
                if (info.flags & CKF_DIGEST) {
                        assert_int_equal(token.f->C_DigestInit(token.s, &m), CKR_OK);
                        assert_int_equal(token.f->C_DigestInit(token.s, NULL), CKR_OK);
                        assert_int_equal(info.flags, CKF_DIGEST);
                }
                assert_true(info.flags & (CKF_SIGN | CKF_ENCRYPT | CKF_DIGEST | CKF_DERIVE | CKF_GENERATE | CKF_GENERATE_KEY_PAIR));
        }
}

static int offered(CK_MECHANISM_TYPE ckm)
{
        CK_ULONG i, n = 0;

        for (i = 0; i < n_list; i++)
                n += list[i] == ckm;
        return (int)n;
}

static void the_list_has_what_programs_need_once(void **state)
{
        static const CK_MECHANISM_TYPE needed[] = {
                CKM_ECDSA, CKM_ECDSA_SHA256, CKM_ECDSA_SHA384, CKM_ECDSA_SHA512, CKM_RSA_PKCS, CKM_SHA256_RSA_PKCS, CKM_SHA384_RSA_PKCS,
                CKM_SHA512_RSA_PKCS, CKM_RSA_PKCS_PSS, CKM_SHA256_RSA_PKCS_PSS, CKM_SHA384_RSA_PKCS_PSS, CKM_SHA512_RSA_PKCS_PSS,
                CKM_RSA_PKCS_OAEP, CKM_ECDH1_DERIVE, CKM_EC_KEY_PAIR_GEN, CKM_RSA_PKCS_KEY_PAIR_GEN, CKM_GENERIC_SECRET_KEY_GEN,
                CKM_SHA256_HMAC, CKM_SHA_1, CKM_SHA256, CKM_SHA384, CKM_SHA512,
        };
        size_t i;

        (void)state;
        for (i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
                assert_int_equal(offered(needed[i]), 1);
        assert_int_equal(offered(CKM_AES_KEY_GEN), 0);
        assert_int_equal(offered(CKM_RSA_PKCS_TPM_1_1), 0);
}

static void infos_say_sizes_and_flags(void **state)
{
        CK_MECHANISM_INFO info;

        (void)state;
        assert_int_equal(token.f->C_GetMechanismInfo(token.slot, CKM_ECDSA, &info), CKR_OK);
        assert_int_equal(info.ulMinKeySize, 256);
        assert_in_range(info.ulMaxKeySize, 384, 521);
        assert_int_equal(info.flags, CKF_HW | CKF_SIGN | CKF_VERIFY | CKF_EC_F_P | CKF_EC_NAMEDCURVE | CKF_EC_UNCOMPRESS);
        assert_int_equal(token.f->C_GetMechanismInfo(token.slot, CKM_RSA_PKCS_KEY_PAIR_GEN, &info), CKR_OK);
        assert_int_equal(info.flags, CKF_HW | CKF_GENERATE_KEY_PAIR);
        assert_int_equal(info.ulMinKeySize, 2048);
        assert_in_range(info.ulMaxKeySize, 2048, 4096);
        assert_int_equal(token.f->C_GetMechanismInfo(token.slot, CKM_ECDH1_DERIVE, &info), CKR_OK);
        assert_true(info.flags & CKF_DERIVE);
        assert_int_equal(token.f->C_GetMechanismInfo(token.slot, CKM_AES_CBC, &info), CKR_MECHANISM_INVALID);
        assert_int_equal(token.f->C_GetMechanismInfo(token.slot, CKM_AES_CBC, NULL), CKR_ARGUMENTS_BAD);
}

static void what_is_not_offered_is_refused(void **state)
{
        CK_MECHANISM_TYPE ckm;

        (void)state;
        for (ckm = 0; ckm < 0x1100; ckm++) {
                CK_MECHANISM m = { ckm, NULL, 0 };
                CK_MECHANISM_INFO info;
                CK_OBJECT_HANDLE h;

                if (offered(ckm))
                        continue;
                assert_int_equal(token.f->C_GetMechanismInfo(token.slot, ckm, &info), CKR_MECHANISM_INVALID);
                assert_int_equal(token.f->C_SignInit(token.s, &m, rsa_priv), CKR_MECHANISM_INVALID);
                assert_int_equal(token.f->C_DecryptInit(token.s, &m, rsa_priv), CKR_MECHANISM_INVALID);
                assert_int_equal(token.f->C_DigestInit(token.s, &m), CKR_MECHANISM_INVALID);
                assert_int_equal(token.f->C_DeriveKey(token.s, &m, ec_priv, NULL, 0, &h), CKR_MECHANISM_INVALID);
                assert_int_equal(token.f->C_GenerateKey(token.s, &m, NULL, 0, &h), CKR_MECHANISM_INVALID);
        }
}

static void a_poorer_chip_offers_less(void **state)
{
        CK_MECHANISM m = { CKM_EC_KEY_PAIR_GEN, NULL, 0 }, raw = { CKM_RSA_X_509, NULL, 0 }, hmac = { CKM_GENERIC_SECRET_KEY_GEN, NULL, 0 };
        struct bytes p384 = curve_by_name("P-384")->oid;
        CK_ATTRIBUTE ec[] = { { CKA_EC_PARAMS, (void *)p384.ptr, p384.len } };
        CK_MECHANISM_INFO info;
        CK_OBJECT_HANDLE a, b;

        (void)state;
        assert_int_equal(offered(CKM_RSA_X_509), 0);
        assert_int_equal(offered(CKM_RSA_PKCS_PSS), 0);
        assert_int_equal(offered(CKM_SHA256_HMAC), 0);
        assert_int_equal(offered(CKM_GENERIC_SECRET_KEY_GEN), 0);
        assert_int_equal(offered(CKM_RSA_PKCS), 1);
        assert_int_equal(token.f->C_GetMechanismInfo(token.slot, CKM_EC_KEY_PAIR_GEN, &info), CKR_OK);
        assert_int_equal(info.ulMinKeySize, 256);
        assert_int_equal(info.ulMaxKeySize, 256);
        assert_int_equal(token.f->C_GenerateKeyPair(token.s, &m, ec, 1, NULL, 0, &a, &b), CKR_CURVE_NOT_SUPPORTED);
        assert_int_equal(token.f->C_GenerateKey(token.s, &hmac, NULL, 0, &a), CKR_MECHANISM_INVALID);
        token_rsa_pair(&token, 2048, &a, &b);
        assert_int_equal(token.f->C_SignInit(token.s, &raw, b), CKR_MECHANISM_INVALID);
}

/* Our TPM, had it told `init` that it can do less. */
static void forget_abilities(FILE *from, FILE *to)
{
        char line[2048];
        int changed = 0;

        while (fgets(line, sizeof(line), from) != NULL) {
                if (strcmp(line, "tpm-raw-rsa: yes\n") == 0) {
                        fputs("tpm-raw-rsa: no\n", to);
                        changed++;
                } else if (strncmp(line, "tpm-kinds: ", 11) == 0) {
                        fputs("tpm-kinds: P-256,RSA-2048\n", to);
                        changed++;
                } else {
                        fputs(line, to);
                }
        }
        assert_int_equal(changed, 2);
}

static int poorer_setup(void **state)
{
        char path[160], changed[160];
        CK_ULONG n = 1;
        FILE *from, *to;

        *state = &token;
        if (token_start(&token, NULL, 0) != 0 || token.f->C_Finalize(NULL) != CKR_OK)
                return -1;
        snprintf(path, sizeof(path), "%s/store/store", token.tpm.dir);
        snprintf(changed, sizeof(changed), "%s/changed", token.tpm.dir);
        from = fopen(path, "r");
        to = fopen(changed, "w");
        if (from == NULL || to == NULL)
                return -1;
        forget_abilities(from, to);
        fclose(from);
        fclose(to);
        if (rename(changed, path) != 0 || token.f->C_Initialize(NULL) != CKR_OK || token.f->C_GetSlotList(CK_TRUE, &token.slot, &n) != CKR_OK)
                return -1;
        n_list = 64;
        assert_int_equal(token.f->C_GetMechanismList(token.slot, list, &n_list), CKR_OK);
        return 0;
}

static int group_setup(void **state)
{
        CK_MECHANISM m = { CKM_GENERIC_SECRET_KEY_GEN, NULL, 0 };
        CK_BBOOL yes = CK_TRUE;
        CK_ATTRIBUTE t[] = { { CKA_TOKEN, &yes, sizeof(yes) }, { CKA_SIGN, &yes, sizeof(yes) }, { CKA_VERIFY, &yes, sizeof(yes) } };

        *state = &token;
        if (token_start(&token, NULL, 0) != 0 || token_session(state) != 0)
                return -1;
        token_ec_pair(&token, "P-256", &ec_pub, &ec_priv);
        token_rsa_pair(&token, 2048, &rsa_pub, &rsa_priv);
        assert_int_equal(token.f->C_GenerateKey(token.s, &m, t, 3, &hmac_key), CKR_OK);
        assert_int_equal(token.f->C_GetMechanismList(token.slot, list, &n_list), CKR_OK);
        return 0;
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
                TEST(all_that_is_offered_works),
                TEST(the_list_has_what_programs_need_once),
                TEST(infos_say_sizes_and_flags),
                TEST(what_is_not_offered_is_refused),
        };

        const struct CMUnitTest poorer[] = {
                TEST(a_poorer_chip_offers_less),
        };

        return cmocka_run_group_tests(tests, group_setup, group_teardown) + cmocka_run_group_tests(poorer, poorer_setup, group_teardown);
}
