/* SPDX-License-Identifier: BSD-2-Clause */
/* What the file of sums and the TPM's counter say together: a cut or edited file, a counter that is another or away, many who change at once. */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "lib/err.h"
#include "lib/file.h"
#include "tests/guardfix.h"

static int start(void **state)
{
        *state = malloc(sizeof(struct guardfix));
        guardfix_start(*state);
        return 0;
}

static int stop(void **state)
{
        guardfix_stop(*state);
        free(*state);
        return 0;
}

/* Cut anywhere, each octet of it changed, removed: all is refused, and the daemon can say so. */
static void the_sums_themselves_are_guarded(void **state)
{
        struct guardfix *g = *state;
        CLEANUP(buf_clear) struct buf text = { 0 };
        int dir;

        for (unsigned n = 0; n < 5; n++)
                guardfix_change(g, n);
        guardfix_close(g);
        assert_int_equal(file_read(store_dirfd(guardfix_store(g)), "sums", 1 << 20, &text), 0);
        assert_true(text.len > 1000);
        for (size_t at = 0; at < text.len; at += 13) {
                for (int cut = 0; cut < 2; cut++) {
                        dir = store_dirfd(guardfix_store(g));
                        if (cut) {
                                assert_int_equal(file_write(dir, "sums", BYTES(text.ptr, at), 0600, true), 0);
                        } else {
                                assert_int_equal(file_write(dir, "sums", BYTES_OF(&text), 0600, true), 0);
                                guardfix_flip(guardfix_path(g, "sums"), (long)at);
                        }
                        assert_int_equal(guardfix_try_open(g, false), 0);
                        assert_int_equal(guard_check(g->guard, "b"), ERR_FOREIGN);
                        assert_non_null(guardfix_finding(g, ""));
                        guardfix_close(g);
                }
        }
        assert_int_equal(unlink(guardfix_path(g, "sums")), 0);
        guardfix_open(g);
        assert_int_equal(guard_check(g->guard, "a"), ERR_FOREIGN);
        assert_non_null(strstr(err_text(), "sums were removed"));
        guardfix_close(g);
        assert_int_equal(file_write(store_dirfd(guardfix_store(g)), "sums", BYTES_OF(&text), 0600, false), 0);
        guardfix_open(g);
        guardfix_expect_good(g);
        /* Of a secret that was just made, there are none yet. */
        guardfix_close(g);
        assert_int_equal(guardfix_try_open(g, true), 0);
        guardfix_expect_good(g);
}

static void an_operator_accepts_a_whole_store(void **state)
{
        struct guardfix *g = *state;
        char copy[128];

        snprintf(copy, sizeof(copy), "%s/copy", g->f.swtpm.dir);
        guardfix_sh("cp -a '%s' '%s'", g->f.conf.store, copy);
        guardfix_change(g, 0);
        guardfix_close(g);
        guardfix_sh("rm -r '%s'; cp -a '%s' '%s'", g->f.conf.store, copy, g->f.conf.store);
        guardfix_open(g);
        assert_int_equal(guard_accept(g->guard, "a"), ERR_FOREIGN);
        assert_int_equal(guard_accept(g->guard, NULL), 0);
        guardfix_expect_good(g);
        guardfix_change(g, 0);
        guardfix_close(g);
        guardfix_open(g);
        guardfix_expect_good(g);
        /* And the copy is as old as before. */
        guardfix_close(g);
        guardfix_sh("rm -r '%s'; cp -a '%s' '%s'", g->f.conf.store, copy, g->f.conf.store);
        guardfix_open(g);
        assert_int_equal(guard_check(g->guard, "b"), ERR_FOREIGN);
        assert_int_equal(guard_accept(g->guard, NULL), 0);
        guardfix_expect_good(g);
}

