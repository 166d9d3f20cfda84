/* SPDX-License-Identifier: BSD-2-Clause */
/* PINs: the right one gives the secret, a wrong one costs a try before anybody can kill us, and the TPM's lockout is left alone. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <tss2/tss2_tpm2_types.h>
#include <unistd.h>
#include <cmocka.h>
#include "lib/err.h"
#include "tests/fixture.h"

static struct fixture f;
static struct buf secret;

/* Each test has an agent of its own. */
static void make(const char *agent, bool lockout_tpm)
{
        CLEANUP(attrs_clear) struct attrs a = { 0 };

        buf_reset(&secret);
        assert_int_equal(pin_create(f.keyring, BYTES_STR("so-pin"), lockout_tpm, &a, &secret), 0);
        assert_int_equal(secret.len, 32);
        assert_int_equal(keyring_agent_create(f.keyring, agent, "dana@example.com", &a), 0);
        assert_int_equal(pin_set(f.keyring, agent, PIN_USER, BYTES_OF(&secret), BYTES_STR("1234")), 0);
}

static int start(void **state)
{
        (void)state;
        fixture_start(&f);
        return 0;
}

static int stop(void **state)
{
        (void)state;
        buf_clear(&secret);
        fixture_stop(&f);
        return 0;
}

static int login(const char *agent, enum pin_who who, const char *pin)
{
        CLEANUP(buf_clear) struct buf got = { 0 };
        int r;

        r = pin_login(f.keyring, agent, who, BYTES_STR(pin), &got);
        if (r == 0)
                assert_true(bytes_equal(BYTES_OF(&got), BYTES_OF(&secret)));
        else
                assert_int_equal(got.len, 0);
        return r;
}

static unsigned tries(const char *agent, enum pin_who who)
{
        struct pin_state s;

        assert_int_equal(pin_state(f.keyring, agent, &s), 0);
        return s.tries_left[who];
}

static uint32_t tpm_tries(void)
{
        uint32_t n;

        assert_int_equal(swtpm_property(&f.swtpm, TPM2_PT_LOCKOUT_COUNTER, &n), 0);
        return n;
}

static void both_pins_open_the_same_secret(void **state)
{
        struct pin_state s;

        (void)state;
        assert_int_equal(pin_state(f.keyring, "a", &s), 0);
        assert_false(s.used);
        assert_int_equal(login("a", PIN_USER, "1234"), ERR_NOENT);

        make("both", false);
        assert_int_equal(pin_state(f.keyring, "both", &s), 0);
        assert_true(s.used && s.user_set && !s.lockout_tpm);
        assert_int_equal(s.tries_max, 3);
        assert_int_equal(login("both", PIN_SO, "so-pin"), 0);
        assert_int_equal(login("both", PIN_USER, "1234"), 0);
        assert_int_equal(login("both", PIN_USER, "so-pin"), ERR_AUTH);
        fixture_reopen(&f);
        assert_int_equal(login("both", PIN_USER, "1234"), 0);
}

static void wrong_pins_lock_and_the_officer_unlocks(void **state)
{
        (void)state;
        make("locks", false);
        for (unsigned left = 3; left-- > 0; ) {
                assert_int_equal(login("locks", PIN_USER, "wrong"), ERR_AUTH);
                assert_int_equal(tries("locks", PIN_USER), left);
        }
        assert_int_equal(login("locks", PIN_USER, "1234"), ERR_LOCKED);
        assert_int_equal(tries("locks", PIN_SO), 3);
        assert_int_equal(login("locks", PIN_SO, "so-pin"), 0);
        assert_int_equal(pin_set(f.keyring, "locks", PIN_USER, BYTES_OF(&secret), BYTES_STR("5678")), 0);
        assert_int_equal(login("locks", PIN_USER, "1234"), ERR_AUTH);
        assert_int_equal(login("locks", PIN_USER, "5678"), 0);
        assert_int_equal(tries("locks", PIN_USER), 3);
        assert_int_equal(tpm_tries(), 0);
}

static void the_tpm_counts_too_where_it_was_asked_to(void **state)
{
        struct pin_state s;

        (void)state;
        make("counts", true);
        assert_int_equal(pin_state(f.keyring, "counts", &s), 0);
        assert_true(s.lockout_tpm);
        assert_int_equal(login("counts", PIN_USER, "wrong"), ERR_AUTH);
        assert_int_equal(tpm_tries(), 1);
}

