/* SPDX-License-Identifier: BSD-2-Clause */
/* One encoding for one meaning: what is read is what would be written, anything else is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "lib/der.h"
#include "lib/err.h"

#define B(...) BYTES(((const uint8_t[]){ __VA_ARGS__ }), sizeof((const uint8_t[]){ __VA_ARGS__ }))

static void elements_of_every_length(void **state)
{
        static const size_t lengths[] = { 0, 1, 0x7f, 0x80, 0xff, 0x100, 0x101, 0xfffe, 0xffff };
        uint8_t *content = calloc(1, 0x10000);

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
                CLEANUP(buf_clear) struct buf b = { 0 };
                struct bytes in, got;
                size_t head = lengths[i] < 0x80 ? 2 : lengths[i] < 0x100 ? 3 : 4;

                assert_int_equal(der_put(&b, DER_OCTET_STRING, BYTES(content, lengths[i])), 0);
                assert_int_equal(b.len, head + lengths[i]);
                assert_int_equal(buf_append_u8(&b, 0x77), 0);
                in = BYTES_OF(&b);
                assert_int_equal(der_get(&in, DER_OCTET_STRING, &got), 0);
                assert_int_equal(got.len, lengths[i]);
                assert_ptr_equal(got.ptr, b.ptr + head);
                assert_int_equal(in.len, 1);
                assert_int_equal(der_get_end(in), ERR_FORMAT);
                for (size_t cut = 0; cut < head + lengths[i]; cut += cut < 5 ? 1 : 997) {
                        in = BYTES(b.ptr, cut);
                        assert_int_equal(der_get(&in, DER_OCTET_STRING, &got), ERR_FORMAT);
                }
        }
        assert_int_equal(der_put(&(struct buf){ 0 }, DER_OCTET_STRING, BYTES(content, 0x10000)), ERR_RANGE);
        free(content);
}

static void lengths_have_one_form(void **state)
{
        const struct bytes bad[] = {
                B(0x04, 0x80, 0x00, 0x00), B(0x04, 0x81, 0x01, 0x00), B(0x04, 0x81, 0x7f), B(0x04, 0x82, 0x00, 0x01, 0x00),
                B(0x04, 0x82, 0x00, 0xff), B(0x04, 0x83, 0x00, 0x00, 0x01, 0x00), B(0x04, 0xff), B(0x04), B(0x02, 0x00),
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                struct bytes in = bad[i], got;

                assert_int_equal(der_get(&in, DER_OCTET_STRING, &got), ERR_FORMAT);
                assert_ptr_equal(in.ptr, bad[i].ptr);
        }
}

static void numbers(void **state)
{
        const struct {
                struct bytes value, der;
        } rows[] = {
                { { 0 }, B(0x02, 0x01, 0x00) },
                { B(0x01), B(0x02, 0x01, 0x01) },
                { B(0x7f), B(0x02, 0x01, 0x7f) },
                { B(0x80), B(0x02, 0x02, 0x00, 0x80) },
                { B(0x01, 0x00), B(0x02, 0x02, 0x01, 0x00) },
                { B(0xff, 0x00), B(0x02, 0x03, 0x00, 0xff, 0x00) },
        };
        const struct bytes bad[] = { B(0x02, 0x00), B(0x02, 0x01, 0x80), B(0x02, 0x02, 0x00, 0x00), B(0x02, 0x02, 0x00, 0x7f), B(0x02, 0x02, 0xff, 0xff) };
        struct bytes in, got;

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                CLEANUP(buf_clear) struct buf b = { 0 };

                assert_int_equal(der_put_uint(&b, rows[i].value), 0);
                assert_true(bytes_equal(BYTES_OF(&b), rows[i].der));
                in = rows[i].der;
                assert_int_equal(der_get_uint(&in, &got), 0);
                assert_true(bytes_equal(got, rows[i].value));
                assert_int_equal(der_get_end(in), 0);
        }
        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                in = bad[i];
                assert_int_equal(der_get_uint(&in, &got), ERR_FORMAT);
        }
}

static void numbers_lose_leading_zeros(void **state)
{
        CLEANUP(buf_clear) struct buf b = { 0 };

        (void)state;
        assert_int_equal(der_put_uint(&b, B(0, 0, 0, 0x80)), 0);
        assert_true(bytes_equal(BYTES_OF(&b), B(0x02, 0x02, 0x00, 0x80)));
        buf_reset(&b);
        assert_int_equal(der_put_uint(&b, B(0, 0)), 0);
        assert_true(bytes_equal(BYTES_OF(&b), B(0x02, 0x01, 0x00)));
}

static void bit_strings_are_whole_octets(void **state)
{
        const struct bytes bad[] = { B(0x03, 0x00), B(0x03, 0x02, 0x01, 0xfe), B(0x03, 0x01, 0x08), B(0x04, 0x02, 0x00, 0x01) };
        CLEANUP(buf_clear) struct buf b = { 0 };
        struct bytes in, got;

        (void)state;
        assert_int_equal(der_put_bits(&b, B(1, 2)), 0);
        assert_true(bytes_equal(BYTES_OF(&b), B(0x03, 0x03, 0x00, 1, 2)));
        in = BYTES_OF(&b);
        assert_int_equal(der_get_bits(&in, &got), 0);
        assert_true(bytes_equal(got, B(1, 2)));
        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                in = bad[i];
                assert_int_equal(der_get_bits(&in, &got), ERR_FORMAT);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(elements_of_every_length),
                cmocka_unit_test(lengths_have_one_form),
                cmocka_unit_test(numbers),
                cmocka_unit_test(numbers_lose_leading_zeros),
                cmocka_unit_test(bit_strings_are_whole_octets),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
