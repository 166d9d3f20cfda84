/* SPDX-License-Identifier: BSD-2-Clause */
/* The endorsement key is the one that its maker's certificate is for, wherever that stands, and opens what was made for it and for our objects
 * alone. Keys are made a second time by raw commands, credentials without a TPM. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <tss2/tss2_tpm2_types.h>
#include "attest/ek.h"
#include "attest/makecred.h"
#include "lib/der.h"
#include "lib/err.h"
#include "lib/tpms.h"
#include "lib/tpmt.h"
#include "tests/ekfix.h"
#include "tests/tpmfix.h"
#include "tpm/audit.h"
#include "tpm/ek.h"

#define AK_AT 0x81010b01u
#define EK_AT 0x81010001u
#define AK_AUTH BYTES_STR("the attestation key's value")
#define NONCE 20                /* octets of a unique part that is not zeros */

static const uint8_t secret[32] = "a secret of thirty-two octets...";

/* Where the certificates of ekfix_templates[] stand. */
static const uint32_t indices[ARRAY_LEN(ekfix_templates)] = {
        TPM_NV_EK_RSA2048, TPM_NV_EK_P256, TPM_NV_EK_RSA2048_HIGH, TPM_NV_EK_P256_HIGH, TPM_NV_EK_P384_HIGH, TPM_NV_EK_RSA3072_HIGH,
};
enum { RSA_LOW, P256_LOW, RSA_HIGH };

struct activate {
        struct tpmfix f;
        struct tpm_ak ak;
        struct tpm_ek ek;
        struct buf chain, secret;
};

static int start(void **state)
{
        struct activate *s = calloc(1, sizeof(*s));

        tpmfix_start(&s->f);
        assert_int_equal(tpm_ak_make(s->f.t, AK_AT, BYTES(NULL, 0), AK_AUTH, &s->ak), 0);
        *state = s;
        return 0;
}

static int stop(void **state)
{
        struct activate *s = *state;

        tpm_ek_clear(&s->ek);
        tpm_ak_clear(&s->ak);
        buf_clear(&s->chain);
        buf_clear(&s->secret);
        tpmfix_stop(&s->f);
        free(s);
        return 0;
}

static int find(struct activate *s, uint32_t index)
{
        return tpm_ek_find(s->f.t, index, &s->ek, &s->chain);
}

static struct bytes area_of(const struct tpm_ek *ek)
{
        return BYTES(ek->pub.ptr + 2, ek->pub.len - 2);
}

/* As much of a certificate as is looked at here: a SEQUENCE that the key is in. */
static void put_certificate(struct activate *s, uint32_t index, struct bytes key)
{
        CLEANUP(buf_clear) struct buf der = { 0 };

        assert_int_equal(der_put(&der, DER_SEQUENCE, key), 0);
        assert_int_equal(tpm_nv_manufacture(s->f.t, index, BYTES_OF(&der)), 0);
}

/* The key that this template makes is certified at its index. */
static void certify_as(struct activate *s, struct bytes template, uint32_t index)
{
        CLEANUP(buf_clear) struct buf public = { 0 };

        ekfix_flush(&s->f.sw, ekfix_primary(&s->f.sw, template, &public));
        put_certificate(s, index, BYTES_OF(&public));
}

/* The low range's unique part is zeros as long as the key, the high range's is empty. */
static void put_template(size_t i, struct buf *ret)
{
        static const uint8_t zeros[256];
        const struct ekfix *t = &ekfix_templates[i];

        ekfix_template(t, ret);
        if (!t->low)
                return;
        ret->len -= t->ecc ? 4 : 2;
        for (int n = 0; n < (t->ecc ? 2 : 1); n++) {
                assert_int_equal(buf_append_u16(ret, t->ecc ? 32 : 256), 0);
                assert_int_equal(buf_append(ret, zeros, t->ecc ? 32 : 256), 0);
        }
}

static void certify(struct activate *s, size_t i)
{
        CLEANUP(buf_clear) struct buf template = { 0 };

        put_template(i, &template);
        certify_as(s, BYTES_OF(&template), indices[i]);
}

static int challenge(struct activate *s, uint32_t handle, struct bytes named, struct bytes name, struct bytes auth)
{
        CLEANUP(buf_clear) struct buf object = { 0 };
        CLEANUP(buf_clear) struct buf seed = { 0 };

        assert_int_equal(makecred(area_of(&s->ek), named, BYTES(secret, sizeof(secret)), &object, &seed), 0);
        buf_clear(&s->secret);
        return tpm_activate(s->f.t, &s->ek, handle, name, auth, BYTES_OF(&object), BYTES_OF(&seed), &s->secret);
}

