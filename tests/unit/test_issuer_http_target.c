/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include "issuer/http_target.h"
#include "lib/err.h"

static void targets_are_taken_apart(void **state)
{
        static const struct {
                const char *text, *authority, *path, *query;
        } rows[] = {
                { "/", "", "/", "" },
                { "/a/b?c=d&e", "", "/a/b", "c=d&e" },
                { "/a/?", "", "/a/", "" },
                { "/a?b?c/d", "", "/a", "b?c/d" },
                { "/a%2fb/...", "", "/a%2fb/...", "" },
                { "/.well-known/x", "", "/.well-known/x", "" },
                { "http://h/a?b", "h", "/a", "b" },
                { "hTTps://[2001:db8::1]:443/", "[2001:db8::1]:443", "/", "" },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct http_target t;
                char text[128];

                snprintf(text, sizeof(text), "%s", rows[i].text);
                assert_int_equal(http_target_split(text, &t), 0);
                assert_string_equal(t.authority, rows[i].authority);
                assert_string_equal(t.path, rows[i].path);
                assert_string_equal(t.query, rows[i].query);
        }
}

static void what_is_no_target_is_refused(void **state)
{
        static const char *const rows[] = {
                "", "a", "*", "localhost:80", "//", "//a", "/a//b", "/.", "/..", "/a/../b", "/a/./b", "/%2e", "/.%2E/a", "/a%", "/a%4", "/a%4g", "/%00", "/a b",
                "/a\"b", "/a<b", "/a\\b", "/a|b", "/a^b", "/\xc3\xa4", "/a#b", "/a?b#c", "/a?%zz", "/a?b%00", "http://", "http:///a", "http://h", "http://h?a",
                "http://u@h/a", "ftp://h/a", "http:/a",
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct http_target t;
                char text[128];

                snprintf(text, sizeof(text), "%s", rows[i]);
                if (http_target_split(text, &t) != ERR_FORMAT)
                        fail_msg("%s was taken", rows[i]);
        }
}

static void paths_fit_patterns(void **state)
{
        static const struct {
                const char *path, *pattern;
                bool fits;
        } rows[] = {
                { "/v1/join", "/v1/join", true },
                { "/v1/join", "/v1/joi", false },
                { "/v1/joi", "/v1/join", false },
                { "/v1/join/", "/v1/join", false },
                { "/v1/join/answer", "/v1/join", false },
                { "/v1", "/v1/join", false },
                { "/v1/host/h/agent/a%2fb/policy", "/v1/host/*/agent/*/policy", true },
                { "/v1/host/h/agent/a/b/policy", "/v1/host/*/agent/*/policy", false },
                { "/v1/host/*", "/v1/host/x", false },
                { "/v1/host/", "/v1/host/*", false },
                { "/", "/", true },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++)
                if (http_path_fits(rows[i].path, rows[i].pattern) != rows[i].fits)
                        fail_msg("%s and %s", rows[i].path, rows[i].pattern);
}

static void segments_are_decoded(void **state)
{
        CLEANUP(buf_clear) struct buf b = { 0 };
        const char *path = "/v1/a%2Fb+c%20%C3%A4/%ff/%0a/";

        (void)state;
        assert_int_equal(http_path_segment(path, 0, &b), 0);
        assert_string_equal(buf_str(&b), "v1");
        assert_int_equal(http_path_segment(path, 1, &b), 0);
        assert_string_equal(buf_str(&b), "a/b+c \xc3\xa4");
        assert_int_equal(http_path_segment(path, 2, &b), ERR_FORMAT);
        assert_int_equal(http_path_segment(path, 3, &b), ERR_FORMAT);
        assert_int_equal(http_path_segment(path, 4, &b), 0);
        assert_string_equal(buf_str(&b), "");
        assert_int_equal(http_path_segment(path, 5, &b), ERR_NOENT);
}

static void parameters_are_found_once(void **state)
{
        CLEANUP(buf_clear) struct buf b = { 0 };
        const char *query = "agent=a%20b+c&%61udience=https://x/?y=z&flag&twice=1&twice=2&empty=";

        (void)state;
        assert_int_equal(http_query_get(query, "agent", &b), 0);
        assert_string_equal(buf_str(&b), "a b c");
        assert_int_equal(http_query_get(query, "audience", &b), 0);
        assert_string_equal(buf_str(&b), "https://x/?y=z");
        assert_int_equal(http_query_get(query, "flag", &b), 0);
        assert_string_equal(buf_str(&b), "");
        assert_int_equal(http_query_get(query, "empty", &b), 0);
        assert_string_equal(buf_str(&b), "");
        assert_int_equal(http_query_get(query, "twice", &b), ERR_FORMAT);
        assert_int_equal(http_query_get(query, "agen", &b), ERR_NOENT);
        assert_int_equal(http_query_get("", "agent", &b), ERR_NOENT);
        assert_int_equal(http_query_get("agent=%0a", "agent", &b), ERR_FORMAT);
        assert_int_equal(http_query_get("&&agent=x&", "agent", &b), 0);
        assert_string_equal(buf_str(&b), "x");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(targets_are_taken_apart), cmocka_unit_test(what_is_no_target_is_refused), cmocka_unit_test(paths_fit_patterns),
                cmocka_unit_test(segments_are_decoded),    cmocka_unit_test(parameters_are_found_once),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
