/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules in an agent's file, and what is decided by them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include "keys/policy.h"
#include "lib/err.h"
#include "lib/file.h"
#include "tests/storefixture.h"

static const struct peer one = { .pid = 1, .pidfd = -1, .uid = 1001, .gid = 1001 }, two = { .pid = 2, .pidfd = -1, .uid = 1002, .gid = 1002 };

static struct policy *policy_over(struct storefixture *f)
{
        struct policy *p;

        assert_int_equal(policy_new(f->store, &p), 0);
        return p;
}

static unsigned allow(struct storefixture *f, const char *rule)
{
        unsigned n = 0;

        assert_int_equal(policy_allow(f->store, AGENT, BYTES_STR(rule), &n), 0);
        return n;
}

static struct decision decided(struct policy *p, const struct peer *who, uint64_t now_ms)
{
        struct request q = { .key_label = BYTES_STR("k"), .operation = "sign", .mechanism = "ECDSA", .now_ms = now_ms };
        struct decision d;

        assert_int_equal(policy_decide(p, who, AGENT, &q, &d), 0);
        return d;
}

static void nothing_is_allowed_without_a_rule(void **state)
{
        struct storefixture *f = *state;
        struct policy *p = policy_over(f);
        struct decision d = decided(p, &one, 1);

        assert_false(d.allowed);
        assert_string_equal(d.rule, "default");
        assert_false(policy_sees(p, &one, AGENT));
        assert_false(policy_sees(p, &one, "no-such-agent"));
        policy_free(p);
}

/* Callers make names up, and a daemon runs for years. */
static void names_of_nobody_are_not_kept(void **state)
{
        struct storefixture *f = *state;
        struct policy *p = policy_over(f);
        struct request q = { .operation = "create-agent", .now_ms = 1 };
        CLEANUP(buf_clear) struct buf owner = { 0 };
        struct mallinfo2 before, after;
        struct decision d;
        char name[32];

        for (unsigned i = 0; i <= 20000; i++) {
                snprintf(name, sizeof(name), "made-up-%u", i);
                assert_int_equal(policy_decide(p, &one, name, &q, &d), ERR_NOENT);
                assert_false(policy_sees(p, &one, name));
                assert_int_equal(policy_owner(p, name, &owner), 0);
                if (i == 0)
                        before = mallinfo2();
        }
        after = mallinfo2();
        assert_true(after.uordblks < before.uordblks + 100000);
        policy_free(p);
}

static void a_change_counts_at_the_next_decision(void **state)
{
        struct storefixture *f = *state;
        struct policy *p = policy_over(f);
        struct decision d;

        assert_false(decided(p, &one, 1).allowed);
        assert_int_equal(allow(f, "allow user=1001"), 1);
        d = decided(p, &one, 1);
        assert_true(d.allowed);
        assert_string_equal(d.rule, "allow-1");
        assert_false(decided(p, &two, 1).allowed);
        assert_int_equal(allow(f, "allow user=1002"), 2);
        assert_true(decided(p, &two, 1).allowed);
        assert_true(policy_sees(p, &two, AGENT));
        assert_int_equal(policy_deny(f->store, AGENT, 1), 0);
        assert_false(decided(p, &one, 1).allowed);
        assert_int_equal(policy_deny(f->store, AGENT, 1), ERR_NOENT);
        assert_int_equal(allow(f, "allow user=1001"), 1);
        policy_free(p);
}

static void the_same_rule_twice_is_refused(void **state)
{
        struct storefixture *f = *state;
        unsigned n;

        allow(f, "allow user=1001");
        assert_int_equal(policy_allow(f->store, AGENT, BYTES_STR("allow  user=1001"), &n), ERR_EXIST);
        assert_int_equal(policy_allow(f->store, AGENT, BYTES_STR("allow nonsense"), &n), ERR_FORMAT);
        assert_int_equal(policy_allow(f->store, "nobody", BYTES_STR("allow user=1"), &n), ERR_NOENT);
}

