/* SPDX-License-Identifier: BSD-2-Clause */
/* Authorisation values: none without a secret, one per key with it. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>
#include "keys/keyauth.h"
#include "lib/err.h"

static const struct bytes none;

static void no_secret_no_value(void **state)
{
        CLEANUP(attrs_clear) struct attrs a = { 0 };
        struct keyauth auth = { .len = 7 };

        (void)state;
        assert_int_equal(keyauth_salt(none, &a), 0);
        assert_int_equal(a.n, 0);
        assert_int_equal(keyauth_derive(none, &a, &auth), 0);
        assert_int_equal(auth.len, 0);
        assert_int_equal(keyauth_derive(BYTES_STR("secret"), &a, &auth), 0);
        assert_int_equal(auth.len, 0);
}

static void each_key_has_its_own(void **state)
{
        CLEANUP(attrs_clear) struct attrs a = { 0 };
        CLEANUP(attrs_clear) struct attrs b = { 0 };
        struct keyauth x, y;

        (void)state;
        assert_int_equal(keyauth_salt(BYTES_STR("secret"), &a), 0);
        assert_int_equal(keyauth_salt(BYTES_STR("secret"), &b), 0);
        assert_int_equal(keyauth_derive(BYTES_STR("secret"), &a, &x), 0);
        assert_int_equal(keyauth_derive(BYTES_STR("secret"), &b, &y), 0);
        assert_int_equal(x.len, 32);
        assert_memory_not_equal(x.value, y.value, 32);
        assert_int_equal(keyauth_derive(BYTES_STR("secret"), &a, &y), 0);
        assert_memory_equal(x.value, y.value, 32);
        assert_int_equal(keyauth_derive(none, &a, &y), ERR_AUTH);
}

/* Computed with Python's hmac: HMAC-SHA-256(b"secret", b"HOLDFAST KEY" + bytes(range(16))). */
static void known_value(void **state)
{
        CLEANUP(attrs_clear) struct attrs a = { 0 };
        CLEANUP(buf_clear) struct buf want = { 0 };
        const char *known = "26061ebb882600422fa8089c48001c37b32c0c94a428c21deb2d2a531bf85368";
        struct keyauth x;

        (void)state;
        assert_int_equal(attrs_set_str(&a, "auth-salt", "000102030405060708090a0b0c0d0e0f"), 0);
        assert_int_equal(hex_decode(known, strlen(known), &want), 0);
        assert_int_equal(keyauth_derive(BYTES_STR("secret"), &a, &x), 0);
        assert_memory_equal(x.value, want.ptr, 32);
        assert_int_equal(attrs_set_str(&a, "auth-salt", "0001"), 0);
        assert_int_equal(keyauth_derive(BYTES_STR("secret"), &a, &x), ERR_FORMAT);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(no_secret_no_value),
                cmocka_unit_test(each_key_has_its_own),
                cmocka_unit_test(known_value),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
