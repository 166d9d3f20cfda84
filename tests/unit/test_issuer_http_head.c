/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include "issuer/http_head.h"

static char text[2048];

static int parse(const char *head, struct http_head *ret)
{
        const char *why = NULL;
        int status;

        snprintf(text, sizeof(text), "%s", head);
        status = http_head_parse(text, strlen(head), ret, &why);
        if (status != 0)
                assert_non_null(why);
        return status;
}

static void the_end_is_found_in_pieces(void **state)
{
        static const char head[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\nmore\n";
        size_t end, before = 0;

        (void)state;
        for (size_t n = 1; n < sizeof(head) - 1; n++) {
                assert_true(http_head_end(BYTES(head, n), before, &end));
                if (n < 27) {
                        assert_int_equal(end, 0);
                        before = n;
                } else {
                        assert_int_equal(end, 27);
                }
        }
        assert_false(http_head_end(BYTES("GET / HTTP/1.1\n", 15), 0, &end));
        assert_false(http_head_end(BYTES("\n", 1), 0, &end));
        assert_false(http_head_end(BYTES("GET / HTTP/1.1\r\nA: b\n", 21), 16, &end));
}

static void headers_are_found(void **state)
{
        struct http_head h;

        (void)state;
        assert_int_equal(parse("POST /a?b HTTP/1.1\r\nhost:x\r\nContent-Type: \t text/plain; x=\"y z\" \t\r\nEmpty:\r\ncontent-length: 0012\r\n\r\n", &h), 0);
        assert_string_equal(h.method, "POST");
        assert_string_equal(h.target.path, "/a");
        assert_string_equal(h.target.query, "b");
        assert_string_equal(http_head_get(&h, "content-type"), "text/plain; x=\"y z\"");
        assert_string_equal(http_head_get(&h, "EMPTY"), "");
        assert_null(http_head_get(&h, "Content"));
        assert_int_equal(h.length, 12);
        assert_true(h.keep);
        assert_false(h.chunked || h.expects || h.old);
}

static void manners_are_read(void **state)
{
        static const struct {
                const char *head;
                bool old, keep, chunked, expects;
        } rows[] = {
                { "GET / HTTP/1.1\r\nHost:\r\n\r\n", false, true, false, false },
                { "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", false, false, false, false },
                { "GET / HTTP/1.1\r\nHost: x\r\nConnection: a\r\nConnection: b ,CLOSE, c\r\n\r\n", false, false, false, false },
                { "GET / HTTP/1.1\r\nHost: x\r\nConnection: closed, not-close\r\n\r\n", false, true, false, false },
                { "GET / HTTP/1.0\r\n\r\n", true, false, false, false },
                { "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\nExpect: x\r\n\r\n", true, true, false, false },
                { "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\nExpect: 100-Continue\r\n\r\n", false, true, true, true },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct http_head h;

                assert_int_equal(parse(rows[i].head, &h), 0);
                assert_int_equal(h.old, rows[i].old);
                assert_int_equal(h.keep, rows[i].keep);
                assert_int_equal(h.chunked, rows[i].chunked);
                assert_int_equal(h.expects, rows[i].expects);
        }
}

static void as_many_headers_as_there_may_be(void **state)
{
        struct http_head h;
        char head[2048] = "GET / HTTP/1.1\r\nHost: x\r\n";

        (void)state;
        for (int i = 1; i < HTTP_HEADERS_MAX; i++)
                strcat(head, "A: b\r\n");
        strcat(head, "\r\n");
        assert_int_equal(parse(head, &h), 0);
        strcpy(head + strlen(head) - 2, "A: b\r\n\r\n");
        assert_int_equal(parse(head, &h), 431);
}

static void lengths_stay_in_range(void **state)
{
        struct http_head h;

        (void)state;
        assert_int_equal(parse("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999999999999999\r\n\r\n", &h), 0);
        assert_true(h.length == 9999999999999999999u);
        assert_int_equal(parse("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 18446744073709551617\r\n\r\n", &h), 0);
        assert_true(h.length == SIZE_MAX);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_end_is_found_in_pieces),      cmocka_unit_test(headers_are_found),     cmocka_unit_test(manners_are_read),
                cmocka_unit_test(as_many_headers_as_there_may_be), cmocka_unit_test(lengths_stay_in_range),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
