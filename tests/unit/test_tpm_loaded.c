/* SPDX-License-Identifier: BSD-2-Clause */
/* Any number of keys and processes get along with three slots, and nobody leaves anything behind. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "lib/err.h"
#include "lib/file.h"
#include "tests/tpmdev.h"
#include "tests/tpmfix.h"
#include "tpm/ctx.h"

#define KEYS 40
#define PROCESSES 4

static struct tpmkey keys[KEYS];

static int start(void **state)
{
        struct tpmfix *f = malloc(sizeof(*f));

        tpmfix_start(f);
        for (int i = 0; i < KEYS; i++)
                tpmkey_make(f->t, "P-256", ALG_SIGN, "auth", false, &keys[i]);
        *state = f;
        return 0;
}

static int stop(void **state)
{
        for (int i = 0; i < KEYS; i++)
                tpmkey_clear(&keys[i]);
        tpmfix_stop(*state);
        free(*state);
        return 0;
}

static int fresh(void **state)
{
        struct tpmfix *f = *state;

        tpmfix_reopen(f);
        return 0;
}

static int nothing_left(void **state)
{
        struct tpmfix *f = *state;

        tpmfix_reopen(f);
        assert_int_equal(tpmfix_objects(f), 0);
        assert_int_equal(tpmfix_sessions(f), 0);
        return 0;
}

static void forty_keys_in_turn(void **state)
{
        struct tpmfix *f = *state;

        for (int round = 0; round < 2; round++) {
                for (int i = 0; i < KEYS; i++) {
                        uint64_t before = tpm_commands(f->t);

                        assert_int_equal(tpmkey_sign(f->t, &keys[i]), 0);
                        assert_true(tpm_commands(f->t) - before <= 3);
                }
        }
        assert_true(tpmfix_objects(f) <= 2);
        assert_int_equal(tpmfix_sessions(f), 1);
}

/* In a child. It speaks to the TPM itself: the proxy is a thread of the parent process that it does not have. */
static void child(const struct tpmfix *f, int first, int count, bool close_it)
{
        struct tpmfix mine = *f;
        struct tpm *t;
        int failed = 0;

        mine.options.tcti = f->sw.tcti;
        t = tpmfix_open(&mine);
        for (int i = 0; i < count; i++)
                failed += tpmkey_sign(t, &keys[(first + i) % KEYS]) != 0;
        if (close_it)
                tpm_close(t);
        _exit(failed);
}

static int wait_all(int n)
{
        int failed = 0, status;

        while (n-- > 0) {
                assert_true(wait(&status) > 0);
                failed += !WIFEXITED(status) || WEXITSTATUS(status) != 0;
        }
        return failed;
}

static void four_processes_with_ten_keys_each(void **state)
{
        const struct tpmfix *f = *state;

        for (int p = 0; p < PROCESSES; p++) {
                if (fork() == 0)
                        child(f, p * 7, 10, true);
        }
        assert_int_equal(wait_all(PROCESSES), 0);
        assert_int_equal(tpmfix_objects(f), 0);
        assert_int_equal(tpmfix_sessions(f), 0);
}

static void two_processes_with_a_hot_key_each_do_not_disturb_each_other(void **state)
{
        struct tpmfix *f = *state;
        struct tpm *other = tpmfix_open(f);

        assert_int_equal(tpmkey_sign(f->t, &keys[0]), 0);
        assert_int_equal(tpmkey_sign(other, &keys[1]), 0);
        for (int i = 0; i < 4; i++) {
                uint64_t a = tpm_commands(f->t), b = tpm_commands(other);

                assert_int_equal(tpmkey_sign(f->t, &keys[0]), 0);
                assert_int_equal(tpmkey_sign(other, &keys[1]), 0);
                assert_int_equal(tpm_commands(f->t) - a, 1);
                assert_int_equal(tpm_commands(other) - b, 1);
        }
        /* And one uses what the other has loaded. */
        assert_int_equal(tpmkey_sign(other, &keys[0]), 0);
        assert_int_equal(tpmfix_objects(f), 2);
        tpm_close(other);
}