static void without_its_counter_a_store_is_refused(void **state)
{
        struct guardfix *g = *state;
        uint32_t index = g->index;

        guardfix_close(g);
        g->no_counter = true;
        guardfix_open(g);
        assert_int_equal(guard_check(g->guard, "a"), ERR_FOREIGN);
        assert_non_null(strstr(err_text(), "hang on a counter"));
        guardfix_close(g);
        g->no_counter = false;
        guardfix_make_counter(g);
        assert_int_not_equal(g->index, index);
        guardfix_raise(g);
        guardfix_raise(g);
        guardfix_open(g);
        assert_int_equal(guard_check(g->guard, "a"), ERR_FOREIGN);
        guardfix_close(g);
        g->index = index;
        guardfix_open(g);
        guardfix_expect_good(g);
        /* Removed by the owner: the daemon lives, and says so. */
        guardfix_close(g);
        guardfix_remove_counter(g);
        guardfix_open(g);
        assert_int_equal(guard_check(g->guard, "a"), ERR_FOREIGN);
        assert_non_null(strstr(err_text(), "counter, which the store's sums hang on, is gone"));
        assert_int_equal(guard_accept(g->guard, NULL), ERR_NOENT);
        assert_int_equal(guard_check(g->guard, "a"), ERR_FOREIGN);
        guardfix_close(g);
        guardfix_make_counter(g);
        guardfix_open(g);
        assert_int_equal(guard_accept(g->guard, NULL), 0);
        guardfix_expect_good(g);
}

/* A TPM without room for one. */
static void with_no_counter_at_all_it_says_so(void **state)
{
        struct guardfix *g = *state;
        CLEANUP(buf_clear) struct buf text = { 0 };

        guardfix_close(g);
        g->no_counter = true;
        assert_int_equal(unlink(guardfix_path(g, "sums")), 0);
        fixture_reopen(&g->f);
        assert_int_equal(guardfix_try_open(g, true), 0);
        assert_non_null(strstr(guardfix_finding(g, ""), "no counter"));
        assert_int_equal(guard_check(g->guard, NULL), 0);
        guardfix_change(g, 0);
        guardfix_close(g);
        /* What was edited is noticed all the same, at the end too. */
        assert_int_equal(file_read(store_dirfd(guardfix_store(g)), "sums", 1 << 20, &text), 0);
        guardfix_flip(guardfix_path(g, "sums"), (long)text.len - 3);
        guardfix_open(g);
        assert_int_equal(guard_check(g->guard, NULL), ERR_FOREIGN);
        guardfix_close(g);
        guardfix_flip(guardfix_path(g, "sums"), (long)text.len - 3);
        guardfix_open(g);
        assert_int_equal(guard_check(g->guard, "a"), 0);
        guardfix_close(g);
        g->no_counter = false;
        guardfix_open(g);
        assert_int_equal(guard_check(g->guard, "a"), ERR_FOREIGN);
        assert_int_equal(guard_accept(g->guard, NULL), 0);
        guardfix_expect_good(g);
}

static void a_counter_that_cannot_be_raised_stops_changes(void **state)
{
        struct item_spec spec = { .type = ITEM_DATA, .label = BYTES_STR("x"), .der = BYTES_STR("x") };
        struct guardfix *g = *state;

        g->fails = true;
        guardfix_add(g, "a", "last", "value");
        assert_non_null(strstr(guardfix_finding(g, ""), "the TPM is away"));
        assert_int_equal(store_item_add(guardfix_store(g), "a", &spec, NULL), ERR_NODEV);
        assert_int_equal(store_item_add(guardfix_store(g), "b", &spec, NULL), ERR_NODEV);
        assert_int_equal(guardfix_sign(g), 0);
        guardfix_close(g);
        guardfix_open(g);
        assert_int_equal(guard_check(g->guard, "a"), 0);
        g->fails = false;
        guardfix_add(g, "a", "x", "x");
        guardfix_expect_good(g);
        guardfix_close(g);
        guardfix_open(g);
        guardfix_expect_good(g);
}

/* A disk that takes no more. */
static void sums_that_cannot_be_written_stop_changes(void **state)
{
        struct item_spec spec = { .type = ITEM_DATA, .label = BYTES_STR("x"), .der = BYTES_STR("x") };
        struct guardfix *g = *state;
        struct rlimit limit, none;

        signal(SIGXFSZ, SIG_IGN);
        assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
        none = limit;
        none.rlim_cur = 10;
        for (int i = 0; i < 2; i++) {
                assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
                assert_int_not_equal(store_item_add(guardfix_store(g), "a", &spec, NULL), 0);
                assert_int_equal(guard_check(g->guard, "a"), 0);
                assert_non_null(strstr(guardfix_finding(g, ""), "could not be written"));
                assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
                if (i == 0)
                        guardfix_add(g, "a", "y", "y");
                else
                        guardfix_close(g);
                if (i == 1)
                        guardfix_open(g);
                guardfix_expect_good(g);
        }
}

