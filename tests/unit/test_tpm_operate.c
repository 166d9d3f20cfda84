/* SPDX-License-Identifier: BSD-2-Clause */
/* What goes wrong in the middle is mended, or ends in time with the right words; threads take turns. */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include <tss2/tss2_tpm2_types.h>
#include "lib/err.h"
#include "tests/tpmfix.h"
#include "tpm/clock.h"

static struct tpmkey key;

static int start(void **state)
{
        struct tpmfix *f = malloc(sizeof(*f));

        tpmfix_start(f);
        tpmkey_make(f->t, "P-256", ALG_SIGN, "auth", false, &key);
        *state = f;
        return 0;
}

static int stop(void **state)
{
        assert_int_equal(tpmfix_wrong_tries(*state), 0);
        tpmkey_clear(&key);
        tpmfix_stop(*state);
        free(*state);
        return 0;
}

/* Each test begins with key and session loaded and ends with nothing left in the TPM. */
static int loaded(void **state)
{
        struct tpmfix *f = *state;

        f->options.deadline_ms = 5000;
        f->options.tcti = f->proxy.tcti;
        proxy_arm(&f->proxy, 0, FAULT_NONE, 0);
        tpmfix_reopen(f);
        assert_int_equal(tpmkey_sign(f->t, &key), 0);
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

static void heals_after_a_reset(void **state)
{
        struct tpmfix *f = *state;

        for (int i = 0; i < 3; i++) {
                assert_int_equal(swtpm_reset(&f->sw), 0);
                assert_int_equal(tpmkey_sign(f->t, &key), 0);
                assert_int_equal(tpmkey_sign(f->t, &key), 0);
        }
}

static void starts_up_a_tpm_that_nobody_has(void **state)
{
        struct tpmfix *f = *state;

        swtpm_off(&f->sw);
        assert_int_equal(swtpm_on_unstarted(&f->sw), 0);
        assert_int_equal(tpmkey_sign(f->t, &key), 0);
}

struct signer {
        struct tpmfix *f;
        int result;
};

static void *sign_once(void *arg)
{
        struct signer *s = arg;

        s->result = tpmkey_sign(s->f->t, &key);
        return NULL;
}

static void waits_for_one_that_restarts(void **state)
{
        struct tpmfix *f = *state;
        struct signer s = { .f = f };
        pthread_t thread;

        /* By its own socket: the proxy would hide that there is nobody. */
        f->options.tcti = f->sw.tcti;
        tpmfix_reopen(f);
        assert_int_equal(tpmkey_sign(f->t, &key), 0);
        swtpm_off(&f->sw);
        pthread_create(&thread, NULL, sign_once, &s);
        clock_nap(1000000, UINT64_MAX);
        assert_int_equal(swtpm_on(&f->sw), 0);
        pthread_join(thread, NULL);
        assert_int_equal(s.result, 0);
}

static void gives_up_on_one_that_does_not_come_back(void **state)
{
        struct tpmfix *f = *state;
        uint64_t at;

        f->options.tcti = f->sw.tcti;
        tpmfix_reopen(f);
        assert_int_equal(tpmkey_sign(f->t, &key), 0);
        swtpm_off(&f->sw);
        at = clock_us();
        assert_int_equal(tpmkey_sign(f->t, &key), ERR_NODEV);
        assert_in_range(clock_us() - at, 1500000, 3000000);
        assert_non_null(strstr(err_text(), f->sw.sock));
        assert_int_equal(swtpm_on(&f->sw), 0);
        assert_int_equal(tpmkey_sign(f->t, &key), 0);
}

static void heals_when_others_flush_what_is_ours(void **state)
{
        struct tpmfix *f = *state;

        assert_int_equal(swtpm_flush(&f->sw, 0x80000000), 0);
        assert_int_equal(tpmkey_sign(f->t, &key), 0);
        assert_int_equal(swtpm_flush(&f->sw, 0x02000000), 0);
        assert_int_equal(tpmkey_sign(f->t, &key), 0);
        assert_int_equal(swtpm_flush(&f->sw, 0x80000000), 0);
        assert_int_equal(swtpm_flush(&f->sw, 0x02000000), 0);
        assert_int_equal(tpmkey_sign(f->t, &key), 0);
}

static void another_key_behind_our_handle_is_seen(void **state)
{
        struct tpmfix *f = *state;
        struct tpm_options elsewhere = f->options;
        struct tpmkey other;
        struct tpm *t;
        char path[128];
        uint64_t before;

        /* Somebody who does not know of our table flushes our key and loads his own, which gets our handle. */
        tpmkey_make(f->t, "P-256", ALG_SIGN, "auth", false, &other);
        tpmfix_reopen(f);
        assert_int_equal(tpmkey_sign(f->t, &key), 0);
        assert_int_equal(swtpm_flush(&f->sw, 0x80000000), 0);
        snprintf(path, sizeof(path), "%s/elsewhere", f->sw.dir);
        assert_int_equal(mkdir(path, 0700), 0);
        elsewhere.state_dirfd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_int_equal(tpm_open(&elsewhere, &t), 0);
        close(elsewhere.state_dirfd);
        assert_int_equal(tpm_set_parent(t, &f->parent), 0);
        assert_int_equal(tpmkey_sign(t, &other), 0);
        assert_int_equal(tpmfix_objects(f), 1);

        before = tpm_commands(f->t);
        assert_int_equal(tpmkey_sign(f->t, &key), 0);
        assert_true(tpm_commands(f->t) - before > 1);
        assert_int_equal(tpmkey_sign(t, &other), 0);
        assert_int_equal(tpmkey_sign(f->t, &key), 0);
        tpm_close(t);
        tpmkey_clear(&other);
}

static void an_answer_that_never_comes_ends_in_time(void **state)
{
        struct tpmfix *f = *state;
        uint64_t at;

        f->options.deadline_ms = 300;
        tpmfix_reopen(f);
        assert_int_equal(tpmkey_sign(f->t, &key), 0);
        proxy_arm(&f->proxy, 1, FAULT_NEVER, 0);
        at = clock_us();
        assert_int_equal(tpmkey_sign(f->t, &key), ERR_TIMEOUT);
        assert_in_range(clock_us() - at, 290000, 700000);
        assert_int_equal(tpmkey_sign(f->t, &key), 0);
}

static void a_late_answer_is_not_the_answer_to_the_next(void **state)
{
        struct tpmfix *f = *state;

        f->options.deadline_ms = 200;
        tpmfix_reopen(f);
        assert_int_equal(tpmkey_sign(f->t, &key), 0);
        proxy_arm(&f->proxy, 1, FAULT_LATE, 250);
        assert_int_equal(tpmkey_sign(f->t, &key), ERR_TIMEOUT);
        clock_nap(100000, UINT64_MAX);
        for (int i = 0; i < 3; i++)
                assert_int_equal(tpmkey_sign(f->t, &key), 0);
}

static void a_warning_that_stays_ends_in_time_too(void **state)
{
        struct tpmfix *f = *state;
        uint64_t at = clock_us();

        /* Lockout is asked again twice, not until the deadline. */
        proxy_arm(&f->proxy, 1, FAULT_CODE, TPM2_RC_LOCKOUT);
        assert_int_equal(tpmkey_sign(f->t, &key), 0);
        assert_true(clock_us() - at < 1000000);
}

static void no_two_commands_are_the_same_bytes(void **state)
{
        struct tpmfix *f = *state;
        const uint8_t *first, *second;
        size_t from = f->proxy.wire_len;
        static const uint8_t sign[] = { 0x00, 0x00, 0x01, 0x5d };

        proxy_arm(&f->proxy, 1, FAULT_LOST, TPM2_RC_RETRY);
        assert_int_equal(tpmkey_sign(f->t, &key), 0);
        first = memmem(f->proxy.wire + from, f->proxy.wire_len - from, sign, sizeof(sign));
        assert_non_null(first);
        second = memmem(first + 4, (size_t)(f->proxy.wire + f->proxy.wire_len - first - 4), sign, sizeof(sign));
        assert_non_null(second);
        /* code, handle, length of the authorisation area, session, length of the nonce; then the nonce */
        assert_memory_equal(first + 8, second + 8, 4);
        assert_memory_not_equal(first + 18, second + 18, 32);
}

struct crowd {
        struct tpmfix *f;
        int failed;
};

static void *sign_many(void *arg)
{
        struct crowd *c = arg;

        for (int i = 0; i < 25; i++) {
                if (tpmkey_sign(c->f->t, &key) != 0)
                        __atomic_fetch_add(&c->failed, 1, __ATOMIC_RELAXED);
        }
        return NULL;
}

static void threads_take_turns(void **state)
{
        struct crowd c = { .f = *state };
        pthread_t thread[8];
        uint64_t before = tpm_commands(c.f->t);

        for (size_t i = 0; i < ARRAY_LEN(thread); i++)
                pthread_create(&thread[i], NULL, sign_many, &c);
        for (size_t i = 0; i < ARRAY_LEN(thread); i++)
                pthread_join(thread[i], NULL);
        assert_int_equal(c.failed, 0);
        assert_int_equal(tpm_commands(c.f->t) - before, 200);
        /* Nobody holds the TPM when all is done. */
        assert_int_equal(tpmfix_objects(c.f), 1);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, loaded, nothing_left)
        const struct CMUnitTest tests[] = {
                TEST(heals_after_a_reset),
                TEST(starts_up_a_tpm_that_nobody_has),
                TEST(waits_for_one_that_restarts),
                TEST(gives_up_on_one_that_does_not_come_back),
                TEST(heals_when_others_flush_what_is_ours),
                TEST(another_key_behind_our_handle_is_seen),
                TEST(an_answer_that_never_comes_ends_in_time),
                TEST(a_late_answer_is_not_the_answer_to_the_next),
                TEST(a_warning_that_stays_ends_in_time_too),
                TEST(no_two_commands_are_the_same_bytes),
                TEST(threads_take_turns),
        };

        return cmocka_run_group_tests(tests, start, stop);
}