/* The TPM is held still in the middle of the login, and the process that guesses is killed there. */
static void a_kill_wins_no_try(void **state)
{
        pid_t pid;

        (void)state;
        make("killed", false);
        assert_int_equal(kill(f.swtpm.pid, SIGSTOP), 0);
        pid = fork();
        if (pid == 0) {
                CLEANUP(buf_clear) struct buf got = { 0 };
                struct keyring *k;

                if (keyring_open(&f.conf, &k) == 0)
                        pin_login(k, "killed", PIN_USER, BYTES_STR("guess"), &got);
                _exit(0);
        }
        for (int i = 0; i < 300 && tries("killed", PIN_USER) == 3; i++)
                usleep(10000);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        assert_int_equal(kill(f.swtpm.pid, SIGCONT), 0);
        assert_int_equal(tries("killed", PIN_USER), 2);
        assert_int_equal(login("killed", PIN_USER, "1234"), 0);
        assert_int_equal(tries("killed", PIN_USER), 3);
}

static void a_missing_tpm_costs_no_try(void **state)
{
        (void)state;
        make("missing", false);
        assert_int_equal(swtpm_off(&f.swtpm), 0);
        assert_int_equal(login("missing", PIN_USER, "1234"), ERR_NODEV);
        assert_int_equal(tries("missing", PIN_USER), 3);
        assert_int_equal(swtpm_on(&f.swtpm), 0);
        assert_int_equal(login("missing", PIN_USER, "1234"), 0);
}

static void pins_have_4_to_255_octets(void **state)
{
        CLEANUP(attrs_clear) struct attrs a = { 0 };
        CLEANUP(buf_clear) struct buf out = { 0 };
        char longest[257];

        (void)state;
        memset(longest, 'x', 256);
        longest[256] = '\0';
        make("lengths", false);
        assert_int_equal(pin_create(f.keyring, BYTES_STR("abc"), false, &a, &out), ERR_RANGE);
        assert_int_equal(a.n, 0);
        assert_int_equal(pin_set(f.keyring, "lengths", PIN_USER, BYTES_OF(&secret), BYTES_STR("abc")), ERR_RANGE);
        assert_int_equal(pin_set(f.keyring, "lengths", PIN_USER, BYTES_OF(&secret), BYTES(longest, 256)), ERR_RANGE);
        assert_int_equal(login("lengths", PIN_USER, ""), ERR_AUTH);
        assert_int_equal(login("lengths", PIN_USER, longest), ERR_AUTH);
        assert_int_equal(tries("lengths", PIN_USER), 3);
        assert_int_equal(pin_set(f.keyring, "lengths", PIN_USER, BYTES_OF(&secret), BYTES(longest, 255)), 0);
        longest[255] = '\0';
        assert_int_equal(login("lengths", PIN_USER, longest), 0);
        assert_int_equal(pin_set(f.keyring, "a", PIN_USER, BYTES_OF(&secret), BYTES_STR("1234")), ERR_INVAL);
}

/* Neither a PIN, nor the secret, nor a key's value is in any file: each as bytes and as hex. */
static void nothing_secret_is_in_the_store(void **state)
{
        CLEANUP(buf_clear) struct buf hex = { 0 };
        char command[600];

        (void)state;
        make("grep", false);
        assert_int_equal(pin_set(f.keyring, "grep", PIN_USER, BYTES_OF(&secret), BYTES_STR("very-special-pin")), 0);
        assert_int_equal(hex_encode(BYTES_OF(&secret), &hex), 0);
        snprintf(command, sizeof(command), "! grep -rqai -e very-special-pin -e so-pin$ -e %.*s -e 766572792d7370656369616c2d70696e %s",
                 (int)hex.len, (const char *)hex.ptr, f.conf.store);
        assert_int_equal(system(command), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(both_pins_open_the_same_secret),
                cmocka_unit_test(wrong_pins_lock_and_the_officer_unlocks),
                cmocka_unit_test(the_tpm_counts_too_where_it_was_asked_to),
                cmocka_unit_test(a_kill_wins_no_try),
                cmocka_unit_test(a_missing_tpm_costs_no_try),
                cmocka_unit_test(pins_have_4_to_255_octets),
                cmocka_unit_test(nothing_secret_is_in_the_store),
        };

        return cmocka_run_group_tests(tests, start, stop);
}