static void rates_are_kept(void **state)
{
        struct storefixture *f = *state;
        struct policy *p = policy_over(f);
        struct decision d;

        allow(f, "allow user=1001 rate=2/s,5/m");
        for (uint64_t s = 0; s < 2; s++) {
                assert_true(decided(p, &one, 100000 + s * 1000).allowed);
                assert_true(decided(p, &one, 100500 + s * 1000).allowed);
                d = decided(p, &one, 100900 + s * 1000);
                assert_false(d.allowed);
                assert_string_equal(d.rule, "allow-1");
        }
        assert_true(decided(p, &one, 103000).allowed);
        assert_false(decided(p, &one, 104000).allowed);
        /* A change of another rule does not give anything back. */
        allow(f, "allow user=1002");
        assert_false(decided(p, &one, 105000).allowed);
        assert_true(decided(p, &one, 161000).allowed);
        /* A clock that was set back begins anew, it does not block for ever. */
        assert_true(decided(p, &one, 5000).allowed);
        policy_free(p);
}

static void a_lock_stops_and_stays(void **state)
{
        struct storefixture *f = *state;
        struct policy *p = policy_over(f);
        struct decision d;

        allow(f, "allow user=1001");
        assert_true(decided(p, &one, 1).allowed);
        assert_int_equal(policy_lock(f->store, AGENT, "stolen laptop"), 0);
        d = decided(p, &one, 1);
        assert_false(d.allowed);
        assert_string_equal(d.rule, "lock");
        assert_string_equal(d.reason, "stolen laptop");
        policy_free(p);
        p = policy_over(f);
        assert_false(decided(p, &one, 1).allowed);
        assert_int_equal(policy_unlock(f->store, AGENT), 0);
        assert_true(decided(p, &one, 1).allowed);
        assert_int_equal(policy_unlock(f->store, AGENT), ERR_NOENT);

        assert_int_equal(policy_lock(f->store, NULL, ""), 0);
        assert_false(decided(p, &one, 1).allowed);
        assert_int_equal(policy_unlock(f->store, NULL), 0);
        assert_true(decided(p, &one, 1).allowed);
        policy_free(p);
}

static void rules_that_cannot_be_read_allow_nothing(void **state)
{
        struct storefixture *f = *state;
        struct policy *p = policy_over(f);
        struct attrs a = { 0 };
        struct decision d;

        assert_int_equal(attrs_set_str(&a, "allow-1", "allow user=1001"), 0);
        assert_int_equal(attrs_set_str(&a, "allow-2", "allow user=1001 frobnicate=yes"), 0);
        assert_int_equal(store_agent_replace(f->store, AGENT, AGENT, &a), 0);
        d = decided(p, &one, 1);
        assert_false(d.allowed);
        assert_non_null(strstr(d.reason, "frobnicate"));
        attrs_clear(&a);
        policy_free(p);
}

static void why_not_is_explained(void **state)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        struct storefixture *f = *state;
        struct policy *p = policy_over(f);
        struct request q = { .operation = "sign", .now_ms = 1 };
        struct decision d;

        allow(f, "allow user=1001 path=/usr/bin/curl");
        allow(f, "allow user=1002 rate=1/d");
        for (int i = 0; i < 3; i++) {
                assert_int_equal(policy_explain(p, &two, AGENT, &q, &d, &text), 0);
                assert_true(d.allowed);
        }
        assert_string_equal(buf_str(&text), "allow-1: another user: allow user=1001 path=/usr/bin/curl\nallow-2: matches: allow user=1002 rate=1/d\n");
        policy_free(p);
}

static void nobody_is_refused(void **state)
{
        struct storefixture *f = *state;
        struct policy *p = policy_over(f);
        struct request q = { .operation = "sign", .now_ms = 1 };
        struct decision d;

        assert_int_equal(policy_decide(p, NULL, AGENT, &q, &d), ERR_DENIED);
        assert_int_equal(policy_decide(p, &one, "no-such-agent", &q, &d), ERR_NOENT);
        assert_false(policy_sees(p, NULL, AGENT));
        policy_free(p);
}

struct racer {
        struct policy *policy;
        unsigned allowed;
};

static void *race(void *arg)
{
        struct racer *r = arg;

        for (int i = 0; i < 200; i++)
                r->allowed += decided(r->policy, &one, 1).allowed;
        return NULL;
}