static void require_activation(struct activate *s)
{
        const struct bytes ak = BYTES_OF(&s->ak.name), srk = BYTES_OF(&s->f.parent.name);

        assert_int_equal(challenge(s, AK_AT, ak, ak, AK_AUTH), 0);
        assert_true(bytes_equal(BYTES_OF(&s->secret), BYTES(secret, sizeof(secret))));
        assert_int_equal(challenge(s, s->f.parent.handle, srk, srk, BYTES(NULL, 0)), 0);
        assert_true(bytes_equal(BYTES_OF(&s->secret), BYTES(secret, sizeof(secret))));
        /* For another object. */
        assert_int_equal(challenge(s, AK_AT, srk, ak, AK_AUTH), ERR_FOREIGN);
        assert_int_equal(challenge(s, s->f.parent.handle, ak, srk, BYTES(NULL, 0)), ERR_FOREIGN);
        assert_int_equal(s->secret.len, 0);
        assert_false(proxy_saw(&s->f.proxy, secret, sizeof(secret)));
        assert_false(proxy_saw(&s->f.proxy, AK_AUTH.ptr, AK_AUTH.len));
        assert_int_equal(tpmfix_objects(&s->f), 0);
        assert_int_equal(tpmfix_sessions(&s->f), 1);
        assert_int_equal(tpmfix_wrong_tries(&s->f), 0);
}

static void each_of_the_profile_opens_what_is_for_it(void **state)
{
        struct activate *s = *state;
        CLEANUP(buf_clear) struct buf name = { 0 };

        for (size_t i = 0; i < ARRAY_LEN(indices); i++) {
                assert_int_equal(find(s, indices[i]), ERR_NOENT);
                certify(s, i);
                assert_int_equal(find(s, indices[i]), 0);
                assert_int_equal(s->ek.index, indices[i]);
                assert_int_equal(s->ek.handle, 0);
                assert_int_equal(ek_check(area_of(&s->ek), &name, NULL), 0);
                assert_true(bytes_equal(BYTES_OF(&name), BYTES_OF(&s->ek.name)));
                require_activation(s);
        }
}

static void without_a_certificate_it_is_the_default(void **state)
{
        struct activate *s = *state;
        CLEANUP(buf_clear) struct buf name = { 0 };

        assert_int_equal(find(s, 0), 0);
        assert_int_equal(tpm_ek_name(s->f.t, &name), 0);
        assert_true(bytes_equal(BYTES_OF(&name), BYTES_OF(&s->ek.name)));
        assert_int_equal(s->ek.index, 0);
        assert_int_equal(s->ek.certificate.len + s->chain.len, 0);
        require_activation(s);
}

static void a_curve_goes_before_rsa(void **state)
{
        struct activate *s = *state;

        certify(s, RSA_LOW);
        assert_int_equal(find(s, 0), 0);
        assert_int_equal(s->ek.index, TPM_NV_EK_RSA2048);
        certify(s, P256_LOW);
        assert_int_equal(find(s, 0), 0);
        assert_int_equal(s->ek.index, TPM_NV_EK_P256);
}

static void a_certificate_for_another_key_is_passed_over(void **state)
{
        struct activate *s = *state;

        put_certificate(s, TPM_NV_EK_P256, BYTES_STR("of a key that is somewhere else"));
        assert_int_equal(find(s, TPM_NV_EK_P256), ERR_FOREIGN);
        assert_int_equal(find(s, 0), 0);
        assert_int_equal(s->ek.index, 0);
        certify(s, RSA_HIGH);
        assert_int_equal(find(s, 0), 0);
        assert_int_equal(s->ek.index, TPM_NV_EK_RSA2048_HIGH);
        require_activation(s);
}

/* At the end of the template, size and content: x and y of 32 octets, or 256. */
static void set_unique(struct buf *template, bool ecc)
{
        memset(template->ptr + template->len - (ecc ? 32 + 2 + 32 : 256), 0xa5, NONCE);
}

