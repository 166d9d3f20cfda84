/* SPDX-License-Identifier: BSD-2-Clause */
/* Authorisation values: none without a secret, one per key with it. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>
#include "keys/keyauth.h"
#include "lib/err.h"

static const struct keyauth_secrets none;

static struct keyauth_secrets by_pin(const char *secret)
{
        return (struct keyauth_secrets){ .agent = BYTES_STR(secret) };
}

static struct keyauth_secrets by_daemon(const char *secret)
{
        return (struct keyauth_secrets){ .daemon = BYTES_STR(secret) };
}

static void no_secret_no_value(void **state)
{
        CLEANUP(attrs_clear) struct attrs a = { 0 };
        struct keyauth auth = { .len = 7 };
        const struct keyauth_secrets pin = by_pin("secret");

        (void)state;
        assert_int_equal(keyauth_salt(&none, &a), 0);
        assert_int_equal(a.n, 0);
        assert_int_equal(keyauth_derive(&none, &a, &auth), 0);
        assert_int_equal(auth.len, 0);
        assert_int_equal(keyauth_derive(&pin, &a, &auth), 0);
        assert_int_equal(auth.len, 0);
}

static void each_key_has_its_own(void **state)
{
        CLEANUP(attrs_clear) struct attrs a = { 0 };
        CLEANUP(attrs_clear) struct attrs b = { 0 };
        struct keyauth x, y;
        const struct keyauth_secrets pin = by_pin("secret");

        (void)state;
        assert_int_equal(keyauth_salt(&pin, &a), 0);
        assert_int_equal(keyauth_salt(&pin, &b), 0);
        assert_int_equal(keyauth_derive(&pin, &a, &x), 0);
        assert_int_equal(keyauth_derive(&pin, &b, &y), 0);
        assert_int_equal(x.len, 32);
        assert_memory_not_equal(x.value, y.value, 32);
        assert_int_equal(keyauth_derive(&pin, &a, &y), 0);
        assert_memory_equal(x.value, y.value, 32);
        assert_int_equal(keyauth_derive(&none, &a, &y), ERR_AUTH);
}

/* Computed with Python's hmac: HMAC-SHA-256(b"secret", b"HOLDFAST KEY" + bytes(range(16))). */
static void known_value(void **state)
{
        CLEANUP(attrs_clear) struct attrs a = { 0 };
        CLEANUP(buf_clear) struct buf want = { 0 };
        const char *known = "26061ebb882600422fa8089c48001c37b32c0c94a428c21deb2d2a531bf85368";
        struct keyauth x;
        const struct keyauth_secrets pin = by_pin("secret");

        (void)state;
        assert_int_equal(attrs_set_str(&a, "auth-salt", "000102030405060708090a0b0c0d0e0f"), 0);
        assert_int_equal(hex_decode(known, strlen(known), &want), 0);
        assert_int_equal(keyauth_derive(&pin, &a, &x), 0);
        assert_memory_equal(x.value, want.ptr, 32);
        assert_int_equal(attrs_set_str(&a, "auth-salt", "0001"), 0);
        assert_int_equal(keyauth_derive(&pin, &a, &x), ERR_FORMAT);
}

/* Computed with Python's hmac: HMAC-SHA-256(b"secret", b"HOLDFAST DAEMON KEY" + bytes(range(16))). */
static void a_daemons_key_is_not_a_pins(void **state)
{
        const struct keyauth_secrets pin = by_pin("secret"), daemon = by_daemon("secret"), both = { BYTES_STR("pin"), BYTES_STR("secret") };
        CLEANUP(attrs_clear) struct attrs a = { 0 };
        CLEANUP(buf_clear) struct buf want = { 0 };
        const char *known = "df10b5d91ef69a81e3d63ca1bd0e172fc924d864365ce424d245cc49131e3acf";
        struct keyauth x, y;

        (void)state;
        assert_int_equal(keyauth_salt(&daemon, &a), 0);
        assert_string_equal(attrs_str(&a, "auth-by", ""), "daemon");
        assert_int_equal(attrs_set_str(&a, "auth-salt", "000102030405060708090a0b0c0d0e0f"), 0);
        assert_int_equal(hex_decode(known, strlen(known), &want), 0);
        assert_int_equal(keyauth_derive(&daemon, &a, &x), 0);
        assert_memory_equal(x.value, want.ptr, 32);
        assert_int_equal(keyauth_derive(&both, &a, &x), 0);
        assert_memory_equal(x.value, want.ptr, 32);
        assert_int_equal(keyauth_derive(&pin, &a, &y), ERR_AUTH);
        assert_int_equal(y.len, 0);
        assert_int_equal(keyauth_derive(&none, &a, &y), ERR_AUTH);
        assert_non_null(strstr(err_text(), "only holdfastd"));
        attrs_remove(&a, "auth-by");
        assert_int_equal(keyauth_derive(&pin, &a, &y), 0);
        assert_memory_not_equal(x.value, y.value, 32);
        assert_int_equal(keyauth_derive(&daemon, &a, &y), ERR_AUTH);
        assert_int_equal(attrs_set_str(&a, "auth-by", "moon"), 0);
        assert_int_equal(keyauth_derive(&both, &a, &y), ERR_NOTSUP);
}

/* A PIN's secret goes before the daemon's. */
static void an_agent_with_pins_stays_its_own(void **state)
{
        const struct keyauth_secrets both = { BYTES_STR("pin"), BYTES_STR("daemon") };
        CLEANUP(attrs_clear) struct attrs a = { 0 };

        (void)state;
        assert_int_equal(keyauth_salt(&both, &a), 0);
        assert_null(attrs_get(&a, "auth-by"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(no_secret_no_value),
                cmocka_unit_test(each_key_has_its_own),
                cmocka_unit_test(known_value),
                cmocka_unit_test(a_daemons_key_is_not_a_pins),
                cmocka_unit_test(an_agent_with_pins_stays_its_own),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
