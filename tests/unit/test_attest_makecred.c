/* SPDX-License-Identifier: BSD-2-Clause */
/* A credential that is made without a TPM is opened by a TPM: by that one, for that object, as it was made. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "attest/ek.h"
#include "attest/makecred.h"
#include "attest/public.h"
#include "lib/err.h"
#include "lib/tpms.h"
#include "tests/ekfix.h"

#define RC_AUTH_UNAVAILABLE 0x12f
#define RC_INTEGRITY 0x1df      /* TPM_RC_INTEGRITY of the first parameter */

static const uint8_t secret[32] = "a secret of thirty-two octets...";

struct fixture {
        struct swtpm tpm;
        struct buf ak_public, ak_name;
        uint32_t ak;
};

static int setup(void **state)
{
        struct fixture *f = calloc(1, sizeof(*f));
        CLEANUP(buf_clear) struct buf template = { 0 };
        CLEANUP(public_clear) struct public p = { 0 };

        if (!f || swtpm_start(&f->tpm) != 0)
                return -1;
        ekfix_ak_template(&template);
        f->ak = ekfix_primary(&f->tpm, BYTES_OF(&template), &f->ak_public);
        if (public_decode(BYTES_OF(&f->ak_public), &p) != 0 || public_check_ak(&p) != 0)
                return -1;
        buf_take(&p.name, &f->ak_name);
        *state = f;
        return 0;
}

static int teardown(void **state)
{
        struct fixture *f = *state;

        swtpm_stop(&f->tpm);
        buf_clear(&f->ak_public);
        buf_clear(&f->ak_name);
        free(f);
        return 0;
}

static uint32_t activate(const struct fixture *f, const struct ekfix *t, uint32_t ek, const struct buf *object, const struct buf *seed, struct buf *ret)
{
        return ekfix_activate(&f->tpm, t, ek, f->ak, BYTES_OF(object), BYTES_OF(seed), ret);
}

static void activates_with(const struct fixture *f, const struct ekfix *t)
{
        CLEANUP(buf_clear) struct buf template = { 0 };
        CLEANUP(buf_clear) struct buf ek_public = { 0 };
        CLEANUP(buf_clear) struct buf object = { 0 };
        CLEANUP(buf_clear) struct buf seed = { 0 };
        CLEANUP(buf_clear) struct buf got = { 0 };
        uint32_t ek;

        ekfix_template(t, &template);
        ek = ekfix_primary(&f->tpm, BYTES_OF(&template), &ek_public);
        if (ek_check(BYTES_OF(&ek_public), NULL, NULL) != 0)
                fail_msg("%s: %s", t->name, err_text());

        assert_int_equal(makecred(BYTES_OF(&ek_public), BYTES_OF(&f->ak_name), BYTES(secret, sizeof(secret)), &object, &seed), 0);
        assert_int_equal(activate(f, t, ek, &object, &seed, &got), 0);
        assert_true(bytes_equal(BYTES_OF(&got), BYTES(secret, sizeof(secret))));

        /* A short one; and one that is made twice is not the same. */
        assert_int_equal(makecred(BYTES_OF(&ek_public), BYTES_OF(&f->ak_name), BYTES(secret, 1), &object, &seed), 0);
        assert_int_equal(activate(f, t, ek, &object, &seed, &got), 0);
        assert_true(bytes_equal(BYTES_OF(&got), BYTES(secret, 1)));

        /* For another object. */
        f->ak_name.ptr[f->ak_name.len - 1] ^= 1;
        assert_int_equal(makecred(BYTES_OF(&ek_public), BYTES_OF(&f->ak_name), BYTES(secret, sizeof(secret)), &object, &seed), 0);
        f->ak_name.ptr[f->ak_name.len - 1] ^= 1;
        assert_int_equal(activate(f, t, ek, &object, &seed, &got), RC_INTEGRITY);

        /* Changed on its way. */
        assert_int_equal(makecred(BYTES_OF(&ek_public), BYTES_OF(&f->ak_name), BYTES(secret, sizeof(secret)), &object, &seed), 0);
        object.ptr[object.len - 1] ^= 1;
        assert_int_equal(activate(f, t, ek, &object, &seed, &got), RC_INTEGRITY);
        ekfix_flush(&f->tpm, ek);
}

static void is_opened_by_the_tpm_of_each_kind_of_endorsement_key(void **state)
{
        for (size_t i = 0; i < ARRAY_LEN(ekfix_templates); i++)
                activates_with(*state, &ekfix_templates[i]);
}

