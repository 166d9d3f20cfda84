/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests to the token socket: the one kind that there is, and everything else by its status. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "daemon/token_request.h"
#include "lib/err.h"

static int parse(const char *text, struct token_request *ret)
{
        return token_request_parse(BYTES_STR(text), ret);
}

static void agent_audience_and_key(void **state)
{
        CLEANUP(token_request_clear) struct token_request t = { 0 };

        (void)state;
        assert_int_equal(parse("GET /v1/token?agent=build+4%32&audience=https%3A%2F%2Fapi.example%2Fx&key=t%c3%a4s HTTP/1.1\r\nHost: localhost\r\nAccept:\t*/* \r\n\r\n", &t), 0);
        assert_string_equal(buf_str(&t.agent), "build 42");
        assert_string_equal(buf_str(&t.audience), "https://api.example/x");
        assert_string_equal(buf_str(&t.key), "t\xc3\xa4s");
        assert_true(t.keep);
}

static void the_order_is_free_and_the_key_may_be_missing(void **state)
{
        CLEANUP(token_request_clear) struct token_request t = { 0 }, u = { 0 };

        (void)state;
        assert_int_equal(parse("GET /v1/token?audience=x&agent=a HTTP/1.0\r\n\r\n", &t), 0);
        assert_int_equal(t.key.len, 0);
        assert_false(t.keep);
        assert_int_equal(parse("GET /v1/token?audience=x&agent=a HTTP/1.1\r\ncontent-length: 0\r\nCONNECTION: Close\r\n\r\n", &u), 0);
        assert_false(u.keep);
}

#define GOOD "GET /v1/token?agent=a&audience=b HTTP/1.1\r\n"

static void everything_else_has_a_status(void **state)
{
        static const struct {
                const char *text;
                int status;
        } bad[] = {
                { "", 400 }, { "\r\n\r\n", 505 }, { GOOD, 400 }, { GOOD "\r\nx", 400 }, { GOOD "\r\n" GOOD "\r\n", 400 },
                { "POST /v1/token?agent=a&audience=b HTTP/1.1\r\n\r\n", 405 }, { "get /v1/token?agent=a&audience=b HTTP/1.1\r\n\r\n", 405 },
                { "GET /v1/tokens?agent=a&audience=b HTTP/1.1\r\n\r\n", 404 }, { "GET / HTTP/1.1\r\n\r\n", 404 },
                { "GET http://x/v1/token?agent=a&audience=b HTTP/1.1\r\n\r\n", 404 }, { "GET /v1/../v1/token?agent=a&audience=b HTTP/1.1\r\n\r\n", 404 },
                { "GET /v1/token?agent=a&audience=b HTTP/2.0\r\n\r\n", 505 }, { "GET /v1/token?agent=a&audience=b\r\n\r\n", 505 },
                { "GET  /v1/token?agent=a&audience=b HTTP/1.1\r\n\r\n", 505 }, { "GET /v1/token?agent=a&audience=b HTTP/1.1 \r\n\r\n", 505 },
                { "GET /v1/token HTTP/1.1\r\n\r\n", 400 }, { "GET /v1/token?agent=a HTTP/1.1\r\n\r\n", 400 }, { "GET /v1/token?audience=a HTTP/1.1\r\n\r\n", 400 },
                { "GET /v1/token?agent=a&audience=b&agent=c HTTP/1.1\r\n\r\n", 400 }, { "GET /v1/token?agent=a&audience=b&x=c HTTP/1.1\r\n\r\n", 400 },
                { "GET /v1/token?agent=&audience=b HTTP/1.1\r\n\r\n", 400 }, { "GET /v1/token?agent&audience=b HTTP/1.1\r\n\r\n", 400 },
                { "GET /v1/token?agent=a%00&audience=b HTTP/1.1\r\n\r\n", 400 }, { "GET /v1/token?agent=a%0a&audience=b HTTP/1.1\r\n\r\n", 400 },
                { "GET /v1/token?agent=a%ff&audience=b HTTP/1.1\r\n\r\n", 400 }, { "GET /v1/token?agent=a%4&audience=b HTTP/1.1\r\n\r\n", 400 },
                { "GET /v1/token?agent=a%&audience=b HTTP/1.1\r\n\r\n", 400 }, { "GET /v1/token?agent=a%g0&audience=b HTTP/1.1\r\n\r\n", 400 },
                { "GET /v1/token?agent=a&audience=b#c HTTP/1.1\r\n\r\n", 400 }, { "GET /v1/token?agent=a&audience=\xc3\xa4 HTTP/1.1\r\n\r\n", 400 },
                { "GET /v1/token?agent=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa&audience=b HTTP/1.1\r\n\r\n", 400 },
                { GOOD "Host\r\n\r\n", 400 }, { GOOD ": x\r\n\r\n", 400 }, { GOOD "Host : x\r\n\r\n", 400 }, { GOOD " folded\r\n\r\n", 400 }, { GOOD "a: b\001\r\n\r\n", 400 },
                { GOOD "a: b\nc: d\r\n\r\n", 400 }, { GOOD "Content-Length: 5\r\n\r\n", 400 }, { GOOD "Content-Length: 00\r\n\r\n", 400 },
                { GOOD "transfer-encoding: chunked\r\n\r\n", 400 },
        };
        CLEANUP(token_request_clear) struct token_request t = { 0 };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                int status = parse(bad[i].text, &t);

                if (status != bad[i].status)
                        fail_msg("%d in place of %d: %s", status, bad[i].status, bad[i].text);
                assert_null(t.agent.ptr);
        }
}

static void a_header_has_a_bound(void **state)
{
        CLEANUP(token_request_clear) struct token_request t = { 0 };
        CLEANUP(buf_clear) struct buf text = { 0 };

        (void)state;
        assert_int_equal(buf_append_str(&text, GOOD "a: "), 0);
        while (text.len < TOKEN_REQUEST_MAX)
                assert_int_equal(buf_append_u8(&text, 'a'), 0);
        assert_int_equal(token_request_end(BYTES_OF(&text)), 0);
        assert_int_equal(token_request_parse(BYTES_OF(&text), &t), 431);
        memcpy(text.ptr + text.len - 4, "\r\n\r\n", 4);
        assert_int_equal(token_request_end(BYTES_OF(&text)), text.len);
        assert_int_equal(token_request_parse(BYTES_OF(&text), &t), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(agent_audience_and_key),
                cmocka_unit_test(the_order_is_free_and_the_key_may_be_missing),
                cmocka_unit_test(everything_else_has_a_status),
                cmocka_unit_test(a_header_has_a_bound),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
