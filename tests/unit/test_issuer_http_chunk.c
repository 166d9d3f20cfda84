/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include "issuer/http_chunk.h"
#include "lib/err.h"

/* In pieces of so many octets. *ret_used: how many octets the body had. */
static int decode(const char *text, size_t piece, struct buf *ret, size_t *ret_used)
{
        struct http_chunked c = { 0 };
        size_t len = strlen(text), at = 0;

        while (at < len && c.state != CHUNK_DONE) {
                size_t n = len - at < piece ? len - at : piece, used;
                struct bytes data;
                int r = http_chunked_next(&c, BYTES(text + at, n), &used, &data);

                if (r != 0)
                        return r;
                assert_true(used > 0);
                assert_int_equal(buf_append(ret, data.ptr, data.len), 0);
                at += used;
        }
        *ret_used = at;
        return c.state == CHUNK_DONE ? 0 : ERR_NOENT;
}

static void bodies_are_put_together(void **state)
{
        static const struct {
                const char *text, *body;
        } rows[] = {
                { "0\r\n\r\n", "" },
                { "3\r\nabc\r\n0\r\n\r\n", "abc" },
                { "03\r\nabc\r\nA\r\n0123456789\r\n00000000\r\n\r\n", "abc0123456789" },
                { "3;a=b;c=\"d\"\r\nabc\r\n0;x\r\nTrailer: y\r\nZ:\r\n\r\n", "abc" },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++)
                for (size_t piece = 1; piece < 20; piece++) {
                        CLEANUP(buf_clear) struct buf b = { 0 }, more = { 0 };
                        size_t used;

                        /* What comes behind it is somebody else's. */
                        buf_printf(&more, "%sGET / ", rows[i].text);
                        assert_int_equal(decode(buf_str(&more), piece, &b, &used), 0);
                        assert_int_equal(used, strlen(rows[i].text));
                        assert_string_equal(buf_str(&b), rows[i].body);
                }
}

static void what_is_no_chunk_is_refused(void **state)
{
        static const struct {
                const char *text;
                int r;
        } rows[] = {
                { "\r\n", ERR_FORMAT },
                { "g\r\n", ERR_FORMAT },
                { "3 \r\n", ERR_FORMAT },
                { "3\n", ERR_FORMAT },
                { "3\r\r\n", ERR_FORMAT },
                { "3\r\nabcd\r\n", ERR_FORMAT },
                { "3\r\nabc\n", ERR_FORMAT },
                { "0x3\r\n", ERR_FORMAT },
                { "3;a\x01\r\n", ERR_FORMAT },
                { "0\r\nA: b\n\r\n", ERR_FORMAT },
                { "0\r\n\n", ERR_FORMAT },
                { "000000003\r\n", ERR_RANGE },
                { "fffffffff\r\n", ERR_RANGE },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++)
                for (size_t piece = 1; piece < 20; piece++) {
                        CLEANUP(buf_clear) struct buf b = { 0 };
                        size_t used;

                        assert_int_equal(decode(rows[i].text, piece, &b, &used), rows[i].r);
                }
}

static void lines_have_an_end(void **state)
{
        CLEANUP(buf_clear) struct buf text = { 0 }, b = { 0 };
        size_t used;

        (void)state;
        buf_append_str(&text, "1;");
        while (text.len < HTTP_CHUNK_LINE_MAX - 2)
                buf_append_str(&text, "a");
        buf_append_str(&text, "\r\nx\r\n0\r\n\r\n");
        assert_int_equal(decode(buf_str(&text), 100, &b, &used), 0);
        buf_reset(&text);
        buf_append_str(&text, "1;");
        while (text.len < HTTP_CHUNK_LINE_MAX - 1)
                buf_append_str(&text, "a");
        buf_append_str(&text, "\r\nx\r\n0\r\n\r\n");
        assert_int_equal(decode(buf_str(&text), 100, &b, &used), ERR_RANGE);
        buf_reset(&text);
        buf_append_str(&text, "0\r\n");
        while (text.len < HTTP_TRAILER_MAX + 100)
                buf_append_str(&text, "A: b\r\n");
        assert_int_equal(decode(buf_str(&text), 100, &b, &used), ERR_RANGE);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(bodies_are_put_together),
                cmocka_unit_test(what_is_no_chunk_is_refused),
                cmocka_unit_test(lines_have_an_end),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
