/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "keys/rule.h"
#include "lib/err.h"

static struct rule *parsed(const char *text)
{
        struct rule *r = NULL;
        int e = rule_parse(BYTES_STR(text), &r);

        if (e != 0)
                print_error("%s: %s\n", text, err_text());
        assert_int_equal(e, 0);
        return r;
}

static void set(struct buf *b, const char *text)
{
        assert_int_equal(buf_set(b, BYTES_STR(text)), 0);
}

/* Uid 1000, no terminal, curl in nginx.service. */
static struct peer somebody(void)
{
        struct peer p = { .pid = 5, .pidfd = -1, .uid = 1000, .gid = 100, .groups = { 100, 27 }, .n_groups = 2 };
        uint8_t digest[32];

        memset(digest, 0xab, sizeof(digest));
        set(&p.exe, "/usr/bin/curl");
        set(&p.cgroup, "/system.slice/nginx.service");
        set(&p.unit, "nginx.service");
        assert_int_equal(buf_set(&p.exe_sha256, BYTES(digest, 32)), 0);
        return p;
}

static const struct request signing = { .key_label = { (const uint8_t *)"tls", 3 }, .operation = "sign", .mechanism = "RSA-PSS-SHA256-MGF1-SHA256-32",
        .now_ms = 1795000000000 };

static bool allows(const char *text, const struct request *q, void (*change)(struct peer *p))
{
        struct peer p = somebody();
        struct rule *r = parsed(text);
        bool yes;

        if (change != NULL)
                change(&p);
        yes = rule_match(r, &p, q) == 0;
        rule_free(r);
        peer_clear(&p);
        return yes;
}

static void every_condition_named_must_hold(void **state)
{
        static const struct {
                const char *rule;
                bool allows;
        } rows[] = {
                { "allow user=1000", true },
                { "allow user=1001", false },
                { "allow user=1001,1000", true },
                { "allow user=root", false },
                { "allow group=27", true },
                { "allow group=100", true },
                { "allow group=28", false },
                { "allow unit=nginx.service", true },
                { "allow unit=nginx", false },
                { "allow cgroup=/system.slice", true },
                { "allow cgroup=/system", false },
                { "allow cgroup=/system.slice/nginx.service", true },
                { "allow container=abc", false },
                { "allow path=/usr/bin/curl", true },
                { "allow path=/usr/bin/cur", false },
                { "allow sha256=abababababababababababababababababababababababababababababababab", true },
                { "allow sha256=abababababababababababababababababababababababababababababababaa", false },
                { "allow user=1000 path=/usr/bin/wget", false },
                { "allow user=1000 keys=tls,ssh", true },
                { "allow user=1000 keys=ssh", false },
                { "allow user=1000 ops=sign", true },
                { "allow user=1000 ops=any", true },
                { "allow user=1000 ops=decrypt", false },
                { "allow user=1000 mechanisms=RSA-PSS", true },
                { "allow user=1000 mechanisms=RSA-PSS-SHA256", true },
                { "allow user=1000 mechanisms=RSA-PS", false },
                { "allow user=1000 mechanisms=ECDSA", false },
                { "allow user=1000 not-after=2100-01-01T00:00:00Z", true },
                { "allow user=1000 not-after=2020-01-01T00:00:00Z", false },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++)
                if (allows(rows[i].rule, &signing, NULL) != rows[i].allows)
                        fail_msg("%s: %s", rows[i].rule, rows[i].allows ? "refused" : "allowed");
}

static void at_a_terminal(struct peer *p)
{
        p->tty = true;
}

static void logged_in(struct peer *p)
{
        p->has_loginuid = true;
        p->loginuid = 1000;
}

static void unknown_executable(struct peer *p)
{
        buf_clear(&p->exe);
        buf_clear(&p->exe_sha256);
}

static void people_are_refused_unless_the_rule_says_so(void **state)
{
        (void)state;
        assert_false(allows("allow user=1000", &signing, at_a_terminal));
        assert_false(allows("allow user=1000 human=no", &signing, logged_in));
        assert_true(allows("allow user=1000 human=yes", &signing, at_a_terminal));
        assert_true(allows("allow user=1000 human=yes", &signing, logged_in));
}

static void what_the_kernel_did_not_say_matches_nothing(void **state)
{
        (void)state;
        assert_false(allows("allow path=/usr/bin/curl", &signing, unknown_executable));
        assert_false(allows("allow sha256=abababababababababababababababababababababababababababababababab", &signing, unknown_executable));
        assert_true(allows("allow user=1000", &signing, unknown_executable));
}

static void without_ops_keys_are_used_and_no_more(void **state)
{
        struct request q = signing;
        static const char *const uses[] = { "sign", "decrypt", "derive", "mac" }, *const changes[] = { "generate", "create", "change", "delete" };

        (void)state;
        for (size_t i = 0; i < 4; i++) {
                q.operation = uses[i];
                assert_true(allows("allow user=1000", &q, NULL));
                q.operation = changes[i];
                assert_false(allows("allow user=1000", &q, NULL));
                assert_true(allows("allow user=1000 ops=generate,create,change,delete", &q, NULL));
        }
}