static void more_processes_than_sessions(void **state)
{
        struct tpmfix *f = *state;
        struct tpm *t[5];

        for (size_t i = 0; i < ARRAY_LEN(t); i++)
                t[i] = tpmfix_open(f);
        for (int round = 0; round < 3; round++) {
                for (size_t i = 0; i < ARRAY_LEN(t); i++)
                        assert_int_equal(tpmkey_sign(t[i], &keys[i]), 0);
        }
        assert_true(tpmfix_sessions(f) <= 2);
        for (size_t i = 0; i < ARRAY_LEN(t); i++)
                tpm_close(t[i]);
}

static void what_a_killed_process_left_goes_with_the_next(void **state)
{
        struct tpmfix *f = *state;

        if (fork() == 0)
                child(f, 0, 2, false);
        assert_int_equal(wait_all(1), 0);
        assert_int_equal(tpmfix_objects(f), 2);
        assert_int_equal(tpmkey_sign(f->t, &keys[5]), 0);
        assert_int_equal(tpmfix_objects(f), 1);
        assert_int_equal(tpmfix_sessions(f), 1);
}

/* Killed with work under way, at any command: the record says so, and the next user looks for himself. */
static void what_one_killed_in_the_middle_left_goes_too(void **state)
{
        struct tpmfix *f = *state;

        for (unsigned place = 1; place <= 6; place++) {
                pid_t pid;

                proxy_arm(&f->proxy, place, FAULT_LATE, 60);
                pid = fork();
                if (pid == 0) {
                        struct tpm *t = tpmfix_open(f);

                        for (int i = 0; i < 4; i++)
                                tpmkey_sign(t, &keys[i]);
                        pause();
                }
                while (f->proxy.commands < place)
                        usleep(500);
                usleep(20000);
                kill(pid, SIGKILL);
                waitpid(pid, NULL, 0);
                assert_int_equal(tpmkey_sign(f->t, &keys[7]), 0);
                assert_int_equal(tpmfix_objects(f), 1);
                assert_int_equal(tpmfix_sessions(f), 1);
                assert_int_equal(tpmkey_sign(f->t, &keys[8]), 0);
                tpmfix_reopen(f);
                assert_int_equal(tpmfix_objects(f), 0);
        }
}

static void where_nothing_can_be_written_nothing_stays(void **state)
{
        struct tpmfix *f = *state;
        struct tpm_options none = f->options;
        struct tpm *t;

        none.state_dirfd = -1;
        assert_int_equal(tpm_open(&none, &t), 0);
        assert_int_equal(tpm_set_parent(t, &f->parent), 0);
        for (int i = 0; i < 3; i++) {
                assert_int_equal(tpmkey_sign(t, &keys[i]), 0);
                assert_int_equal(tpmfix_objects(f), 0);
                assert_int_equal(tpmfix_sessions(f), 0);
        }
        tpm_close(t);

        /* The same for a directory in which the lock cannot be. */
        none.state_dirfd = open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_int_equal(tpm_open(&none, &t), 0);
        close(none.state_dirfd);
        assert_int_equal(tpm_set_parent(t, &f->parent), 0);
        assert_int_equal(tpmkey_sign(t, &keys[0]), 0);
        assert_int_equal(tpmfix_objects(f), 0);
        tpm_close(t);
}

static void two_stores_on_one_tpm(void **state)
{
        struct tpmfix *f = *state;
        struct tpm_options elsewhere = f->options;
        char path[128];
        struct tpm *t;

        snprintf(path, sizeof(path), "%s/elsewhere", f->sw.dir);
        assert_int_equal(mkdir(path, 0700), 0);
        elsewhere.state_dirfd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_int_equal(tpm_open(&elsewhere, &t), 0);
        assert_int_equal(tpm_set_parent(t, &f->parent), 0);
        for (int i = 0; i < KEYS; i++) {
                assert_int_equal(tpmkey_sign(t, &keys[i]), 0);
                assert_int_equal(tpmkey_sign(f->t, &keys[(i * 3) % KEYS]), 0);
        }
        tpm_close(t);
        close(elsewhere.state_dirfd);
}