static void a_nonce_beside_it_goes_into_the_template(void **state)
{
        struct activate *s = *state;
        uint8_t nonce[NONCE];

        memset(nonce, 0xa5, sizeof(nonce));
        for (size_t i = RSA_LOW; i <= P256_LOW; i++) {
                CLEANUP(buf_clear) struct buf template = { 0 };

                put_template(i, &template);
                set_unique(&template, i == P256_LOW);
                certify_as(s, BYTES_OF(&template), indices[i]);
                assert_int_equal(find(s, indices[i]), ERR_FOREIGN);
                assert_int_equal(tpm_nv_manufacture(s->f.t, indices[i] + 1, BYTES(nonce, sizeof(nonce))), 0);
                assert_int_equal(find(s, indices[i]), 0);
                require_activation(s);
        }
}

static void a_template_beside_it_is_taken(void **state)
{
        struct activate *s = *state;
        CLEANUP(buf_clear) struct buf template = { 0 };

        put_template(P256_LOW, &template);
        set_unique(&template, true);
        certify_as(s, BYTES_OF(&template), TPM_NV_EK_P256);
        assert_int_equal(tpm_nv_manufacture(s->f.t, TPM_NV_EK_P256 + 2, BYTES_OF(&template)), 0);
        assert_int_equal(find(s, TPM_NV_EK_P256), 0);
        require_activation(s);
        /* And what is none is not. */
        assert_int_equal(tpm_nv_manufacture(s->f.t, TPM_NV_EK_RSA2048 + 2, BYTES_STR("no template")), 0);
        certify(s, RSA_LOW);
        assert_int_equal(find(s, TPM_NV_EK_RSA2048), ERR_FORMAT);
}

static void one_that_is_kept_is_not_made_again(void **state)
{
        struct activate *s = *state;
        CLEANUP(buf_clear) struct buf template = { 0 };
        CLEANUP(buf_clear) struct buf public = { 0 };
        uint64_t before;

        put_template(RSA_LOW, &template);
        ekfix_keep(&s->f.sw, ekfix_primary(&s->f.sw, BYTES_OF(&template), &public), EK_AT);
        put_certificate(s, TPM_NV_EK_RSA2048, BYTES_OF(&public));

        assert_int_equal(find(s, 0), 0);
        assert_int_equal(s->ek.handle, EK_AT);
        require_activation(s);
        /* ReadPublic, StartAuthSession, PolicySecret, ActivateCredential. */
        before = tpm_commands(s->f.t);
        assert_int_equal(challenge(s, AK_AT, BYTES_OF(&s->ak.name), BYTES_OF(&s->ak.name), AK_AUTH), 0);
        assert_int_equal(tpm_commands(s->f.t), before + 4);
}

static void a_chain_is_read_from_all_its_indices(void **state)
{
        struct activate *s = *state;

        assert_int_equal(tpm_nv_manufacture(s->f.t, TPM_NV_EK_CHAIN_FIRST, BYTES_STR("one")), 0);
        assert_int_equal(tpm_nv_manufacture(s->f.t, TPM_NV_EK_CHAIN_FIRST + 1, BYTES_STR("two")), 0);
        assert_int_equal(tpm_nv_manufacture(s->f.t, TPM_NV_EK_CHAIN_LAST, BYTES_STR("three")), 0);
        assert_int_equal(tpm_nv_manufacture(s->f.t, TPM_NV_EK_CHAIN_LAST + 1, BYTES_STR("four")), 0);
        assert_int_equal(find(s, 0), 0);
        assert_int_equal(s->chain.len, 0);
        certify(s, P256_LOW);
        assert_int_equal(find(s, 0), 0);
        assert_true(bytes_equal(BYTES_OF(&s->chain), BYTES_STR("onetwothree")));
}

static void another_tpm_opens_nothing(void **state)
{
        struct activate *s = *state;
        struct tpmfix other;
        CLEANUP(tpm_ek_clear) struct tpm_ek ek = { 0 };
        CLEANUP(buf_clear) struct buf object = { 0 };
        CLEANUP(buf_clear) struct buf seed = { 0 };

        tpmfix_start(&other);
        assert_int_equal(tpm_ek_find(other.t, 0, &ek, &s->chain), 0);
        tpmfix_stop(&other);
        assert_int_equal(makecred(area_of(&ek), BYTES_OF(&s->ak.name), BYTES(secret, sizeof(secret)), &object, &seed), 0);
        assert_int_equal(find(s, 0), 0);
        assert_int_equal(tpm_activate(s->f.t, &s->ek, AK_AT, BYTES_OF(&s->ak.name), AK_AUTH, BYTES_OF(&object), BYTES_OF(&seed), &s->secret), ERR_FOREIGN);
        /* And this TPM makes no such endorsement key. */
        assert_int_equal(tpm_activate(s->f.t, &ek, AK_AT, BYTES_OF(&s->ak.name), AK_AUTH, BYTES_OF(&object), BYTES_OF(&seed), &s->secret), ERR_FOREIGN);
        assert_int_equal(s->secret.len, 0);
}

