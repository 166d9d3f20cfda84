/* SPDX-License-Identifier: BSD-2-Clause */
/* PEM with text before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>
#include "lib/err.h"
#include "lib/pem.h"

static int decode(const char *text, struct buf *head, struct buf *der)
{
        return pem_decode("X", BYTES_STR(text), head, der);
}

static void round_trip_with_head(void **state)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        CLEANUP(buf_clear) struct buf head = { 0 };
        CLEANUP(buf_clear) struct buf der = { 0 };
        uint8_t bytes[200];

        (void)state;
        for (size_t i = 0; i < sizeof(bytes); i++)
                bytes[i] = (uint8_t)i;
        for (size_t n = 0; n <= sizeof(bytes); n++) {
                assert_int_equal(pem_encode("X", BYTES_STR("label: tls"), BYTES(bytes, n), &text), 0);
                assert_int_equal(pem_decode("X", BYTES_OF(&text), &head, &der), 0);
                assert_string_equal(buf_str(&head), "label: tls\n");
                assert_true(bytes_equal(BYTES_OF(&der), BYTES(bytes, n)));
        }
}

static void writes_lines_of_64(void **state)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        uint8_t zeros[49] = { 0 };

        (void)state;
        assert_int_equal(pem_encode("X", BYTES(NULL, 0), BYTES(zeros, sizeof(zeros)), &text), 0);
        assert_string_equal(buf_str(&text), "-----BEGIN X-----\n"
                            "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\nAA==\n"
                            "-----END X-----\n");
}

static void takes_other_programs_line_ends(void **state)
{
        CLEANUP(buf_clear) struct buf head = { 0 };
        CLEANUP(buf_clear) struct buf der = { 0 };

        (void)state;
        assert_int_equal(decode("-----BEGIN X-----\r\nAA\r\n==\r\n-----END X----- \r\n\r\n \t\n", &head, &der), 0);
        assert_int_equal(head.len, 0);
        assert_true(bytes_equal(BYTES_OF(&der), BYTES("\0", 1)));
        assert_int_equal(decode("-----BEGIN X-----\nAA==\n-----END X-----", &head, &der), 0);
}

static void refuses(void **state)
{
        static const struct {
                const char *text;
                int error;
        } bad[] = {
                { "", ERR_NOENT },
                { "-----BEGIN Y-----\nAA==\n-----END Y-----\n", ERR_NOENT },
                { " -----BEGIN X-----\nAA==\n-----END X-----\n", ERR_NOENT },
                { "-----BEGIN X-----\nAA==\n", ERR_FORMAT },
                { "-----BEGIN X-----\nAA==-----END X-----\n", ERR_FORMAT },
                { "-----BEGIN X-----\nAA==\n-----END Y-----\n", ERR_FORMAT },
                { "-----BEGIN X-----\nA===\n-----END X-----\n", ERR_FORMAT },
                { "-----BEGIN X-----\n*A==\n-----END X-----\n", ERR_FORMAT },
                { "-----BEGIN X-----\nAA==\n-----END X-----\nrest", ERR_FORMAT },
                { "-----BEGIN X-----\nAA==\n-----END X-----\n-----BEGIN X-----\nAA==\n-----END X-----\n", ERR_FORMAT },
        };
        struct buf head = { 0 }, der = { 0 };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                assert_int_equal(decode(bad[i].text, &head, &der), bad[i].error);
                assert_null(head.ptr);
                assert_null(der.ptr);
        }
        assert_int_equal(pem_decode("X", BYTES("-----BEGIN X-----\nAA\0==\n-----END X-----\n", 39), &head, &der), ERR_FORMAT);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(round_trip_with_head),
                cmocka_unit_test(writes_lines_of_64),
                cmocka_unit_test(takes_other_programs_line_ends),
                cmocka_unit_test(refuses),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
