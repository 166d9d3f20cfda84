/* SPDX-License-Identifier: BSD-2-Clause */
/* SPIFFE IDs: what the specification lets be one, and everything near it that is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "issuer/spiffe.h"
#include "lib/err.h"

#define ID(s) { (const uint8_t *)(s), sizeof(s) - 1 }

static int parse(const char *text)
{
        struct spiffe_id id;

        return spiffe_parse(BYTES_STR(text), &id);
}

static void parts_of_good_ones(void **state)
{
        static const struct {
                const char *text, *trust_domain, *path;
        } rows[] = {
                { "spiffe://example.org/agent/build-42", "example.org", "/agent/build-42" },
                { "spiffe://example.org", "example.org", "" },
                { "spiffe://1_a-b.c/A", "1_a-b.c", "/A" },
                { "spiffe://x/a.b/...", "x", "/a.b/..." },
                { "spiffe://x/.a/-/_", "x", "/.a/-/_" },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct spiffe_id id;

                assert_int_equal(spiffe_parse(BYTES_STR(rows[i].text), &id), 0);
                assert_true(bytes_equal(id.trust_domain, BYTES_STR(rows[i].trust_domain)));
                assert_true(bytes_equal(id.path, BYTES_STR(rows[i].path)));
        }
}

static void what_looks_like_one(void **state)
{
        static const struct bytes rows[] = {
                ID(""), ID("spiffe"), ID("spiffe:/"), ID("spiffe://"), ID("spiffe:///a"), ID("//example.org/a"), ID("https://example.org/a"),
                ID("SPIFFE://example.org/a"), ID("Spiffe://example.org/a"), ID(" spiffe://example.org/a"), ID("spiffe://example.org/a "),
                ID("spiffe://Example.org/a"), ID("spiffe://EXAMPLE.ORG/a"), ID("spiffe://ex%61mple.org/a"), ID("spiffe://exampl\xc3\xa9.org/a"),
                ID("spiffe://user@example.org/a"), ID("spiffe://user:pw@example.org/a"), ID("spiffe://example.org:443/a"), ID("spiffe://example.org:/a"),
                ID("spiffe://[2001:db8::1]/a"), ID("spiffe://a,b/c"), ID("spiffe://example.org?a"), ID("spiffe://example.org#a"),
                ID("spiffe://example.org/"), ID("spiffe://example.org/a/"), ID("spiffe://example.org//a"), ID("spiffe://example.org/a//b"),
                ID("spiffe://example.org/."), ID("spiffe://example.org/.."), ID("spiffe://example.org/a/./b"), ID("spiffe://example.org/a/../b"), ID("spiffe://example.org/a/.."),
                ID("spiffe://example.org/%61"), ID("spiffe://example.org/a%2fb"), ID("spiffe://example.org/a%"), ID("spiffe://example.org/a?b"), ID("spiffe://example.org/a#b"),
                ID("spiffe://example.org/a b"), ID("spiffe://example.org/a+b"), ID("spiffe://example.org/a~b"), ID("spiffe://example.org/a:b"), ID("spiffe://example.org/a@b"),
                ID("spiffe://example.org/a\\b"), ID("spiffe://example.org/\xc3\xa9"), ID("spiffe://example.org/a\n"), ID("spiffe://example.org\n/a"), ID("spiffe://example.org/a*"),
                ID("spiffe://example.org/a\0b"), ID("spiffe://example.org\0.evil.org/a"), ID("spiffe://example.org/a\0"), ID("\0spiffe://example.org/a"),
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct spiffe_id id = { 0 };

                if (spiffe_parse(rows[i], &id) != ERR_FORMAT)
                        fail_msg("taken: %.*s", (int)rows[i].len, (const char *)rows[i].ptr);
                assert_null(id.trust_domain.ptr);
        }
}

/* Every octet, in either part. */
static void the_alphabet(void **state)
{
        (void)state;
        for (unsigned c = 0; c < 256; c++) {
                bool mark = c == '.' || c == '-' || c == '_', lower = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
                char domain[] = "spiffe://ax/b", path[] = "spiffe://a/bx";
                struct spiffe_id id;

                domain[10] = (char)c;
                path[12] = (char)c;
                /* "/" ends the trust domain, and makes an empty part after it */
                assert_int_equal(spiffe_parse(BYTES(domain, sizeof(domain) - 1), &id) == 0, lower || mark);
                assert_int_equal(spiffe_parse(BYTES(path, sizeof(path) - 1), &id) == 0, lower || mark || (c >= 'A' && c <= 'Z'));
        }
}

static void lengths(void **state)
{
        char text[2100] = "spiffe://";

        (void)state;
        memset(text + 9, 'a', 255);
        assert_int_equal(parse(text), 0);
        text[9 + 255] = 'a';
        assert_int_equal(parse(text), ERR_FORMAT);
        text[9 + 255] = '/';
        memset(text + 9 + 256, 'b', 2048 - 9 - 256);
        assert_int_equal(strlen(text), 2048);
        assert_int_equal(parse(text), 0);
        text[2048] = 'b';
        assert_int_equal(parse(text), ERR_FORMAT);
}

static void trust_domains_alone(void **state)
{
        (void)state;
        assert_int_equal(spiffe_trust_domain_check(BYTES_STR("example.org")), 0);
        assert_int_equal(spiffe_trust_domain_check(BYTES_STR("")), ERR_FORMAT);
        assert_int_equal(spiffe_trust_domain_check(BYTES_STR("spiffe://example.org")), ERR_FORMAT);
        assert_int_equal(spiffe_trust_domain_check(BYTES_STR("example.org/")), ERR_FORMAT);
        assert_int_equal(spiffe_trust_domain_check(BYTES("a\0b", 3)), ERR_FORMAT);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(parts_of_good_ones),
                cmocka_unit_test(what_looks_like_one),
                cmocka_unit_test(the_alphabet),
                cmocka_unit_test(lengths),
                cmocka_unit_test(trust_domains_alone),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
