/* SPDX-License-Identifier: BSD-2-Clause */
/* Reference files. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>
#include "lib/err.h"
#include "lib/ref.h"

static const char uri[] = "pkcs11:token=a;object=b";

/* SEQUENCE { VisibleString "PKCS#11 Provider URI v1.0", UTF8String "pkcs11:token=a;object=b" } */
static const uint8_t whole[] = "\x30\x34\x1a\x19PKCS#11 Provider URI v1.0\x0c\x17pkcs11:token=a;object=b";
#define WHOLE BYTES(whole, sizeof(whole) - 1)

static void reads_what_it_writes(void **state)
{
        CLEANUP(buf_clear) struct buf der = { 0 };
        struct bytes found;

        (void)state;
        assert_int_equal(ref_encode(BYTES_STR(uri), &der), 0);
        assert_true(bytes_equal(BYTES_OF(&der), WHOLE));
        assert_true(ref_is(WHOLE));
        assert_int_equal(ref_decode(WHOLE, &found), 0);
        assert_true(bytes_equal(found, BYTES_STR(uri)));
}

static void refuses_every_shorter_and_longer_one(void **state)
{
        uint8_t copy[sizeof(whole)];
        struct bytes found;

        (void)state;
        for (size_t n = 0; n < sizeof(whole) - 1; n++)
                assert_int_equal(ref_decode(BYTES(whole, n), &found), ERR_FORMAT);
        memcpy(copy, whole, sizeof(copy));
        assert_int_equal(ref_decode(BYTES(copy, sizeof(copy)), &found), ERR_FORMAT);
}

static void another_title_is_not_ours(void **state)
{
        uint8_t copy[sizeof(whole)];
        struct bytes found;

        (void)state;
        memcpy(copy, whole, sizeof(copy));
        copy[4 + strlen("PKCS#11 Provider URI v1.0") - 1] = '1';
        assert_false(ref_is(BYTES(copy, sizeof(copy) - 1)));
        assert_int_equal(ref_decode(BYTES(copy, sizeof(copy) - 1), &found), ERR_FORMAT);
}

static void only_printable_pkcs11_uris_of_a_sane_length(void **state)
{
        static const char *const bad[] = { "", "pkcs11", "file:/etc/key.pem", "PKCS11:token=a", "pkcs11:token=\n", "pkcs11:token=\xff" };
        CLEANUP(buf_clear) struct buf der = { 0 }, lengthy = { 0 };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                assert_int_equal(ref_encode(BYTES_STR(bad[i]), &der), ERR_FORMAT);
        assert_int_equal(buf_printf(&lengthy, "pkcs11:token=%0*d", REF_URI_MAX, 0), 0);
        assert_int_equal(ref_encode(BYTES_OF(&lengthy), &der), ERR_FORMAT);
        assert_int_equal(der.len, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(reads_what_it_writes),
                cmocka_unit_test(refuses_every_shorter_and_longer_one),
                cmocka_unit_test(another_title_is_not_ours),
                cmocka_unit_test(only_printable_pkcs11_uris_of_a_sane_length),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
