/* SPDX-License-Identifier: BSD-2-Clause */
/* Keys load where they belong and nowhere else, and cost the commands that they must. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "lib/err.h"
#include "lib/tpmt.h"
#include "tests/tpmfix.h"
#include "tpm/ctx.h"

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

static uint64_t cost(struct tpm *t, const struct tpmkey *k)
{
        uint64_t before = tpm_commands(t);

        assert_int_equal(tpmkey_sign(t, k), 0);
        return tpm_commands(t) - before;
}

static void three_commands_to_the_first_signature_and_one_for_each_further(void **state)
{
        struct tpmfix *f = *state;
        struct tpmkey k[3];

        for (int i = 0; i < 3; i++)
                tpmkey_make(f->t, "P-256", ALG_SIGN, "auth", false, &k[i]);
        tpmfix_reopen(f);
        assert_int_equal(tpm_commands(f->t), 0);
        assert_int_equal(cost(f->t, &k[0]), 3);
        for (int i = 0; i < 3; i++)
                assert_int_equal(cost(f->t, &k[0]), 1);
        /* There is room for a second; the third takes the place of the first. */
        assert_int_equal(cost(f->t, &k[1]), 2);
        assert_int_equal(cost(f->t, &k[0]), 1);
        assert_int_equal(cost(f->t, &k[1]), 1);
        assert_int_equal(cost(f->t, &k[2]), 3);
        assert_int_equal(cost(f->t, &k[1]), 1);
        assert_int_equal(cost(f->t, &k[0]), 3);
        for (int i = 0; i < 3; i++)
                tpmkey_clear(&k[i]);
}

static unsigned saved(const struct tpm *t)
{
        unsigned n = 0;

        for (size_t i = 0; i < t->n_contexts; i++)
                n += t->contexts[i].blob.len > 0;
        return n;
}

/* What a TPM gave out before a reset it does not take back. */
static void a_key_that_comes_and_goes_is_saved_and_comes_back_after_a_reset_too(void **state)
{
        struct tpmfix *f = *state;
        struct tpmkey k[4];

        for (int i = 0; i < 4; i++)
                tpmkey_make(f->t, "P-256", ALG_SIGN, i % 2 ? "auth" : "", false, &k[i]);
        tpmfix_reopen(f);
        assert_int_equal(cost(f->t, &k[0]), 3);
        assert_int_equal(cost(f->t, &k[1]), 2);
        for (int i = 2; i < 16; i++)
                assert_int_equal(cost(f->t, &k[i % 4]), 3);
        assert_int_equal(saved(f->t), 0);
        for (int i = 16; i < 20; i++)
                assert_int_equal(cost(f->t, &k[i % 4]), 4);
        assert_int_equal(saved(f->t), 4);
        for (int i = 0; i < 8; i++)
                assert_int_equal(cost(f->t, &k[i % 4]), 3);
        assert_int_equal(swtpm_reset(&f->sw), 0);
        for (int i = 0; i < 20; i++)
                assert_int_equal(tpmkey_sign(f->t, &k[i % 4]), 0);
        assert_int_equal(saved(f->t), 4);
        for (int i = 0; i < 8; i++)
                assert_int_equal(cost(f->t, &k[i % 4]), 3);
        for (int i = 0; i < 4; i++)
                tpmkey_clear(&k[i]);
}

static void a_key_is_what_its_template_says(void **state)
{
        static const struct {
                const char *kind;
                unsigned ops;
                uint32_t set, clear;
        } cases[] = {
                { "P-256", ALG_SIGN, TPMA_OBJECT_SIGN_ENCRYPT, TPMA_OBJECT_DECRYPT | TPMA_OBJECT_RESTRICTED },
                { "P-384", ALG_SIGN | ALG_DERIVE, TPMA_OBJECT_SIGN_ENCRYPT | TPMA_OBJECT_DECRYPT, TPMA_OBJECT_RESTRICTED },
                { "HMAC-SHA256", ALG_SIGN, TPMA_OBJECT_SIGN_ENCRYPT, TPMA_OBJECT_DECRYPT | TPMA_OBJECT_RESTRICTED },
        };
        const uint32_t always = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_NODA;
        struct tpmfix *f = *state;

        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct tpmkey k;
                TPM2B_PUBLIC pub;

                tpmkey_make(f->t, cases[i].kind, cases[i].ops, "", false, &k);
                assert_int_equal(tpmt_public_decode(BYTES_OF(&k.pub), &pub), 0);
                assert_int_equal(pub.publicArea.objectAttributes & (always | cases[i].set), always | cases[i].set);
                assert_int_equal(pub.publicArea.objectAttributes & cases[i].clear, 0);
                tpmkey_clear(&k);
        }
}