/* A moment of the week in UTC. 2026-11-23 is a Monday. */
static bool in_hours(const char *rule, int day, int hour, int minute)
{
        struct tm tm = { .tm_year = 126, .tm_mon = 10, .tm_mday = 23 + day, .tm_hour = hour, .tm_min = minute };
        struct request q = signing;

        q.now_ms = (uint64_t)timegm(&tm) * 1000;
        return allows(rule, &q, NULL);
}

static void hours_of_the_week(void **state)
{
        (void)state;
        setenv("TZ", "UTC", 1);
        tzset();
        assert_true(in_hours("allow user=1000 hours=mon-fri/08:00-18:00", 0, 8, 0));
        assert_true(in_hours("allow user=1000 hours=mon-fri/08:00-18:00", 4, 17, 59));
        assert_false(in_hours("allow user=1000 hours=mon-fri/08:00-18:00", 4, 18, 0));
        assert_false(in_hours("allow user=1000 hours=mon-fri/08:00-18:00", 5, 12, 0));
        assert_true(in_hours("allow user=1000 hours=fri-mon/00:00-24:00", 6, 23, 59));
        assert_false(in_hours("allow user=1000 hours=fri-mon/00:00-24:00", 1, 12, 0));
        /* Over midnight: Friday's night ends on Saturday. */
        assert_true(in_hours("allow user=1000 hours=fri/22:00-06:00", 5, 5, 59));
        assert_false(in_hours("allow user=1000 hours=fri/22:00-06:00", 4, 5, 59));
        assert_true(in_hours("allow user=1000 hours=mon/08:00-09:00,tue/10:00-11:00", 1, 10, 30));
}

static void text_comes_back(void **state)
{
        CLEANUP(buf_clear) struct buf b = { 0 };
        static const char text[] = "allow user=root path=/opt/a%20b,/x%2C rate=10/s,1000/d human=yes";
        struct rule *r = parsed("allow  human=yes rate=10/s,1000/d path=/opt/a%20b,/x%2c user=root ");
        const struct rule_rate *rates;

        (void)state;
        assert_int_equal(rule_format(r, &b), 0);
        assert_string_equal(buf_str(&b), text);
        assert_int_equal(rule_rates(r, &rates), 2);
        assert_int_equal(rates[0].count, 10);
        assert_int_equal(rates[0].seconds, 1);
        assert_int_equal(rates[1].count, 1000);
        assert_int_equal(rates[1].seconds, 86400);
        rule_free(r);
}

static void nonsense_is_refused(void **state)
{
        static const char *const texts[] = {
                "", "deny user=1", "allow", "allow keys=tls", "allow user", "allow user=", "allow user=1,", "allow user=nobody-of-that-name", "allow usr=1",
                "allow user=1 user=2", "allow group=no-such-group", "allow path=curl", "allow sha256=ab", "allow user=1 ops=fly", "allow user=1 rate=0/s",
                "allow user=1 rate=5/w", "allow user=1 rate=1/s,1/m,1/h,1/d", "allow user=1 hours=8-18", "allow user=1 hours=mon/25:00-26:00",
                "allow user=1 not-after=tomorrow", "allow user=1 human=maybe", "allow path=/a%", "allow path=/a%0", "allow path=/a%00", "allow\tuser=1",
                "allow user=1\n", "allow path=/\xff",
        };
        char *longer = malloc(RULE_TEXT_MAX + 2);
        struct rule *r;

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(texts); i++)
                if (rule_parse(BYTES_STR(texts[i]), &r) != ERR_FORMAT)
                        fail_msg("taken: %s", texts[i]);
        memset(longer, 'a', RULE_TEXT_MAX + 1);
        assert_int_equal(rule_parse(BYTES(longer, RULE_TEXT_MAX + 1), &r), ERR_FORMAT);
        free(longer);
}

static void sees_by_who_alone(void **state)
{
        struct peer p = somebody();
        struct rule *r = parsed("allow user=1000 keys=none-of-that-name ops=decrypt not-after=2020-01-01T00:00:00Z");

        (void)state;
        assert_true(rule_sees(r, &p));
        p.uid = 1;
        assert_false(rule_sees(r, &p));
        rule_free(r);
        peer_clear(&p);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_condition_named_must_hold), cmocka_unit_test(people_are_refused_unless_the_rule_says_so),
                cmocka_unit_test(what_the_kernel_did_not_say_matches_nothing), cmocka_unit_test(without_ops_keys_are_used_and_no_more),
                cmocka_unit_test(hours_of_the_week), cmocka_unit_test(text_comes_back), cmocka_unit_test(nonsense_is_refused),
                cmocka_unit_test(sees_by_who_alone),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