static void threads_share_a_rate(void **state)
{
        struct storefixture *f = *state;
        struct policy *p = policy_over(f);
        struct racer r[4] = { { p, 0 }, { p, 0 }, { p, 0 }, { p, 0 } };
        unsigned all = 0;
        pthread_t t[4];

        allow(f, "allow user=1001 rate=100/d");
        for (size_t i = 0; i < 4; i++)
                assert_int_equal(pthread_create(&t[i], NULL, race, &r[i]), 0);
        for (size_t i = 0; i < 4; i++) {
                pthread_join(t[i], NULL);
                all += r[i].allowed;
        }
        assert_int_equal(all, 100);
        policy_free(p);
}

static void a_hold_stops_at_once(void **state)
{
        struct storefixture *f = *state;
        struct policy *p = policy_over(f);
        struct policy_hold ours = { .agent = AGENT }, others = { .agent = "somebody-else" }, all = { 0 };

        allow(f, "allow user=1001 rate=2/d");
        policy_hold(p, &others);
        assert_true(decided(p, &one, 1).allowed);
        policy_hold(p, &ours);
        policy_hold(p, &all);
        policy_reload(p);
        assert_string_equal(decided(p, &one, 1).rule, "lock");
        policy_release(p, &ours);
        assert_string_equal(decided(p, &one, 1).rule, "lock");
        policy_release(p, &all);
        policy_release(p, &others);
        assert_true(decided(p, &one, 1).allowed);
        policy_free(p);
}

static void a_rule_shows_after_it_is_read(void **state)
{
        struct storefixture *f = *state;
        struct policy *p = policy_over(f);

        assert_false(policy_sees(p, &one, AGENT));
        allow(f, "allow user=1001");
        policy_read(p, AGENT);
        assert_true(policy_sees(p, &one, AGENT));
        policy_read(p, "no-such-agent");
        policy_free(p);
}

static int add_number(void *ctx, unsigned number, struct bytes rule)
{
        unsigned *sum = ctx;

        assert_true(rule.len > 0);
        *sum += number;
        return *sum > 10 ? 7 : 0;
}

static void people_are_shown_what_is_in_force(void **state)
{
        struct storefixture *f = *state;
        CLEANUP(buf_clear) struct buf why = { 0 };
        unsigned sum = 0;

        allow(f, "allow user=1001");
        allow(f, "allow user=1002");
        assert_int_equal(policy_each(f->store, AGENT, add_number, &sum), 0);
        assert_int_equal(sum, 3);
        sum = 10;
        assert_int_equal(policy_each(f->store, AGENT, add_number, &sum), 7);
        assert_int_equal(policy_each(f->store, "no-such-agent", add_number, &sum), ERR_NOENT);

        assert_int_equal(policy_why_locked(f->store, AGENT, &why), ERR_NOENT);
        assert_int_equal(policy_why_locked(f->store, NULL, &why), ERR_NOENT);
        assert_int_equal(policy_lock(f->store, AGENT, "stolen"), 0);
        assert_int_equal(policy_lock(f->store, NULL, "all of them"), 0);
        assert_int_equal(policy_why_locked(f->store, AGENT, &why), 0);
        assert_true(bytes_equal(BYTES_OF(&why), BYTES_STR("stolen")));
        buf_reset(&why);
        assert_int_equal(policy_why_locked(f->store, NULL, &why), 0);
        assert_true(bytes_equal(BYTES_OF(&why), BYTES_STR("all of them")));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, storefixture_setup, storefixture_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(nothing_is_allowed_without_a_rule), TEST(names_of_nobody_are_not_kept), TEST(a_change_counts_at_the_next_decision), TEST(the_same_rule_twice_is_refused),
                TEST(rates_are_kept), TEST(a_lock_stops_and_stays), TEST(rules_that_cannot_be_read_allow_nothing), TEST(why_not_is_explained),
                TEST(nobody_is_refused), TEST(threads_share_a_rate), TEST(a_hold_stops_at_once), TEST(a_rule_shows_after_it_is_read),
                TEST(people_are_shown_what_is_in_force),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
