/* SPDX-License-Identifier: BSD-2-Clause */
/* Mechanisms carried through p11-kit's client arrive as they were, and what nobody packed is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "pkcs11/carry.h"

static void what_passes_goes_as_it_is(void **state)
{
        CLEANUP(carried_clear) struct carried c = { 0 };
        CK_MECHANISM m = { CKM_ECDSA, NULL, 0 }, *sent;
        const CK_MECHANISM *got;

        (void)state;
        assert_int_equal(carry_pack(&m, &c, &sent), CKR_OK);
        assert_int_equal(sent->mechanism, CKM_ECDSA);
        assert_int_equal(carry_unpack(sent, &(struct carried){ 0 }, &got), CKR_OK);
        assert_ptr_equal(got, sent);
}

static void a_hash_arrives(void **state)
{
        CLEANUP(carried_clear) struct carried c = { 0 };
        CK_MECHANISM m = { CKM_ECDSA_SHA384, NULL, 0 }, *sent;
        struct carried there = { 0 };
        const CK_MECHANISM *got;

        (void)state;
        assert_int_equal(carry_pack(&m, &c, &sent), CKR_OK);
        assert_int_equal(sent->mechanism, CKM_RSA_PKCS_OAEP);
        assert_int_equal(carry_unpack(sent, &there, &got), CKR_OK);
        assert_int_equal(got->mechanism, CKM_ECDSA_SHA384);
        assert_int_equal(got->ulParameterLen, 0);
}

static void pss_parameters_arrive(void **state)
{
        CLEANUP(carried_clear) struct carried c = { 0 };
        CK_RSA_PKCS_PSS_PARAMS p = { CKM_SHA256, CKG_MGF1_SHA256, 20 };
        CK_MECHANISM m = { CKM_SHA256_RSA_PKCS_PSS, &p, sizeof(p) }, *sent;
        struct carried there = { 0 };
        const CK_MECHANISM *got;

        (void)state;
        assert_int_equal(carry_pack(&m, &c, &sent), CKR_OK);
        assert_int_equal(carry_unpack(sent, &there, &got), CKR_OK);
        assert_int_equal(got->mechanism, CKM_SHA256_RSA_PKCS_PSS);
        assert_int_equal(got->ulParameterLen, sizeof(p));
        assert_memory_equal(got->pParameter, &p, sizeof(p));
        m.ulParameterLen--;
        assert_int_equal(carry_pack(&m, &(struct carried){ 0 }, &sent), CKR_MECHANISM_PARAM_INVALID);
}

static void ecdh_parameters_arrive(void **state)
{
        CLEANUP(carried_clear) struct carried c = { 0 };
        CK_ECDH1_DERIVE_PARAMS p = { CKD_SHA256_KDF, 3, (CK_BYTE *)"abc", 5, (CK_BYTE *)"point" };
        CK_MECHANISM m = { CKM_ECDH1_DERIVE, &p, sizeof(p) }, *sent;
        struct carried there = { 0 };
        const CK_ECDH1_DERIVE_PARAMS *q;
        const CK_MECHANISM *got;

        (void)state;
        assert_int_equal(carry_pack(&m, &c, &sent), CKR_OK);
        assert_int_equal(carry_unpack(sent, &there, &got), CKR_OK);
        q = got->pParameter;
        assert_int_equal(q->kdf, CKD_SHA256_KDF);
        assert_int_equal(q->ulSharedDataLen, 3);
        assert_memory_equal(q->pSharedData, "abc", 3);
        assert_int_equal(q->ulPublicDataLen, 5);
        assert_memory_equal(q->pPublicData, "point", 5);
}

static void none_arrives_as_none(void **state)
{
        CLEANUP(carried_clear) struct carried c = { 0 };
        struct carried there = { 0 };
        const CK_MECHANISM *got;
        CK_MECHANISM *sent;

        (void)state;
        assert_int_equal(carry_pack(NULL, &c, &sent), CKR_OK);
        assert_non_null(sent);
        assert_int_equal(carry_unpack(sent, &there, &got), CKR_OK);
        assert_null(got);
}

static CK_RV unpacked(CK_MECHANISM_TYPE type, const char *octets, CK_ULONG len)
{
        CK_RSA_PKCS_OAEP_PARAMS p = { type, CKG_HF_CARRIED, CKZ_DATA_SPECIFIED, (void *)(uintptr_t)octets, len };
        CK_MECHANISM m = { CKM_RSA_PKCS_OAEP, &p, sizeof(p) };
        struct carried there = { 0 };
        const CK_MECHANISM *got;

        return carry_unpack(&m, &there, &got);
}

static void what_nobody_packed_is_refused(void **state)
{
        (void)state;
        assert_int_equal(unpacked(CKM_ECDSA_SHA256, NULL, 0), CKR_OK);
        assert_int_equal(unpacked(CKM_ECDSA_SHA256, "x", 1), CKR_MECHANISM_PARAM_INVALID);
        assert_int_equal(unpacked(CKM_ECDSA_SHA256, NULL, 1), CKR_MECHANISM_PARAM_INVALID);
        assert_int_equal(unpacked(CKM_HF_NONE, "x", 1), CKR_MECHANISM_PARAM_INVALID);
        assert_int_equal(unpacked(CKM_RSA_PKCS_OAEP, NULL, 0), CKR_MECHANISM_PARAM_INVALID);
        assert_int_equal(unpacked(CKM_AES_CBC, NULL, 0), CKR_MECHANISM_PARAM_INVALID);
        assert_int_equal(unpacked(CKM_SHA256_RSA_PKCS_PSS, "elevenoctet", 11), CKR_MECHANISM_PARAM_INVALID);
        assert_int_equal(unpacked(CKM_ECDH1_DERIVE, "\0\0\0\1\0\0\0\2a", 9), CKR_MECHANISM_PARAM_INVALID);
        assert_int_equal(unpacked(CKM_ECDH1_DERIVE, "\0\0\0\1\0\0\0", 7), CKR_MECHANISM_PARAM_INVALID);
        assert_int_equal(unpacked(CKM_ECDH1_DERIVE, "\0\0\0\1\0\0\0\1a", 9), CKR_OK);
        assert_int_equal(unpacked(CKM_ECDH1_DERIVE, "\0\0\0\1\377\377\377\377a", 9), CKR_MECHANISM_PARAM_INVALID);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_passes_goes_as_it_is), cmocka_unit_test(a_hash_arrives), cmocka_unit_test(pss_parameters_arrive),
                cmocka_unit_test(ecdh_parameters_arrive), cmocka_unit_test(none_arrives_as_none), cmocka_unit_test(what_nobody_packed_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