static void a_key_of_another_tpm_is_foreign(void **state)
{
        struct tpmfix *f = *state, other;
        struct tpmkey k;

        tpmfix_start(&other);
        tpmkey_make(other.t, "P-256", ALG_SIGN, "", false, &k);
        assert_int_equal(tpm_key_check(other.t, &k.key), 0);
        assert_int_equal(tpm_key_check(f->t, &k.key), ERR_FOREIGN);
        assert_non_null(strstr(err_text(), "another TPM"));
        tpmkey_clear(&k);
        tpmfix_stop(&other);
}

static void another_parent_at_the_handle_is_seen(void **state)
{
        struct tpmfix *f = *state, other;
        struct tpmkey k;
        struct tpm *t;

        /* A store that came here from another machine: the same handle, another key behind it. */
        tpmfix_start(&other);
        tpmkey_make(other.t, "P-256", ALG_SIGN, "", false, &k);
        t = tpmfix_open(f);
        assert_int_equal(tpm_set_parent(t, &other.parent), 0);
        assert_int_equal(tpm_parent_check(t, &other.parent), ERR_FOREIGN);
        assert_int_equal(tpmkey_sign(t, &k), ERR_FOREIGN);
        tpm_close(t);

        /* And a TPM that has none there, having been cleared. */
        t = tpmfix_open(f);
        other.parent.handle++;
        assert_int_equal(tpm_set_parent(t, &other.parent), 0);
        assert_int_equal(tpmkey_sign(t, &k), ERR_FOREIGN);
        assert_non_null(strstr(err_text(), "has no key"));
        tpm_close(t);
        tpmkey_clear(&k);
        tpmfix_stop(&other);
}

static void a_damaged_private_part_is_foreign(void **state)
{
        struct tpmfix *f = *state;
        struct tpmkey k;

        tpmkey_make(f->t, "P-256", ALG_SIGN, "", false, &k);
        k.priv.ptr[k.priv.len / 2] ^= 1;
        assert_int_equal(tpm_key_check(f->t, &k.key), ERR_FOREIGN);
        k.priv.ptr[k.priv.len / 2] ^= 1;
        assert_int_equal(tpm_key_check(f->t, &k.key), 0);
        tpmkey_clear(&k);
}

static void a_forgotten_key_is_loaded_again(void **state)
{
        struct tpmfix *f = *state;
        struct tpmkey k;
        unsigned before;

        tpmkey_make(f->t, "P-256", ALG_SIGN, "", false, &k);
        cost(f->t, &k);
        before = tpmfix_objects(f);
        tpm_key_forget(f->t, k.key.name);
        assert_int_equal(tpmfix_objects(f), before - 1);
        tpm_key_forget(f->t, k.key.name);
        assert_int_equal(cost(f->t, &k), 2);
        tpmkey_clear(&k);
}

static void one_under_lockout_is_never_kept_and_one_wrong_try_is_one(void **state)
{
        struct tpmfix *f = *state;
        CLEANUP(buf_clear) struct buf out = { 0 };
        struct tpmkey k;
        unsigned before, tries = tpmfix_wrong_tries(f);

        tpmkey_seal(f->t, "secret", "1234", true, &k);
        before = tpmfix_objects(f);
        assert_int_equal(tpm_unseal(f->t, &k.key, &out), 0);
        assert_true(tpmfix_objects(f) <= before);
        k.key.auth = BYTES_STR("1235");
        assert_int_equal(tpm_unseal(f->t, &k.key, &out), ERR_AUTH);
        assert_int_equal(tpmfix_wrong_tries(f), tries + 1);
        /* swtpm takes three. */
        assert_int_equal(tpm_unseal(f->t, &k.key, &out), ERR_AUTH);
        assert_int_equal(tpm_unseal(f->t, &k.key, &out), ERR_AUTH);
        k.key.auth = BYTES_STR("1234");
        assert_int_equal(tpm_unseal(f->t, &k.key, &out), ERR_LOCKED);
        tpmkey_clear(&k);

        /* Keys of the usual kind do not mind. */
        tpmkey_make(f->t, "P-256", ALG_SIGN, "auth", false, &k);
        assert_int_equal(tpmkey_sign(f->t, &k), 0);
        tpmkey_clear(&k);
}

