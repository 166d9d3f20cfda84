/* SPDX-License-Identifier: BSD-2-Clause */
/* Threads have their turns in the order they come in, a party's many threads no more often than another's one; and what that means for a
 * signature beside somebody who signs without pause. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>
#include "lib/err.h"
#include "tests/tpmfix.h"
#include "tpm/clock.h"
#include "tpm/turn.h"

#define LONG_US 20000000u
#define BUSY 4
#define TIMES 50

static struct turns turns;
static char order[16];
static size_t n_order;

struct comer {
        const char *party;
        char mark;
        pthread_t thread;
};

/* Has one turn, in which it leaves its mark. */
static void *come(void *arg)
{
        const struct comer *c = arg;

        tpm_on_behalf(c->party);
        if (turn_take(&turns, clock_us() + LONG_US) != 0)
                return arg;
        order[n_order++] = c->mark;
        turn_give(&turns);
        return NULL;
}

/* One after another while the turn is ours; then they have theirs. */
static void served(struct comer *c, size_t n, const char *expected)
{
        void *failed;

        turns_init(&turns);
        n_order = 0;
        tpm_on_behalf("a");
        assert_int_equal(turn_take(&turns, clock_us() + LONG_US), 0);
        for (unsigned i = 0; i < n; i++) {
                assert_int_equal(pthread_create(&c[i].thread, NULL, come, &c[i]), 0);
                while (turn_waiting(&turns) <= i)
                        usleep(200);
        }
        turn_give(&turns);
        for (size_t i = 0; i < n; i++) {
                pthread_join(c[i].thread, &failed);
                assert_null(failed);
        }
        order[n_order] = '\0';
        assert_string_equal(order, expected);
        assert_int_equal(turn_waiting(&turns), 0);
        turns_destroy(&turns);
}

static void first_come_first_served(void **state)
{
        struct comer c[] = { { .mark = '1' }, { .mark = '2' }, { .mark = '3' }, { .mark = '4' } };

        (void)state;
        served(c, 4, "1234");
}

static void many_threads_are_one_party(void **state)
{
        struct comer c[] = {
                { .party = "a", .mark = '1' }, { .party = "a", .mark = '2' }, { .party = "a", .mark = '3' }, { .party = "b", .mark = 'b' },
                { .party = "c", .mark = 'c' }, { .party = "b", .mark = 'B' },
        };

        (void)state;
        served(c, 6, "bc1B23");
}

static void who_gives_up_is_in_nobodys_way(void **state)
{
        struct comer c = { .party = "b", .mark = 'b' };

        (void)state;
        turns_init(&turns);
        n_order = 0;
        tpm_on_behalf("a");
        assert_int_equal(turn_take(&turns, clock_us() + LONG_US), 0);
        assert_int_equal(pthread_create(&c.thread, NULL, come, &c), 0);
        while (turn_waiting(&turns) == 0)
                usleep(200);
        assert_int_equal(turn_take(&turns, clock_us() + 20000), ERR_TIMEOUT);
        assert_int_equal(turn_waiting(&turns), 1);
        turn_give(&turns);
        pthread_join(c.thread, NULL);
        assert_int_equal(n_order, 1);
        assert_int_equal(turn_take(&turns, clock_us() + LONG_US), 0);
        turn_give(&turns);
        turns_destroy(&turns);
}

static struct busy {
        struct tpmfix f;
        struct tpmkey key, other;
        _Atomic bool enough;
        _Atomic unsigned failed, done;
} busy;

static void *sign_on(void *arg)
{
        (void)arg;
        tpm_on_behalf("busy");
        while (!busy.enough) {
                busy.failed += tpmkey_sign(busy.f.t, &busy.key) != 0;
                busy.done++;
        }
        return NULL;
}

/* Others' commands between our coming and our signature: the one that runs, and one that somebody began while we came. */
static void a_signature_waits_for_two_commands_at_most(void **state)
{
        pthread_t t[BUSY];
        uint64_t before, others, most = 0;

        (void)state;
        tpmfix_start(&busy.f);
        tpmkey_make(busy.f.t, "P-256", ALG_SIGN, "auth", false, &busy.key);
        tpmkey_make(busy.f.t, "P-256", ALG_SIGN, "auth", false, &busy.other);
        assert_int_equal(tpmkey_sign(busy.f.t, &busy.key), 0);
        assert_int_equal(tpmkey_sign(busy.f.t, &busy.other), 0);
        for (size_t i = 0; i < BUSY; i++)
                assert_int_equal(pthread_create(&t[i], NULL, sign_on, NULL), 0);
        tpm_on_behalf("now and then");
        while (busy.done < 2 * BUSY)
                usleep(1000);
        for (int i = 0; i < TIMES; i++) {
                usleep(1000 + (unsigned)i * 97 % 2000);
                before = tpm_commands(busy.f.t);
                assert_int_equal(tpmkey_sign(busy.f.t, &busy.other), 0);
                others = tpm_commands(busy.f.t) - before - 1;
                most = others > most ? others : most;
        }
        busy.enough = true;
        for (size_t i = 0; i < BUSY; i++)
                pthread_join(t[i], NULL);
        assert_int_equal(busy.failed, 0);
        assert_in_range(most, 0, 2);
        tpmkey_clear(&busy.key);
        tpmkey_clear(&busy.other);
        tpmfix_stop(&busy.f);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(first_come_first_served), cmocka_unit_test(many_threads_are_one_party), cmocka_unit_test(who_gives_up_is_in_nobodys_way),
                cmocka_unit_test(a_signature_waits_for_two_commands_at_most),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