static void slots_that_others_have_filled_are_emptied(void **state)
{
        struct tpmfix *f = *state;
        struct tpm_options none = f->options;
        struct tpm *t;

        /* Somebody who left three objects: two keys here, whose record then disappears, and a session. */
        assert_int_equal(tpmkey_sign(f->t, &keys[0]), 0);
        assert_int_equal(tpmkey_sign(f->t, &keys[1]), 0);
        assert_int_equal(tpmfix_objects(f), 2);
        none.state_dirfd = -1;
        assert_int_equal(tpm_open(&none, &t), 0);
        assert_int_equal(tpm_set_parent(t, &f->parent), 0);
        assert_int_equal(tpmkey_sign(t, &keys[2]), 0);
        tpm_close(t);
        assert_int_equal(tpmkey_sign(f->t, &keys[0]), 0);
}

static void a_forked_child_lets_go_and_the_parent_goes_on(void **state)
{
        struct tpmfix *f = *state;
        uint64_t before;

        assert_int_equal(tpmkey_sign(f->t, &keys[0]), 0);
        if (fork() == 0) {
                tpm_abandon(f->t);
                _exit(0);
        }
        /* What another thread was replacing just then is not even looked at. */
        if (fork() == 0) {
                f->t->share.last.ptr = (uint8_t *)1;
                tpm_abandon(f->t);
                _exit(0);
        }
        assert_int_equal(wait_all(2), 0);
        before = tpm_commands(f->t);
        assert_int_equal(tpmkey_sign(f->t, &keys[0]), 0);
        assert_int_equal(tpm_commands(f->t) - before, 1);
}

static struct tpm *open_managed(const struct tpmfix *f, struct tpmdev *d)
{
        struct tpm_options through = f->options;
        struct tpm *t;

        assert_int_equal(tpmdev_start(d, &f->sw, "tpmrm0"), 0);
        tpmdev_answer(d);
        through.tcti = d->tcti;
        through.state_dirfd = -1;
        assert_int_equal(tpm_open(&through, &t), 0);
        assert_int_equal(tpm_set_parent(t, &f->parent), 0);
        return t;
}

static void close_managed(struct tpmdev *d, struct tpm *t)
{
        unsigned n = d->closed;

        tpm_close(t);
        while (n == d->closed)
                usleep(1000);
        tpmdev_stop(d);
}

static uint64_t cost(struct tpm *t, const struct tpmkey *k)
{
        uint64_t before = tpm_commands(t);

        assert_int_equal(tpmkey_sign(t, k), 0);
        return tpm_commands(t) - before;
}

/* There every command costs the swapping of whatever is loaded, so only the key in use stays, and no lock is taken. */
static void behind_a_resource_manager_one_key_stays(void **state)
{
        struct tpmfix *f = *state;
        struct tpmdev d;
        struct tpm *t = open_managed(f, &d);

        assert_int_equal(cost(t, &keys[0]), 3);
        assert_int_equal(cost(t, &keys[0]), 1);
        for (int i = 1; i < 5; i++) {
                assert_int_equal(cost(t, &keys[i]), 3);
                assert_int_equal(tpmfix_objects(f), 1);
                assert_int_equal(tpmfix_sessions(f), 1);
        }
        for (int i = 1; i < 5; i++)
                assert_int_equal(cost(t, &keys[i]), 3);

        /* Whatever happens to what is loaded, the next signature is made. */
        assert_int_equal(swtpm_flush(&f->sw, 0x80000000), 0);
        assert_int_equal(tpmkey_sign(t, &keys[4]), 0);
        assert_int_equal(swtpm_flush(&f->sw, 0x02000000), 0);
        assert_int_equal(tpmkey_sign(t, &keys[4]), 0);
        assert_int_equal(swtpm_reset(&f->sw), 0);
        assert_int_equal(tpmkey_sign(t, &keys[4]), 0);

        /* Closing the file is enough. */
        close_managed(&d, t);
}

