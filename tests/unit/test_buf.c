/* SPDX-License-Identifier: BSD-2-Clause */
/* Bytes: kept, grown, moved, written as text and read again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "lib/buf.h"
#include "lib/err.h"

static void assert_bytes(struct bytes got, const char *want)
{
        assert_int_equal(got.len, strlen(want));
        if (got.len > 0)
                assert_memory_equal(got.ptr, want, got.len);
}

static void appends_grow_and_keep_what_was_there(void **state)
{
        CLEANUP(buf_clear) struct buf b = { 0 };

        (void)state;
        for (unsigned i = 0; i < 10000; i++)
                assert_int_equal(buf_append_u8(&b, (uint8_t)(i * 7)), 0);
        assert_int_equal(b.len, 10000);
        assert_true(b.cap >= b.len && b.cap < 4 * b.len);
        for (unsigned i = 0; i < 10000; i++)
                assert_int_equal(b.ptr[i], (uint8_t)(i * 7));
        buf_reset(&b);
        assert_int_equal(b.len, 0);
        assert_true(b.cap >= 10000);
}

static void numbers_are_big_endian(void **state)
{
        CLEANUP(buf_clear) struct buf b = { 0 };
        static const uint8_t want[] = { 1, 2, 3, 4, 5, 6, 7 };

        (void)state;
        assert_int_equal(buf_append_u8(&b, 1), 0);
        assert_int_equal(buf_append_u16(&b, 0x0203), 0);
        assert_int_equal(buf_append_u32(&b, 0x04050607), 0);
        assert_true(bytes_equal(BYTES_OF(&b), BYTES(want, sizeof(want))));
}

static void text_is_appended_and_ends_in_nul(void **state)
{
        CLEANUP(buf_clear) struct buf b = { 0 };

        (void)state;
        assert_string_equal(buf_str(&b), "");
        assert_int_equal(buf_append_str(&b, "a"), 0);
        assert_int_equal(buf_printf(&b, "%d%s", 42, ""), 0);
        assert_int_equal(buf_printf(&b, "%200s", "x"), 0);
        assert_int_equal(b.len, 203);
        assert_memory_equal(b.ptr, "a42   ", 6);
        assert_int_equal(strlen(buf_str(&b)), 203);
        assert_int_equal(b.len, 203);
        assert_int_equal(buf_append_str(&b, "y"), 0);
        assert_int_equal(buf_str(&b)[202], 'x');
        assert_int_equal(buf_str(&b)[203], 'y');
}

static void set_replaces_also_from_itself(void **state)
{
        CLEANUP(buf_clear) struct buf b = { 0 };

        (void)state;
        assert_int_equal(buf_set(&b, BYTES_STR("0123456789")), 0);
        assert_int_equal(buf_set(&b, BYTES(b.ptr + 3, 6)), 0);
        assert_bytes(BYTES_OF(&b), "345678");
        assert_int_equal(buf_set(&b, (struct bytes){ 0 }), 0);
        assert_int_equal(b.len, 0);
}

static void take_moves(void **state)
{
        CLEANUP(buf_clear) struct buf a = { 0 };
        CLEANUP(buf_clear) struct buf b = { 0 };
        const uint8_t *where;

        (void)state;
        assert_int_equal(buf_set(&a, BYTES_STR("new")), 0);
        assert_int_equal(buf_set(&b, BYTES_STR("old")), 0);
        where = a.ptr;
        buf_take(&a, &b);
        assert_ptr_equal(b.ptr, where);
        assert_bytes(BYTES_OF(&b), "new");
        assert_null(a.ptr);
        assert_int_equal(a.len, 0);
        assert_int_equal(a.cap, 0);
        buf_take(&b, &b);
        assert_bytes(BYTES_OF(&b), "new");
}

static void too_much_is_out_of_memory_and_changes_nothing(void **state)
{
        CLEANUP(buf_clear) struct buf b = { 0 };
        struct buf before;

        (void)state;
        assert_int_equal(buf_set(&b, BYTES_STR("kept")), 0);
        before = b;
        assert_int_equal(buf_append(&b, "x", SIZE_MAX), ERR_NOMEM);
        assert_int_equal(buf_append(&b, "x", SIZE_MAX / 4), ERR_NOMEM);
        assert_int_equal(buf_reserve(&b, SIZE_MAX / 2), ERR_NOMEM);
        assert_int_equal(hex_encode(BYTES(b.ptr, SIZE_MAX / 2 + 5), &b), ERR_NOMEM);
        assert_int_equal(base64_encode(BYTES(b.ptr, SIZE_MAX), &b), ERR_NOMEM);
        assert_memory_equal(&b, &before, sizeof(b));
        assert_bytes(BYTES_OF(&b), "kept");
}

static void comparisons(void **state)
{
        const struct bytes none = { 0 };

        (void)state;
        assert_true(bytes_equal(none, BYTES("x", 0)));
        assert_true(bytes_equal_secret(none, BYTES("x", 0)));
        assert_true(bytes_equal(BYTES_STR("abc"), BYTES_STR("abc")));
        assert_true(bytes_equal_secret(BYTES_STR("abc"), BYTES_STR("abc")));
        assert_false(bytes_equal(BYTES_STR("abc"), BYTES_STR("abd")));
        assert_false(bytes_equal_secret(BYTES_STR("abc"), BYTES_STR("abd")));
        assert_false(bytes_equal(BYTES_STR("abc"), BYTES_STR("ab")));
        assert_false(bytes_equal_secret(BYTES_STR("abc"), BYTES_STR("ab")));
}

static void wipe_overwrites(void **state)
{
        char secret[] = "secret";

        (void)state;
        wipe(secret, sizeof(secret));
        for (size_t i = 0; i < sizeof(secret); i++)
                assert_int_equal(secret[i], 0);
        wipe(NULL, 0);
}

static void hex(void **state)
{
        static const uint8_t bytes[] = { 0x00, 0x1f, 0xa5, 0xff };
        CLEANUP(buf_clear) struct buf b = { 0 };

        (void)state;
        assert_int_equal(hex_encode(BYTES(bytes, sizeof(bytes)), &b), 0);
        assert_bytes(BYTES_OF(&b), "001fa5ff");
        assert_int_equal(hex_decode("001Fa5fF", 8, &b), 0);
        assert_true(bytes_equal(BYTES_OF(&b), BYTES(bytes, sizeof(bytes))));
        assert_int_equal(hex_decode("", 0, &b), 0);
        assert_int_equal(b.len, 0);
}

static void bad_hex_is_refused_and_changes_nothing(void **state)
{
        static const char *const bad[] = { "0", "0g", "g0", "00 0", "0x00", "-1", "001" };
        CLEANUP(buf_clear) struct buf b = { 0 };

        (void)state;
        assert_int_equal(buf_set(&b, BYTES_STR("kept")), 0);
        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                assert_int_equal(hex_decode(bad[i], strlen(bad[i]), &b), ERR_FORMAT);
        assert_int_equal(hex_decode("00\0\0", 4, &b), ERR_FORMAT);
        assert_bytes(BYTES_OF(&b), "kept");
}

/* RFC 4648 10 */
static void base64_vectors(void **state)
{
        static const char *const rows[][2] = {
                { "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" },
                { "foob", "Zm9vYg==" }, { "fooba", "Zm9vYmE=" }, { "foobar", "Zm9vYmFy" },
        };
        CLEANUP(buf_clear) struct buf b = { 0 };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                assert_int_equal(base64_encode(BYTES_STR(rows[i][0]), &b), 0);
                assert_bytes(BYTES_OF(&b), rows[i][1]);
                assert_int_equal(base64_decode(rows[i][1], strlen(rows[i][1]), &b), 0);
                assert_bytes(BYTES_OF(&b), rows[i][0]);
        }
        assert_int_equal(base64_decode(" Zm9v\r\n\tYg =\n= ", 15, &b), 0);
        assert_bytes(BYTES_OF(&b), "foob");
}