static void the_sums_do_not_grow_for_ever(void **state)
{
        struct guardfix *g = *state;
        struct stat st;
        char label[32];

        g->no_counter = true;
        guardfix_close(g);
        assert_int_equal(unlink(guardfix_path(g, "sums")), 0);
        assert_int_equal(guardfix_try_open(g, true), 0);
        for (unsigned n = 0; n < 300; n++) {
                snprintf(label, sizeof(label), "o%u", n);
                guardfix_add(g, "a", label, "x");
                guardfix_remove_item(g, label);
        }
        assert_int_equal(stat(guardfix_path(g, "sums"), &st), 0);
        assert_true(st.st_size < 70000);
        guardfix_close(g);
        guardfix_open(g);
        assert_int_equal(guard_check(g->guard, "a"), 0);
        assert_int_equal(guard_check(g->guard, "b"), 0);
}

static int set_owner(struct attrs *a, void *ctx)
{
        return attrs_set_str(a, "owner", ctx);
}

/* Eight of them change what they can, some the same agent. */
static void *work(void *ctx)
{
        struct guardfix *g = *(struct guardfix **)ctx;
        static unsigned numbers;
        unsigned me = __atomic_add_fetch(&numbers, 1, __ATOMIC_RELAXED);
        const char *agent = me % 2 ? "a" : "b";
        struct item_spec spec = { .type = ITEM_DATA, .der = BYTES_STR("x") };
        char label[32];
        size_t failed = 0;

        for (unsigned n = 0; n < 6; n++) {
                CLEANUP(attrs_clear) struct attrs lines = { 0 };
                struct item *made = NULL;
                const struct item_body *body;

                snprintf(label, sizeof(label), "t%u-%u", me, n);
                spec.label = BYTES_STR(label);
                failed += store_item_add(guardfix_store(g), agent, &spec, &made) != 0;
                failed += guard_check(g->guard, n % 2 ? "a" : "b") != 0;
                failed += store_agent_read(guardfix_store(g), agent, &lines) != 0;
                failed += made == NULL || item_load(made, &body) != 0;
                if (n % 3 == 0)
                        failed += made == NULL || store_item_remove(guardfix_store(g), agent, made) != 0;
                if (n % 3 == 1)
                        failed += store_agent_update(guardfix_store(g), agent, set_owner, label) != 0;
                item_unref(made);
                if (failed != 0)
                        fprintf(stderr, "%s\n", err_text());
        }
        return (void *)failed;
}

static void many_at_once(void **state)
{
        struct guardfix *g = *state;
        uint64_t before = guardfix_counter(g);
        pthread_t t[8];
        void *failed;

        for (size_t i = 0; i < ARRAY_LEN(t); i++)
                assert_int_equal(pthread_create(&t[i], NULL, work, &g), 0);
        for (size_t i = 0; i < ARRAY_LEN(t); i++) {
                pthread_join(t[i], &failed);
                assert_null(failed);
        }
        /* 8 * (6 + 2 + 2) changes. */
        assert_true(guardfix_counter(g) - before <= 80);
        guardfix_expect_good(g);
        guardfix_close(g);
        guardfix_open(g);
        guardfix_expect_good(g);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(the_sums_themselves_are_guarded, start, stop),
                cmocka_unit_test_setup_teardown(an_operator_accepts_a_whole_store, start, stop),
                cmocka_unit_test_setup_teardown(without_its_counter_a_store_is_refused, start, stop),
                cmocka_unit_test_setup_teardown(with_no_counter_at_all_it_says_so, start, stop),
                cmocka_unit_test_setup_teardown(a_counter_that_cannot_be_raised_stops_changes, start, stop),
                cmocka_unit_test_setup_teardown(sums_that_cannot_be_written_stop_changes, start, stop),
                cmocka_unit_test_setup_teardown(the_sums_do_not_grow_for_ever, start, stop),
                cmocka_unit_test_setup_teardown(many_at_once, start, stop),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
