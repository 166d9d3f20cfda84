/* SPDX-License-Identifier: BSD-2-Clause */
/* Capabilities survive the store file, and a file of another version is read by names. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>
#include "keys/backend_tpm.h"
#include "lib/err.h"

static struct tpm_caps sample(void)
{
        struct tpm_caps c = { .manufacturer = "IBM", .vendor = "SW   TPM", .firmware = { 0x20191023, 0x00163636 }, .revision = "1.64",
                              .slots = 3, .sessions = 3, .kinds = 3, .raw_rsa = true, .sha1 = false, .hashes = 2 };

        return c;
}

static void round_trip(void **state)
{
        CLEANUP(attrs_clear) struct attrs a = { 0 };
        struct tpm_caps in = sample(), out;

        (void)state;
        memset(&out, 0xff, sizeof(out));
        assert_int_equal(tpm_caps_to_attrs(&in, &a), 0);
        assert_int_equal(tpm_caps_from_attrs(&a, &out), 0);
        assert_string_equal(out.manufacturer, in.manufacturer);
        assert_string_equal(out.vendor, in.vendor);
        assert_string_equal(out.revision, in.revision);
        assert_memory_equal(out.firmware, in.firmware, sizeof(in.firmware));
        assert_int_equal(out.slots, 3);
        assert_int_equal(out.sessions, 3);
        assert_int_equal(out.kinds, 3);
        assert_int_equal(out.hashes, 2);
        assert_true(out.raw_rsa && !out.sha1);
}

static void names_we_do_not_know_are_passed_over(void **state)
{
        CLEANUP(attrs_clear) struct attrs a = { 0 };
        struct tpm_caps in = sample(), out;

        (void)state;
        assert_int_equal(tpm_caps_to_attrs(&in, &a), 0);
        assert_int_equal(attrs_set_str(&a, "tpm-kinds", "ML-DSA-44,P-256"), 0);
        assert_int_equal(tpm_caps_from_attrs(&a, &out), 0);
        assert_int_equal(__builtin_popcount(out.kinds), 1);
        assert_string_equal(key_kind_at((size_t)__builtin_ctz(out.kinds))->name, "P-256");
}

static void every_line_is_wanted(void **state)
{
        CLEANUP(attrs_clear) struct attrs a = { 0 };
        struct tpm_caps in = sample(), out;
        size_t n;

        (void)state;
        assert_int_equal(tpm_caps_to_attrs(&in, &a), 0);
        n = a.n;
        for (size_t i = 0; i < n; i++) {
                CLEANUP(attrs_clear) struct attrs fewer = { 0 };

                assert_int_equal(attrs_copy(&a, &fewer), 0);
                attrs_remove(&fewer, a.list[i].name);
                assert_int_equal(tpm_caps_from_attrs(&fewer, &out), ERR_FORMAT);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(round_trip),
                cmocka_unit_test(names_we_do_not_know_are_passed_over),
                cmocka_unit_test(every_line_is_wanted),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
