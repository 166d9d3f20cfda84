/* SPDX-License-Identifier: BSD-2-Clause */
/* The attestation key is the same one for who knows its authorisation value, and nobody's else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "lib/err.h"
#include "lib/tpmt.h"
#include "tests/tpmfix.h"
#include "tpm/audit.h"

#define AT 0x81010b01u
#define EMPTY BYTES(NULL, 0)

static int start(void **state)
{
        *state = malloc(sizeof(struct tpmfix));
        tpmfix_start(*state);
        return 0;
}

static int stop(void **state)
{
        tpmfix_stop(*state);
        free(*state);
        return 0;
}

static void is_what_a_verifier_wants(void **state)
{
        struct tpmfix *f = *state;
        CLEANUP(tpm_ak_clear) struct tpm_ak ak = { 0 };
        CLEANUP(buf_clear) struct buf name = { 0 };
        TPM2B_PUBLIC pub;
        TPMT_PUBLIC *p = &pub.publicArea;

        assert_int_equal(tpm_ak_make(f->t, AT, EMPTY, BYTES_STR("auth"), &ak), 0);
        assert_int_equal(ak.handle, AT);
        assert_int_equal(tpmt_public_decode(BYTES_OF(&ak.pub), &pub), 0);
        assert_int_equal(p->objectAttributes, TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN |
                                                      TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_NODA | TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_SIGN_ENCRYPT);
        assert_int_equal(p->parameters.eccDetail.scheme.scheme, TPM2_ALG_ECDSA);
        assert_int_equal(p->parameters.eccDetail.curveID, TPM2_ECC_NIST_P256);
        assert_int_equal(p->authPolicy.size, 0);
        assert_int_equal(tpmt_name(&pub, &name), 0);
        assert_true(bytes_equal(BYTES_OF(&name), BYTES_OF(&ak.name)));
        /* Its value was seen by nobody. */
        assert_false(proxy_saw(&f->proxy, "auth", 4));
}

static void comes_back_with_its_value_and_not_without(void **state)
{
        struct tpmfix *f = *state;
        CLEANUP(tpm_ak_clear) struct tpm_ak ak = { 0 };
        CLEANUP(tpm_ak_clear) struct tpm_ak again = { 0 };
        CLEANUP(tpm_ak_clear) struct tpm_ak other = { 0 };

        assert_int_equal(tpm_ak_make(f->t, AT, EMPTY, BYTES_STR("auth"), &ak), 0);
        /* There already. */
        assert_int_equal(tpm_ak_make(f->t, AT, EMPTY, BYTES_STR("auth"), &again), 0);
        assert_int_equal(again.handle, ak.handle);
        assert_int_equal(tpm_ak_check(f->t, &ak), 0);

        assert_int_equal(tpm_ak_remove(f->t, &ak, EMPTY), 0);
        assert_int_equal(tpm_ak_check(f->t, &ak), ERR_FOREIGN);
        assert_int_equal(tpm_ak_remove(f->t, &ak, EMPTY), ERR_FOREIGN);
        assert_int_equal(tpm_ak_make(f->t, AT, EMPTY, BYTES_STR("auth"), &again), 0);
        assert_true(bytes_equal(BYTES_OF(&again.name), BYTES_OF(&ak.name)));

        assert_int_equal(tpm_ak_make(f->t, AT, EMPTY, BYTES_STR("other"), &other), 0);
        assert_int_equal(other.handle, AT + 1);
        assert_false(bytes_equal(BYTES_OF(&other.name), BYTES_OF(&ak.name)));
        other.handle = AT;
        assert_int_equal(tpm_ak_check(f->t, &other), ERR_FOREIGN);
}

static void fits_in_beside_loaded_keys(void **state)
{
        struct tpmfix *f = *state;
        CLEANUP(tpm_ak_clear) struct tpm_ak ak = { 0 };
        struct tpmkey k[4];
        unsigned objects;

        for (size_t i = 0; i < ARRAY_LEN(k); i++) {
                tpmkey_make(f->t, "P-256", ALG_SIGN, "", false, &k[i]);
                assert_int_equal(tpmkey_sign(f->t, &k[i]), 0);
        }
        objects = tpmfix_objects(f);
        assert_int_equal(tpm_ak_make(f->t, AT + 8, EMPTY, BYTES_STR("third"), &ak), 0);
        assert_true(tpmfix_objects(f) <= objects);
        for (size_t i = 0; i < ARRAY_LEN(k); i++) {
                assert_int_equal(tpmkey_sign(f->t, &k[i]), 0);
                tpmkey_clear(&k[i]);
        }
}

static void wants_the_owner(void **state)
{
        struct tpmfix *f = *state;
        CLEANUP(tpm_ak_clear) struct tpm_ak ak = { 0 };

        assert_int_equal(tpm_owner_auth_set(f->t, EMPTY, BYTES_STR("owner")), 0);
        assert_int_equal(tpm_ak_make(f->t, AT + 16, BYTES_STR("wrong"), BYTES_STR("fourth"), &ak), ERR_AUTH);
        assert_int_equal(ak.pub.len, 0);
        assert_int_equal(tpm_ak_make(f->t, AT + 16, BYTES_STR("owner"), BYTES_STR("fourth"), &ak), 0);
        assert_int_equal(tpm_owner_auth_set(f->t, BYTES_STR("owner"), EMPTY), 0);
        assert_int_equal(tpm_ak_make(f->t, 0x81800000u, EMPTY, EMPTY, &ak), ERR_INVAL);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(is_what_a_verifier_wants),
                cmocka_unit_test(comes_back_with_its_value_and_not_without),
                cmocka_unit_test(fits_in_beside_loaded_keys),
                cmocka_unit_test(wants_the_owner),
        };

        return cmocka_run_group_tests(tests, start, stop);
}