static void is_not_opened_by_another_tpm(void **state)
{
        const struct fixture *f = *state;
        const struct ekfix *t = &ekfix_templates[1];
        CLEANUP(buf_clear) struct buf template = { 0 };
        CLEANUP(buf_clear) struct buf ek_public = { 0 };
        CLEANUP(buf_clear) struct buf other_public = { 0 };
        CLEANUP(buf_clear) struct buf object = { 0 };
        CLEANUP(buf_clear) struct buf seed = { 0 };
        CLEANUP(buf_clear) struct buf got = { 0 };
        struct swtpm other;
        uint32_t ek;

        assert_int_equal(swtpm_start(&other), 0);
        ekfix_template(t, &template);
        ek = ekfix_primary(&f->tpm, BYTES_OF(&template), &ek_public);
        ekfix_primary(&other, BYTES_OF(&template), &other_public);
        swtpm_stop(&other);
        assert_int_equal(makecred(BYTES_OF(&other_public), BYTES_OF(&f->ak_name), BYTES(secret, sizeof(secret)), &object, &seed), 0);
        assert_int_equal(activate(f, t, ek, &object, &seed, &got), RC_INTEGRITY);
}

/* A public half says of itself what it likes, and a TPM takes it: but gives out nothing for a key that it does not hold. */
static void is_not_opened_for_a_key_from_outside(void **state)
{
        const struct fixture *f = *state;
        const struct ekfix *t = &ekfix_templates[1];
        CLEANUP(buf_clear) struct buf template = { 0 };
        CLEANUP(buf_clear) struct buf ak_template = { 0 };
        CLEANUP(buf_clear) struct buf ek_public = { 0 };
        CLEANUP(buf_clear) struct buf foreign_public = { 0 };
        CLEANUP(public_clear) struct public foreign = { 0 };
        CLEANUP(buf_clear) struct buf object = { 0 };
        CLEANUP(buf_clear) struct buf seed = { 0 };
        CLEANUP(buf_clear) struct buf got = { 0 };
        struct swtpm other;
        uint32_t ek, loaded;

        assert_int_equal(swtpm_start(&other), 0);
        ekfix_ak_template(&ak_template);
        ekfix_primary(&other, BYTES_OF(&ak_template), &foreign_public);
        swtpm_stop(&other);
        assert_int_equal(public_decode(BYTES_OF(&foreign_public), &foreign), 0);
        assert_int_equal(public_check_ak(&foreign), 0);
        ekfix_template(t, &template);
        ek = ekfix_primary(&f->tpm, BYTES_OF(&template), &ek_public);
        loaded = ekfix_load_external(&f->tpm, BYTES_OF(&foreign_public));
        assert_int_equal(makecred(BYTES_OF(&ek_public), BYTES_OF(&foreign.name), BYTES(secret, sizeof(secret)), &object, &seed), 0);
        assert_int_equal(ekfix_activate(&f->tpm, t, ek, loaded, BYTES_OF(&object), BYTES_OF(&seed), &got), RC_AUTH_UNAVAILABLE);
        assert_int_equal(got.len, 0);
}

static void needs_an_endorsement_key_a_name_and_a_secret_that_fits(void **state)
{
        const struct fixture *f = *state;
        CLEANUP(buf_clear) struct buf template = { 0 };
        CLEANUP(buf_clear) struct buf ek_public = { 0 };
        CLEANUP(buf_clear) struct buf object = { 0 };
        CLEANUP(buf_clear) struct buf seed = { 0 };
        const struct bytes name = BYTES_OF(&f->ak_name), whole = BYTES(secret, sizeof(secret));
        const uint8_t long_one[33] = { 1 };

        ekfix_template(&ekfix_templates[1], &template);
        ekfix_primary(&f->tpm, BYTES_OF(&template), &ek_public);
        assert_int_equal(makecred(BYTES_OF(&ek_public), name, BYTES(long_one, sizeof(long_one)), &object, &seed), ERR_RANGE);
        assert_int_equal(makecred(BYTES_OF(&ek_public), name, BYTES(secret, 0), &object, &seed), ERR_RANGE);
        assert_int_equal(makecred(BYTES_OF(&ek_public), BYTES(name.ptr, name.len - 1), whole, &object, &seed), ERR_RANGE);
        assert_int_equal(makecred(BYTES_OF(&ek_public), BYTES(NULL, 0), whole, &object, &seed), ERR_RANGE);
        assert_int_equal(makecred(BYTES_OF(&f->ak_public), name, whole, &object, &seed), ERR_NOTSUP);
        assert_int_equal(makecred(BYTES(ek_public.ptr, ek_public.len - 1), name, whole, &object, &seed), ERR_FORMAT);
        /* A point off its curve would tell of the seed. */
        ek_public.ptr[ek_public.len - 1] ^= 1;
        assert_int_equal(makecred(BYTES_OF(&ek_public), name, whole, &object, &seed), ERR_FORMAT);
        assert_int_equal(object.len + seed.len, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(is_opened_by_the_tpm_of_each_kind_of_endorsement_key, setup, teardown),
                cmocka_unit_test_setup_teardown(is_not_opened_by_another_tpm, setup, teardown),
                cmocka_unit_test_setup_teardown(is_not_opened_for_a_key_from_outside, setup, teardown),
                cmocka_unit_test_setup_teardown(needs_an_endorsement_key_a_name_and_a_secret_that_fits, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