static void base64_takes_every_octet(void **state)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        CLEANUP(buf_clear) struct buf back = { 0 };
        uint8_t all[256 + 255];

        (void)state;
        for (size_t i = 0; i < sizeof(all); i++)
                all[i] = (uint8_t)(i * 31);
        for (size_t n = 0; n < sizeof(all); n++) {
                assert_int_equal(base64_encode(BYTES(all, n), &text), 0);
                assert_int_equal(base64_decode((const char *)text.ptr, text.len, &back), 0);
                assert_true(bytes_equal(BYTES_OF(&back), BYTES(all, n)));
        }
}

static void bad_base64_is_refused_and_changes_nothing(void **state)
{
        static const char *const bad[] = {
                "Z", "Zg", "Zm8", "Zg=", "Zg===", "Zm8==", "Zm9v=", "=", "==", "====", "Zm9vZ", "Zg==Zg==", "Zg=v",
                "Zh==", "Zm9=", "Zm-v", "Zm_v", "Zm*v",
        };
        CLEANUP(buf_clear) struct buf b = { 0 };

        (void)state;
        assert_int_equal(buf_set(&b, BYTES_STR("kept")), 0);
        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                assert_int_equal(base64_decode(bad[i], strlen(bad[i]), &b), ERR_FORMAT);
        assert_int_equal(base64_decode("Zm9v\0\0\0\0", 8, &b), ERR_FORMAT);
        assert_bytes(BYTES_OF(&b), "kept");
}

static void free_ptr_frees(void **state)
{
        CLEANUP(free_ptr) char *p = NULL; /* the leak checkers watch */

        (void)state;
        p = malloc(3);
        assert_non_null(p);
}

static void wiping_memory_is_memory(void **state)
{
        uint8_t *p = wiping_alloc(40), *q = wiping_alloc(0);

        (void)state;
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
        memset(p, 0xa5, 40);
        wiping_free(p);
        wiping_free(q);
        wiping_free(NULL);
        assert_null(wiping_alloc(SIZE_MAX));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(appends_grow_and_keep_what_was_there),
                cmocka_unit_test(numbers_are_big_endian),
                cmocka_unit_test(text_is_appended_and_ends_in_nul),
                cmocka_unit_test(set_replaces_also_from_itself),
                cmocka_unit_test(take_moves),
                cmocka_unit_test(too_much_is_out_of_memory_and_changes_nothing),
                cmocka_unit_test(comparisons),
                cmocka_unit_test(wipe_overwrites),
                cmocka_unit_test(hex),
                cmocka_unit_test(bad_hex_is_refused_and_changes_nothing),
                cmocka_unit_test(base64_vectors),
                cmocka_unit_test(base64_takes_every_octet),
                cmocka_unit_test(bad_base64_is_refused_and_changes_nothing),
                cmocka_unit_test(free_ptr_frees),
                cmocka_unit_test(wiping_memory_is_memory),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
