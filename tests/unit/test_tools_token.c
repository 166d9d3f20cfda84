/* SPDX-License-Identifier: BSD-2-Clause */
/* Tokens: what the daemon's answers mean, and what is made of a token for those that take it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "lib/err.h"
#include "tools/cli.h"
#include "tools/token_form.h"

#define PROBLEM(word) "{\"type\":\"urn:holdfast:problem:" word "\",\"title\":\"T\",\"status\":400,\"detail\":\"because " word "\"}"

static int parse(const char *status, const char *body, struct token *ret)
{
        CLEANUP(buf_clear) struct buf text = { 0 };

        token_clear(ret);
        assert_int_equal(buf_printf(&text, "HTTP/1.1 %s\r\ncontent-length: %zu\r\n\r\n%s", status, strlen(body), body), 0);
        return tokensock_parse(BYTES_OF(&text), ret);
}

static void takes_a_whole_answer_only(void **state)
{
        static const char good[] = "HTTP/1.1 200 OK\r\nContent-Length: 37\r\n\r\n{\"token\":\"a.b.c\",\"expires_at\":12345}\n";
        CLEANUP(token_clear) struct token t = { 0 };

        (void)state;
        assert_int_equal(tokensock_parse(BYTES_STR(good), &t), 0);
        assert_true(bytes_equal(BYTES_OF(&t.jwt), BYTES_STR("a.b.c")));
        assert_int_equal(t.expires_at, 12345);
        for (size_t len = 0; len < sizeof(good) - 1; len++) {
                token_clear(&t);
                assert_int_equal(tokensock_parse(BYTES(good, len), &t), ERR_FORMAT);
                assert_int_equal(t.jwt.len, 0);
        }
        assert_int_equal(tokensock_parse(BYTES_STR("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n{}"), &t), ERR_FORMAT);
}

static void takes_nothing_that_is_no_token(void **state)
{
        static const char *const bad[] = {
                "[]", "{}", "{\"token\":\"a.b.c\"}", "{\"token\":\"\",\"expires_at\":1}", "{\"token\":\"a b\",\"expires_at\":1}", "{\"token\":\"a\\nb\",\"expires_at\":1}",
                "{\"token\":\"a\",\"expires_at\":0}", "{\"token\":\"a\",\"expires_at\":\"1\"}", "{\"token\":\"a\",\"token\":\"a\",\"expires_at\":1}",
        };
        CLEANUP(token_clear) struct token t = { 0 };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                assert_int_equal(parse("200 OK", bad[i], &t), ERR_FORMAT);
}

static void a_problem_is_an_error_with_its_sentence(void **state)
{
        static const struct {
                const char *body;
                int err;
                const char *text;
        } rows[] = {
                { PROBLEM("denied"), ERR_DENIED, "because denied" },
                { PROBLEM("agent-unknown"), ERR_NOCRED, "because agent-unknown" },
                { PROBLEM("host-unknown"), ERR_NOCRED, "because host-unknown" },
                { PROBLEM("busy"), ERR_TIMEOUT, "because busy" },
                { PROBLEM("shape"), ERR_INVAL, "because shape" },
                { PROBLEM("another"), ERR_IO, "the daemon gives no token: because another (HTTP status 403)" },
                { "nonsense", ERR_IO, "the daemon gives no token: it does not say why (HTTP status 403)" },
        };
        CLEANUP(token_clear) struct token t = { 0 };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                assert_int_equal(parse("403 Forbidden", rows[i].body, &t), rows[i].err);
                assert_string_equal(err_text(), rows[i].text);
        }
}

static void has_a_form_for_each_taker(void **state)
{
        static const struct {
                const char *form, *role, *text;
        } rows[] = {
                { "jwt", NULL, "a.b-c_d\n" },
                { "vault", "a \"role\"", "{\"role\":\"a \\\"role\\\"\",\"jwt\":\"a.b-c_d\"}\n" },
                { "kubernetes", NULL, "{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"kind\":\"ExecCredential\","
                                      "\"status\":{\"expirationTimestamp\":\"1970-01-02T00:00:00Z\",\"token\":\"a.b-c_d\"}}\n" },
                { "oauth-spiffe", NULL, "client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-spiffe&client_assertion=a.b-c_d\n" },
        };
        CLEANUP(token_clear) struct token t = { .expires_at = 86400 };
        CLEANUP(buf_clear) struct buf text = { 0 };
        const struct token_form *f = NULL;

        (void)state;
        assert_int_equal(buf_append_str(&t.jwt, "a.b-c_d"), 0);
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                buf_reset(&text);
                assert_int_equal(token_form_find(rows[i].form, &f), 0);
                assert_int_equal(f->write(&t, rows[i].role, &text), 0);
                assert_string_equal(buf_str(&text), rows[i].text);
        }
        assert_int_equal(token_form_find("vault", &f), 0);
        assert_int_equal(f->write(&t, NULL, &text), ERR_USAGE);
        assert_int_equal(token_form_find("saml", &f), ERR_USAGE);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(takes_a_whole_answer_only),
                cmocka_unit_test(takes_nothing_that_is_no_token),
                cmocka_unit_test(a_problem_is_an_error_with_its_sentence),
                cmocka_unit_test(has_a_form_for_each_taker),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