static void keys_under_other_parents(void **state)
{
        struct tpmfix *f = *state;
        struct tpm_parent second = { 0 };
        struct tpmkey k;
        struct tpm *t;

        /* What another tool left: a key under a persistent parent of its own, or under the owner's primary key. Both
         * are here the same template, so the same key. */
        assert_int_equal(tpm_parent_make(f->t, 0x81000001, BYTES(NULL, 0), &second), 0);
        assert_int_equal(second.handle, 0x81000001);
        t = tpmfix_open(f);
        assert_int_equal(tpm_set_parent(t, &second), 0);
        tpmkey_make(t, "P-256", ALG_SIGN, "auth", false, &k);
        tpm_close(t);

        k.key.parent = 0x81000001;
        assert_int_equal(tpmkey_sign(f->t, &k), 0);
        tpm_key_forget(f->t, k.key.name);
        k.key.parent = 0x40000001;
        assert_int_equal(tpmkey_sign(f->t, &k), 0);
        tpm_key_forget(f->t, k.key.name);
        k.key.parent = 0x81000002;
        assert_int_equal(tpmkey_sign(f->t, &k), ERR_FOREIGN);
        k.key.parent = 0x80000000;
        assert_int_equal(tpmkey_sign(f->t, &k), ERR_INVAL);
        tpm_parent_clear(&second);
        tpmkey_clear(&k);
}

static void nothing_works_before_there_is_a_parent(void **state)
{
        struct tpmfix *f = *state;
        CLEANUP(buf_clear) struct buf pub = { 0 };
        CLEANUP(buf_clear) struct buf priv = { 0 };
        struct tpmkey k;
        struct tpm *t;
        uint8_t octets[40];

        tpmkey_make(f->t, "P-256", ALG_SIGN, "", false, &k);
        assert_int_equal(tpm_open(&f->options, &t), 0);
        assert_int_equal(tpmkey_sign(t, &k), ERR_NOTINIT);
        assert_int_equal(tpm_key_create(t, k.kind, ALG_SIGN, BYTES(NULL, 0), false, &pub, &priv), ERR_NOTINIT);
        assert_int_equal(tpm_commands(t), 0);
        assert_int_equal(tpm_random(t, octets, sizeof(octets)), 0);
        tpm_close(t);
        tpmkey_clear(&k);
}

static void seals_no_more_than_a_tpm_can(void **state)
{
        static const uint8_t secret[129];
        struct tpmfix *f = *state;
        CLEANUP(buf_clear) struct buf pub = { 0 };
        CLEANUP(buf_clear) struct buf priv = { 0 };

        assert_int_equal(tpm_seal(f->t, BYTES(secret, 128), BYTES(NULL, 0), false, &pub, &priv), 0);
        assert_int_equal(tpm_seal(f->t, BYTES(secret, 129), BYTES(NULL, 0), false, &pub, &priv), ERR_RANGE);
        assert_int_equal(tpm_seal(f->t, BYTES(secret, 0), BYTES(NULL, 0), false, &pub, &priv), ERR_RANGE);
        assert_int_equal(tpm_seal(f->t, BYTES(secret, 1), BYTES(secret, 129), false, &pub, &priv), ERR_RANGE);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(three_commands_to_the_first_signature_and_one_for_each_further),
                cmocka_unit_test(a_key_that_comes_and_goes_is_saved_and_comes_back_after_a_reset_too),
                cmocka_unit_test(a_key_is_what_its_template_says),
                cmocka_unit_test(a_key_of_another_tpm_is_foreign),
                cmocka_unit_test(another_parent_at_the_handle_is_seen),
                cmocka_unit_test(a_damaged_private_part_is_foreign),
                cmocka_unit_test(a_forgotten_key_is_loaded_again),
                cmocka_unit_test(keys_under_other_parents),
                cmocka_unit_test(nothing_works_before_there_is_a_parent),
                cmocka_unit_test(seals_no_more_than_a_tpm_can),
                cmocka_unit_test(one_under_lockout_is_never_kept_and_one_wrong_try_is_one),
        };

        return cmocka_run_group_tests(tests, start, stop);
}
