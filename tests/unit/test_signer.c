/* SPDX-License-Identifier: BSD-2-Clause */
/* The gate: a key does what its file allows and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>
#include "keys/backend_tpm.h"
#include "lib/cryptoki.h"
#include "lib/err.h"
#include "tests/fixture.h"

static struct fixture f;
static const struct pk_params ecdsa = { .scheme = SCHEME_ECDSA };
static const struct pk_params oaep = { .scheme = SCHEME_RSA_OAEP };

static int start(void **state)
{
        (void)state;
        fixture_start(&f);
        return 0;
}

static int stop(void **state)
{
        (void)state;
        fixture_stop(&f);
        return 0;
}

static void signs_and_derives_as_allowed(void **state)
{
        struct item *sign = fixture_key(&f, "P-256", ALG_SIGN, "sign"), *derive = fixture_key(&f, "P-256", ALG_DERIVE, "derive");
        struct key_use s = { .item = sign }, d = { .item = derive };
        CLEANUP(buf_clear) struct buf point = { 0 };
        CLEANUP(buf_clear) struct buf out = { 0 };
        uint8_t digest[32] = { 1 };

        (void)state;
        assert_int_equal(pubkey_point(&fixture_body(sign)->pub, &point), 0);
        assert_int_equal(signer_sign(f.keyring, &s, &ecdsa, BYTES(digest, 32), &out), 0);
        assert_true(fixture_ecdsa_good(&fixture_body(sign)->pub, BYTES(digest, 32), BYTES_OF(&out)));
        assert_int_equal(signer_derive(f.keyring, &s, BYTES_OF(&point), &out), ERR_DENIED);
        assert_int_equal(signer_decrypt(f.keyring, &s, &oaep, BYTES(digest, 32), &out), ERR_DENIED);
        assert_int_equal(signer_sign(f.keyring, &d, &ecdsa, BYTES(digest, 32), &out), ERR_DENIED);
        buf_reset(&out);
        assert_int_equal(signer_derive(f.keyring, &d, BYTES_OF(&point), &out), 0);
        assert_int_equal(out.len, 32);
        item_unref(sign);
        item_unref(derive);
}

static void only_a_key_has_a_private_half(void **state)
{
        struct item_spec spec = { .type = ITEM_DATA, .label = BYTES_STR("d"), .der = BYTES_STR("data") };
        CLEANUP(buf_clear) struct buf out = { 0 };
        uint8_t digest[32] = { 1 };
        struct key_use use;

        (void)state;
        assert_int_equal(store_item_add(keyring_store(f.keyring), "a", &spec, &use.item), 0);
        use.secret = (struct bytes){ 0 };
        assert_int_equal(signer_sign(f.keyring, &use, &ecdsa, BYTES(digest, 32), &out), ERR_INVAL);
        assert_int_equal(signer_hmac(f.keyring, &use, BYTES(digest, 32), &out), ERR_INVAL);
        item_unref(use.item);
}

static void makes_macs(void **state)
{
        struct item *i = fixture_key(&f, "HMAC-SHA256", ALG_SIGN, "mac");
        struct key_use use = { .item = i };
        CLEANUP(buf_clear) struct buf out = { 0 };

        (void)state;
        assert_int_equal(signer_hmac(f.keyring, &use, BYTES_STR("x"), &out), 0);
        assert_int_equal(out.len, 32);
        item_unref(i);
}

static void costs_three_commands_then_one(void **state)
{
        struct item *i = fixture_key(&f, "P-256", ALG_SIGN, "count");
        struct key_use use = { .item = i };
        CLEANUP(buf_clear) struct buf out = { 0 };
        uint8_t digest[32] = { 1 };
        struct tpm *t;

        (void)state;
        fixture_reopen(&f);
        t = backend_tpm_device(keyring_backend(f.keyring));
        assert_int_equal(signer_sign(f.keyring, &use, &ecdsa, BYTES(digest, 32), &out), 0);
        assert_int_equal(tpm_commands(t), 3);
        assert_int_equal(signer_sign(f.keyring, &use, &ecdsa, BYTES(digest, 32), &out), 0);
        assert_int_equal(tpm_commands(t), 4);
        item_unref(i);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(signs_and_derives_as_allowed),
                cmocka_unit_test(only_a_key_has_a_private_half),
                cmocka_unit_test(makes_macs),
                cmocka_unit_test(costs_three_commands_then_one),
        };

        return cmocka_run_group_tests(tests, start, stop);
}