static void wrong_values_and_what_is_no_credential_are_refused(void **state)
{
        struct activate *s = *state;
        const struct bytes name = BYTES_OF(&s->ak.name);
        CLEANUP(buf_clear) struct buf object = { 0 };
        CLEANUP(buf_clear) struct buf seed = { 0 };

        assert_int_equal(find(s, 0), 0);
        assert_int_equal(challenge(s, AK_AT, name, name, BYTES_STR("another")), ERR_AUTH);
        assert_int_equal(challenge(s, AK_AT, name, name, BYTES(NULL, 0)), ERR_AUTH);
        assert_int_equal(makecred(area_of(&s->ek), name, BYTES(secret, sizeof(secret)), &object, &seed), 0);
        assert_int_equal(tpm_activate(s->f.t, &s->ek, AK_AT, name, AK_AUTH, BYTES(object.ptr, object.len - 1), BYTES_OF(&seed), &s->secret), ERR_FORMAT);
        assert_int_equal(tpm_activate(s->f.t, &s->ek, AK_AT, name, AK_AUTH, BYTES_OF(&object), BYTES(NULL, 0), &s->secret), ERR_FORMAT);
        object.ptr[object.len - 1] ^= 1;
        assert_int_equal(tpm_activate(s->f.t, &s->ek, AK_AT, name, AK_AUTH, BYTES_OF(&object), BYTES_OF(&seed), &s->secret), ERR_FOREIGN);
        object.ptr[object.len - 1] ^= 1;
        seed.ptr[seed.len - 1] ^= 1;
        assert_int_equal(tpm_activate(s->f.t, &s->ek, AK_AT, name, AK_AUTH, BYTES_OF(&object), BYTES_OF(&seed), &s->secret), ERR_FOREIGN);
        require_activation(s);
}

static void heals_and_fits_in_beside_loaded_keys(void **state)
{
        static const enum fault faults[] = { FAULT_CODE, FAULT_LOST, FAULT_RESET, FAULT_CLOSE };
        struct activate *s = *state;
        const struct bytes name = BYTES_OF(&s->ak.name);
        struct tpmkey keys[3];

        for (size_t i = 0; i < ARRAY_LEN(keys); i++)
                tpmkey_make(s->f.t, "P-256", ALG_SIGN, "value", false, &keys[i]);
        certify(s, 3);
        assert_int_equal(find(s, 0), 0);
        for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
                for (unsigned n = 1; n <= 6; n++) {
                        for (size_t k = 0; k < ARRAY_LEN(keys); k++)
                                assert_int_equal(tpmkey_sign(s->f.t, &keys[k]), 0);
                        proxy_arm(&s->f.proxy, n, faults[i], TPM2_RC_RETRY);
                        assert_int_equal(challenge(s, AK_AT, name, name, AK_AUTH), 0);
                        proxy_arm(&s->f.proxy, 0, FAULT_NONE, 0);
                        assert_true(bytes_equal(BYTES_OF(&s->secret), BYTES(secret, sizeof(secret))));
                }
        }
        for (size_t k = 0; k < ARRAY_LEN(keys); k++)
                tpmkey_clear(&keys[k]);
        tpmfix_reopen(&s->f);
        require_activation(s);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(each_of_the_profile_opens_what_is_for_it, start, stop),
                cmocka_unit_test_setup_teardown(without_a_certificate_it_is_the_default, start, stop),
                cmocka_unit_test_setup_teardown(a_curve_goes_before_rsa, start, stop),
                cmocka_unit_test_setup_teardown(a_certificate_for_another_key_is_passed_over, start, stop),
                cmocka_unit_test_setup_teardown(a_nonce_beside_it_goes_into_the_template, start, stop),
                cmocka_unit_test_setup_teardown(a_template_beside_it_is_taken, start, stop),
                cmocka_unit_test_setup_teardown(one_that_is_kept_is_not_made_again, start, stop),
                cmocka_unit_test_setup_teardown(a_chain_is_read_from_all_its_indices, start, stop),
                cmocka_unit_test_setup_teardown(another_tpm_opens_nothing, start, stop),
                cmocka_unit_test_setup_teardown(wrong_values_and_what_is_no_credential_are_refused, start, stop),
                cmocka_unit_test_setup_teardown(heals_and_fits_in_beside_loaded_keys, start, stop),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
