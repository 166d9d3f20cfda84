/* SPDX-License-Identifier: BSD-2-Clause */
/* Tokens that are kept: for two thirds of their life, longer only where no other can be had, and never more than there is room for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "daemon/tokencache.h"
#include "lib/err.h"

static int setup(void **state)
{
        struct tokencache *t = NULL;

        assert_int_equal(tokencache_new(&t), 0);
        *state = t;
        return 0;
}

static int teardown(void **state)
{
        tokencache_free(*state);
        return 0;
}

static bool has(struct tokencache *t, const char *name, uint64_t boot_ms, bool stale, const char *token)
{
        CLEANUP(buf_clear) struct buf got = { 0 };
        uint64_t not_after = 0;

        if (tokencache_get(t, BYTES_STR(name), boot_ms, stale, &got, &not_after) != 0)
                return false;
        assert_int_equal(not_after, 4711);
        assert_true(bytes_equal(BYTES_OF(&got), BYTES_STR(token)));
        return true;
}

static void put(struct tokencache *t, const char *name, uint64_t boot_ms, const char *token)
{
        assert_int_equal(tokencache_put(t, BYTES_STR(name), boot_ms, 300, 300, BYTES_STR(token), 4711), 0);
}

static void two_thirds_and_in_need_all(void **state)
{
        struct tokencache *t = *state;

        assert_false(has(t, "a", 0, true, "x"));
        put(t, "a", 1000, "x");
        assert_true(has(t, "a", 1000, false, "x"));
        assert_true(has(t, "a", 200999, false, "x"));
        assert_false(has(t, "a", 201000, false, "x"));
        assert_true(has(t, "a", 300999, true, "x"));
        assert_false(has(t, "a", 301000, true, "x"));
        assert_false(has(t, "aa", 1000, true, "x"));
        put(t, "a", 200000, "y");
        assert_true(has(t, "a", 201000, false, "y"));
        /* Or less, where it is to be renewed before that. */
        assert_int_equal(tokencache_put(t, BYTES_STR("a"), 1000, 60, 300, BYTES_STR("z"), 4711), 0);
        assert_true(has(t, "a", 60999, false, "z"));
        assert_false(has(t, "a", 61000, false, "z"));
        assert_true(has(t, "a", 300999, true, "z"));
}

static void the_one_unused_longest_goes(void **state)
{
        struct tokencache *t = *state;
        char name[16];

        for (unsigned i = 0; i < TOKENCACHE_MAX; i++) {
                snprintf(name, sizeof(name), "n%u", i);
                put(t, name, 0, "x");
        }
        assert_true(has(t, "n0", 0, false, "x"));
        put(t, "one more", 0, "x");
        assert_true(has(t, "n0", 0, false, "x"));
        assert_false(has(t, "n1", 0, false, "x"));
        assert_true(has(t, "n2", 0, false, "x"));
        assert_true(has(t, "one more", 0, false, "x"));
}

static void those_of_a_key_are_dropped(void **state)
{
        struct tokencache *t = *state;

        put(t, "ab1", 0, "x");
        put(t, "ac1", 0, "x");
        put(t, "ab2", 0, "x");
        tokencache_drop(t, BYTES_STR("ab"));
        assert_false(has(t, "ab1", 0, true, "x"));
        assert_false(has(t, "ab2", 0, true, "x"));
        assert_true(has(t, "ac1", 0, true, "x"));
        put(t, "ab3", 0, "y");
        put(t, "ab4", 0, "z");
        assert_true(has(t, "ac1", 0, true, "x"));
        assert_true(has(t, "ab3", 0, true, "y"));
        tokencache_drop(t, BYTES("", 0));
        assert_false(has(t, "ac1", 0, true, "x"));
        assert_false(has(t, "ab3", 0, true, "y"));
        assert_false(has(t, "ab4", 0, true, "z"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(two_thirds_and_in_need_all, setup, teardown),
                cmocka_unit_test_setup_teardown(the_one_unused_longest_goes, setup, teardown),
                cmocka_unit_test_setup_teardown(those_of_a_key_are_dropped, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
