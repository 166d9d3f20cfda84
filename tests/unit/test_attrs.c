/* SPDX-License-Identifier: BSD-2-Clause */
/* "name: value" lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>
#include "lib/attrs.h"
#include "lib/err.h"

static int parse(const char *text, struct attrs *ret)
{
        return attrs_parse(BYTES_STR(text), ret);
}

static void assert_value(const struct attrs *a, const char *name, struct bytes want)
{
        const struct buf *b = attrs_get(a, name);

        assert_non_null(b);
        assert_true(bytes_equal(BYTES_OF(b), want));
}

static void assert_text(const struct attrs *a, const char *want)
{
        CLEANUP(buf_clear) struct buf text = { 0 };

        assert_int_equal(attrs_format(a, &text), 0);
        assert_string_equal(buf_str(&text), want);
}

static void keeps_order_and_replaces(void **state)
{
        CLEANUP(attrs_clear) struct attrs a = { 0 };

        (void)state;
        assert_int_equal(attrs_set_str(&a, "owner", "Ada"), 0);
        assert_int_equal(attrs_set_uint(&a, "n", 42), 0);
        assert_int_equal(attrs_set_bool(&a, "fine", true), 0);
        assert_int_equal(attrs_set_hex(&a, "id", BYTES("\x01\xff", 2)), 0);
        assert_int_equal(attrs_set_str(&a, "owner", "Grace"), 0);
        assert_text(&a, "owner: Grace\nn: 42\nfine: yes\nid: 01ff\n");
        attrs_remove(&a, "n");
        attrs_remove(&a, "n");
        assert_text(&a, "owner: Grace\nfine: yes\nid: 01ff\n");
}

static void times_are_rfc_3339(void **state)
{
        CLEANUP(attrs_clear) struct attrs a = { 0 };
        struct tm tm = { 0 };
        const char *end;

        (void)state;
        assert_int_equal(attrs_set_now(&a, "created"), 0);
        end = strptime(attrs_str(&a, "created", ""), "%Y-%m-%dT%H:%M:%SZ", &tm);
        assert_non_null(end);
        assert_string_equal(end, "");
        assert_in_range(time(NULL) - timegm(&tm), 0, 5);
}

static void every_octet_survives(void **state)
{
        CLEANUP(attrs_clear) struct attrs a = { 0 };
        CLEANUP(attrs_clear) struct attrs b = { 0 };
        CLEANUP(buf_clear) struct buf text = { 0 };
        uint8_t all[256];

        (void)state;
        for (size_t i = 0; i < sizeof(all); i++)
                all[i] = (uint8_t)i;
        assert_int_equal(attrs_set(&a, "all", BYTES(all, sizeof(all))), 0);
        assert_int_equal(attrs_set_str(&a, "blanks", "  a b  "), 0);
        assert_int_equal(attrs_set_str(&a, "empty", ""), 0);
        assert_int_equal(attrs_set_str(&a, "line", "x\nowner: Mallory"), 0);
        assert_int_equal(attrs_format(&a, &text), 0);
        for (size_t i = 0; i < text.len; i++)
                assert_true(text.ptr[i] == '\n' || (text.ptr[i] >= ' ' && text.ptr[i] < 0x7f));

        assert_int_equal(attrs_parse(BYTES_OF(&text), &b), 0);
        assert_int_equal(b.n, 4);
        assert_value(&b, "all", BYTES(all, sizeof(all)));
        assert_value(&b, "blanks", BYTES("  a b  ", 7));
        assert_value(&b, "empty", BYTES("", 0));
        assert_null(attrs_get(&b, "owner"));
}

static void shows_no_pem_boundary(void **state)
{
        CLEANUP(attrs_clear) struct attrs a = { 0 };

        (void)state;
        assert_int_equal(attrs_set_str(&a, "x", "-----BEGIN a-b"), 0);
        assert_text(&a, "x: -%2D%2D%2D%2DBEGIN a-b\n");
}

static void takes_what_a_person_writes(void **state)
{
        CLEANUP(attrs_clear) struct attrs a = { 0 };

        (void)state;
        assert_int_equal(parse("# a comment\n\nowner:   Ada Lovelace \t\r\nempty:\nlast: %41%c3%A4", &a), 0);
        assert_int_equal(a.n, 3);
        assert_string_equal(attrs_str(&a, "owner", NULL), "Ada Lovelace");
        assert_string_equal(attrs_str(&a, "empty", NULL), "");
        assert_string_equal(attrs_str(&a, "last", NULL), "A\xc3\xa4");
        assert_int_equal(parse("", &a), 0);
        assert_int_equal(a.n, 0);
}

static void refuses_with_the_line(void **state)
{
        static const struct {
                const char *text;
                size_t len;
                unsigned line;
        } bad[] = {
#define TEXT(s) s, sizeof(s) - 1
                { TEXT("owner"), 1 },
                { TEXT("a: 1\nowner\n"), 2 },
                { TEXT("a: 1\na: 2\n"), 2 },
                { TEXT("A: 1"), 1 },
                { TEXT("a b: 1"), 1 },
                { TEXT("-a: 1"), 1 },
                { TEXT(": 1"), 1 },
                { TEXT(" a: 1"), 1 },
                { TEXT("a: 1\0\n"), 1 },
                { TEXT("# \0\n"), 1 },
                { TEXT("a: %"), 1 },
                { TEXT("a: %4"), 1 },
                { TEXT("a: %4g"), 1 },
                { TEXT("a: \xc3\xa4"), 1 },
                { TEXT("a: \x7f"), 1 },
                { TEXT("a: b\tc"), 1 },
#undef TEXT
        };
        struct attrs a = { 0 };
        char line[32];

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                assert_int_equal(attrs_parse(BYTES(bad[i].text, bad[i].len), &a), ERR_FORMAT);
                snprintf(line, sizeof(line), "line %u ", bad[i].line);
                assert_non_null(strstr(err_text(), line));
                assert_int_equal(a.n, 0);
        }
}

static void is_bounded(void **state)
{
        CLEANUP(attrs_clear) struct attrs a = { 0 };
        CLEANUP(buf_clear) struct buf text = { 0 };
        CLEANUP(buf_clear) struct buf big = { 0 };

        (void)state;
        for (unsigned i = 0; i < ATTRS_MAX; i++)
                assert_int_equal(buf_printf(&text, "n%u: x\n", i), 0);
        assert_int_equal(attrs_parse(BYTES_OF(&text), &a), 0);
        assert_int_equal(a.n, ATTRS_MAX);
        assert_int_equal(attrs_set_str(&a, "more", "x"), ERR_RANGE);
        assert_int_equal(attrs_set_str(&a, "n0", "y"), 0);
        assert_int_equal(buf_append_str(&text, "more: x\n"), 0);
        assert_int_equal(attrs_parse(BYTES_OF(&text), &a), ERR_FORMAT);

        buf_reset(&text);
        assert_int_equal(buf_append_str(&text, "big: "), 0);
        for (size_t i = 0; i < ATTRS_VALUE_MAX; i++)
                assert_int_equal(buf_append_u8(&big, 'x'), 0);
        assert_int_equal(buf_append(&text, big.ptr, big.len), 0);
        assert_int_equal(attrs_parse(BYTES_OF(&text), &a), 0);
        assert_int_equal(buf_append_u8(&text, 'x'), 0);
        assert_int_equal(attrs_parse(BYTES_OF(&text), &a), ERR_FORMAT);
        assert_int_equal(attrs_set(&a, "big", BYTES_OF(&big)), 0);
        assert_int_equal(buf_append_u8(&big, 'x'), 0);
        assert_int_equal(attrs_set(&a, "big", BYTES_OF(&big)), ERR_RANGE);
}

static void typed_values(void **state)
{
        CLEANUP(attrs_clear) struct attrs a = { 0 };
        CLEANUP(buf_clear) struct buf b = { 0 };
        unsigned long n = 7;
        bool yes = false;

        (void)state;
        assert_int_equal(parse("yes: yes\nno: no\nmaybe: Yes\nn: 18446744073709551615\nbig: 18446744073709551616\nneg: -1\nplus: +1\n"
                               "hex: 00Ff\nodd: 123\nnul: yes%00\nempty:\n", &a), 0);
        assert_int_equal(attrs_bool(&a, "yes", &yes), 0);
        assert_true(yes);
        assert_int_equal(attrs_bool(&a, "no", &yes), 0);
        assert_false(yes);
        assert_int_equal(attrs_bool(&a, "maybe", &yes), ERR_FORMAT);
        assert_int_equal(attrs_bool(&a, "nul", &yes), ERR_FORMAT);
        assert_int_equal(attrs_bool(&a, "none", &yes), ERR_NOENT);
        assert_int_equal(attrs_uint(&a, "n", &n), 0);
        assert_true(n == 18446744073709551615UL);
        assert_int_equal(attrs_uint(&a, "big", &n), ERR_FORMAT);
        assert_int_equal(attrs_uint(&a, "neg", &n), ERR_FORMAT);
        assert_int_equal(attrs_uint(&a, "plus", &n), ERR_FORMAT);
        assert_int_equal(attrs_uint(&a, "empty", &n), ERR_FORMAT);
        assert_int_equal(attrs_uint(&a, "none", &n), ERR_NOENT);
        assert_int_equal(attrs_hex(&a, "hex", &b), 0);
        assert_true(bytes_equal(BYTES_OF(&b), BYTES("\x00\xff", 2)));
        assert_int_equal(attrs_hex(&a, "odd", &b), ERR_FORMAT);
        assert_int_equal(attrs_hex(&a, "none", &b), ERR_NOENT);
        assert_string_equal(attrs_str(&a, "nul", "otherwise"), "otherwise");
        assert_string_equal(attrs_str(&a, "none", "otherwise"), "otherwise");
}

static void copies_stand_alone(void **state)
{
        CLEANUP(attrs_clear) struct attrs a = { 0 };
        CLEANUP(attrs_clear) struct attrs b = { 0 };

        (void)state;
        assert_int_equal(parse("x: 1\ny: 2\n", &a), 0);
        assert_int_equal(attrs_copy(&a, &b), 0);
        assert_int_equal(attrs_set_str(&a, "x", "3"), 0);
        assert_text(&b, "x: 1\ny: 2\n");
        assert_int_equal(attrs_set_str(&a, "Bad", "x"), ERR_INVAL);
        assert_int_equal(attrs_set_str(&a, "", "x"), ERR_INVAL);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(keeps_order_and_replaces),
                cmocka_unit_test(times_are_rfc_3339),
                cmocka_unit_test(every_octet_survives),
                cmocka_unit_test(shows_no_pem_boundary),
                cmocka_unit_test(takes_what_a_person_writes),
                cmocka_unit_test(refuses_with_the_line),
                cmocka_unit_test(is_bounded),
                cmocka_unit_test(typed_values),
                cmocka_unit_test(copies_stand_alone),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