static void there_two_that_take_turns_stay_until_one_is_idle(void **state)
{
        struct tpmfix *f = *state;
        struct tpmdev d;
        struct tpm *t = open_managed(f, &d);

        cost(t, &keys[0]);
        cost(t, &keys[1]);
        cost(t, &keys[0]);
        assert_int_equal(tpmfix_objects(f), 2);
        for (int i = 1; i < 9; i++)
                assert_int_equal(cost(t, &keys[i % 2]), 1);
        for (int i = 0; i < 5; i++)
                cost(t, &keys[0]);
        assert_int_equal(tpmfix_objects(f), 1);
        assert_int_equal(cost(t, &keys[0]), 1);
        close_managed(&d, t);
}

/* A session would be swapped too. */
static void there_keys_without_a_secret_need_no_session(void **state)
{
        struct tpmfix *f = *state;
        struct tpmkey open[2];
        struct tpmdev d;
        struct tpm *t = open_managed(f, &d);

        for (int i = 0; i < 2; i++)
                tpmkey_make(f->t, "P-256", ALG_SIGN, "", false, &open[i]);
        tpmfix_reopen(f);
        assert_int_equal(cost(t, &open[0]), 2);
        assert_int_equal(cost(t, &open[0]), 1);
        assert_int_equal(tpmfix_sessions(f), 0);
        assert_int_equal(cost(t, &open[1]), 2);
        /* Closing the file flushes the other, at no command's cost. */
        for (int i = 0; i < 10; i++) {
                /* At its fifth load each is saved. */
                assert_int_equal(cost(t, &open[i % 2]), i == 6 || i == 7 ? 3 : 2);
                assert_int_equal(tpmfix_objects(f), 1);
                assert_int_equal(tpmfix_sessions(f), 0);
        }
        /* One with a secret brings a session, which goes when it has not been needed for a while. */
        cost(t, &keys[0]);
        assert_int_equal(tpmfix_sessions(f), 1);
        for (int i = 0; i < 5; i++)
                cost(t, &open[0]);
        assert_int_equal(tpmfix_sessions(f), 0);
        assert_int_equal(cost(t, &open[0]), 1);
        for (int i = 0; i < 2; i++)
                tpmkey_clear(&open[i]);
        close_managed(&d, t);
}

/* A program may have given up the rights that it opened the device with. */
static void there_what_cannot_be_opened_anew_stays_open(void **state)
{
        struct tpmfix *f = *state;
        struct tpmkey open[2];
        struct tpmdev d;
        struct tpm *t = open_managed(f, &d);

        for (int i = 0; i < 2; i++)
                tpmkey_make(f->t, "P-256", ALG_SIGN, "", false, &open[i]);
        tpmfix_reopen(f);
        assert_int_equal(cost(t, &open[0]), 2);
        assert_int_equal(unlink(d.tcti + strlen("device:")), 0);
        for (int i = 1; i < 6; i++) {
                assert_int_equal(cost(t, &open[i % 2]), i == 2 ? 2 : i == 1 ? 3 : 1);
                assert_int_equal(d.closed, 0);
        }
        for (int i = 0; i < 2; i++)
                tpmkey_clear(&open[i]);
        close_managed(&d, t);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, fresh, nothing_left)
        const struct CMUnitTest tests[] = {
                TEST(forty_keys_in_turn),
                TEST(four_processes_with_ten_keys_each),
                TEST(two_processes_with_a_hot_key_each_do_not_disturb_each_other),
                TEST(more_processes_than_sessions),
                TEST(what_a_killed_process_left_goes_with_the_next),
                TEST(what_one_killed_in_the_middle_left_goes_too),
                TEST(where_nothing_can_be_written_nothing_stays),
                TEST(two_stores_on_one_tpm),
                TEST(slots_that_others_have_filled_are_emptied),
                TEST(a_forked_child_lets_go_and_the_parent_goes_on),
                TEST(behind_a_resource_manager_one_key_stays),
                TEST(there_two_that_take_turns_stay_until_one_is_idle),
                TEST(there_keys_without_a_secret_need_no_session),
                TEST(there_what_cannot_be_opened_anew_stays_open),
        };

        return cmocka_run_group_tests(tests, start, stop);
}
