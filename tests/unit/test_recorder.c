/* SPDX-License-Identifier: BSD-2-Clause */
/* What the recorder writes is what the check finds whole, and what happens behind its back is what the check finds. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include <tss2/tss2_tpm2_types.h>
#include "lib/err.h"
#include "tests/recordfix.h"

#define THREADS 8
#define EACH 15

static void many_threads_leave_a_whole_log(void **state)
{
        struct recordfix *s = *state;
        CLEANUP(audit_report_clear) struct audit_report rep = { 0 };

        recordfix_open(s);
        assert_int_equal(recorder_mode(s->r), AUDIT_MODE_COMMAND);
        recordfix_sign_many(s, THREADS, EACH);
        recordfix_close(s);

        recordfix_check(s, &rep);
        recordfix_print(&rep);
        assert_true(rep.ok);
        assert_int_equal(rep.n, 0);
        assert_int_equal(rep.uses, THREADS * EACH);
        assert_int_equal(rep.signatures_checked, THREADS * EACH);
        assert_true(rep.checkpoints >= 3);
        assert_int_equal(rep.covered, rep.records);
}

static void a_signature_costs_one_command_and_a_checkpoint_two(void **state)
{
        struct recordfix *s = *state;
        uint64_t before;

        recordfix_open(s);
        assert_int_equal(recordfix_sign(s), 0);
        before = tpm_commands(s->tpm);
        assert_int_equal(recordfix_sign(s), 0);
        assert_int_equal(tpm_commands(s->tpm) - before, 1);
        assert_int_equal(recorder_checkpoint(s->r), 0);
        assert_int_equal(tpm_commands(s->tpm) - before, 3);
        /* Nothing happened since. */
        s->o.checkpoint_seconds = 1;
        assert_int_equal(recorder_tick(s->r), 0);
        assert_int_equal(tpm_commands(s->tpm) - before, 3);
        s->o.checkpoint_seconds = 0;
        recordfix_close(s);
        recordfix_require(s, 0);
}

static void the_killed_leave_a_log_that_goes_on(void **state)
{
        struct recordfix *s = *state;
        int status;
        pid_t pid = fork();

        assert_true(pid >= 0);
        if (pid == 0) {
                keyring_abandon(s->f.keyring);
                if (keyring_open(&s->f.conf, &s->f.keyring) != 0)
                        _exit(1);
                recordfix_connect(s);
                if (recorder_open(&s->o, &s->r) != 0 || recordfix_sign(s) != 0 || recorder_checkpoint(s->r) != 0 || recordfix_sign(s) != 0 || recordfix_sign(s) != 0)
                        _exit(2);
                _exit(0);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
        recordfix_open(s);
        assert_int_equal(recordfix_sign(s), 0);
        recordfix_close(s);
        recordfix_require(s, 0);
}

/* In a process of its own, with a proxy between it and the TPM. */
static void as_another(struct recordfix *s, void (*what)(struct recordfix *s, struct proxy *p))
{
        struct proxy p;
        char sock[96];
        int status;
        pid_t pid = fork();

        assert_true(pid >= 0);
        if (pid == 0) {
                keyring_abandon(s->f.keyring);
                if (proxy_start(&p, &s->f.swtpm) != 0)
                        _exit(1);
                free(s->f.conf.tcti);
                s->f.conf.tcti = strdup(p.tcti);
                if (keyring_open(&s->f.conf, &s->f.keyring) != 0)
                        _exit(2);
                recordfix_connect(s);
                what(s, &p);
                _exit(3);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
        snprintf(sock, sizeof(sock), "%s/proxy", s->f.swtpm.dir);
        unlink(sock);
}

static void die_before_the_counter(struct recordfix *s, struct proxy *p)
{
        if (recorder_open(&s->o, &s->r) != 0 || recordfix_sign(s) != 0)
                _exit(4);
        proxy_arm(p, 2, FAULT_CODE, TPM2_RC_FAILURE);
        if (recorder_checkpoint(s->r) == ERR_TPM)
                _exit(0);
}

static void a_counter_left_behind_is_raised(void **state)
{
        struct recordfix *s = *state;
        uint64_t before, after;

        recordfix_log(s, "behind");
        assert_int_equal(tpm_counter_read(s->tpm, s->counter, RECORDFIX_COUNTER_AUTH, &before), 0);
        as_another(s, die_before_the_counter);
        assert_int_equal(tpm_counter_read(s->tpm, s->counter, RECORDFIX_COUNTER_AUTH, &after), 0);
        assert_int_equal(after, before + 1);
        recordfix_open(s);
        assert_int_equal(recordfix_sign(s), 0);
        recordfix_close(s);
        recordfix_require(s, 0);
        /* First checkpoint, the one that was left behind, this one's first and last. */
        assert_int_equal(tpm_counter_read(s->tpm, s->counter, RECORDFIX_COUNTER_AUTH, &after), 0);
        assert_int_equal(after, before + 4);
}

static void fail_once(struct recordfix *s, struct proxy *p)
{
        if (recorder_open(&s->o, &s->r) != 0 || recordfix_sign(s) != 0)
                _exit(4);
        proxy_arm(p, 2, FAULT_CODE, TPM2_RC_FAILURE);
        if (recorder_checkpoint(s->r) != ERR_TPM || recorder_checkpoint(s->r) != 0)
                _exit(5);
        proxy_arm(p, 2, FAULT_CLOSE, 0);
        if (recorder_checkpoint(s->r) != 0 || recordfix_sign(s) != 0)
                _exit(6);
        recorder_close(s->r);
        _exit(0);
}

static void a_counter_that_could_not_be_raised_is_raised_later(void **state)
{
        struct recordfix *s = *state;

        recordfix_log(s, "later");
        as_another(s, fail_once);
        recordfix_require(s, 0);
}

static void lose_an_answer(struct recordfix *s, struct proxy *p)
{
        if (recorder_open(&s->o, &s->r) != 0 || recordfix_sign(s) != 0)
                _exit(4);
        proxy_arm(p, 1, FAULT_CLOSE, 0);
        if (recordfix_sign(s) != 0 || recorder_checkpoint(s->r) != 0 || recordfix_sign(s) != 0)
                _exit(5);
        recorder_close(s->r);
        _exit(0);
}

static void a_lost_answer_is_told_and_is_no_forgery(void **state)
{
        struct recordfix *s = *state;

        recordfix_log(s, "lost");
        as_another(s, lose_an_answer);
        recordfix_require(s, FAULT_UNCLEAN);
}

/* Disk full: what was done is not given out, and is told later. */
static void what_cannot_be_recorded_is_told_later(void **state)
{
        struct recordfix *s = *state;
        struct rlimit old, none;

        recordfix_log(s, "full");
        recordfix_open(s);
        assert_int_equal(recordfix_sign(s), 0);
        signal(SIGXFSZ, SIG_IGN);
        assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
        none = (struct rlimit){ 1, old.rlim_max };
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
        for (int i = 0; i < 3; i++)
                assert_int_not_equal(recordfix_sign(s), 0);
        assert_int_not_equal(recorder_checkpoint(s->r), 0);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
        assert_int_equal(recordfix_sign(s), 0);
        assert_int_equal(recorder_checkpoint(s->r), 0);

        /* The checkpoint itself: made, and stored when there is room. */
        assert_int_equal(recordfix_sign(s), 0);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
        assert_int_not_equal(recorder_checkpoint(s->r), 0);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
        assert_int_equal(recordfix_sign(s), 0);
        recordfix_close(s);
        recordfix_require(s, 0);
}

static void full_logs_are_followed_by_new_ones(void **state)
{
        struct recordfix *s = *state;
        CLEANUP(audit_report_clear) struct audit_report rep = { 0 };

        s->o.rotate_size = 1500;
        recordfix_open(s);
        for (int i = 0; i < 12; i++) {
                assert_int_equal(recordfix_sign(s), 0);
                assert_int_equal(recorder_tick(s->r), 0);
        }
        recordfix_close(s);
        s->o.rotate_size = 0;
        recordfix_check(s, &rep);
        if (!rep.ok)
                recordfix_print(&rep);
        assert_true(rep.ok);
        assert_true(rep.logs >= 3);
}

static void what_others_sign_is_found(void **state)
{
        struct recordfix *s = *state;

        recordfix_log(s, "off");
        recordfix_open(s);
        assert_int_equal(recordfix_sign(s), 0);
        recordfix_sign_past(s);
        assert_int_equal(recordfix_sign(s), 0);
        recordfix_close(s);
        recordfix_require(s, FAULT_OFF_LOG);
}

static void a_reset_is_found_and_no_more_than_that(void **state)
{
        struct recordfix *s = *state;

        recordfix_log(s, "reset");
        recordfix_open(s);
        assert_int_equal(recordfix_sign(s), 0);
        assert_int_equal(swtpm_reset(&s->f.swtpm), 0);
        assert_int_equal(recordfix_sign(s), 0);
        assert_int_equal(recordfix_sign(s), 0);
        recordfix_close(s);
        recordfix_require(s, FAULT_LOST_BATCH);
}

static void an_old_copy_is_refused(void **state)
{
        struct recordfix *s = *state;
        struct recorder *r = NULL;
        char cmd[512];

        recordfix_log(s, "old");
        recordfix_open(s);
        assert_int_equal(recordfix_sign(s), 0);
        recordfix_close(s);
        snprintf(cmd, sizeof(cmd), "cp -a %s %s.copy", s->dir, s->dir);
        assert_int_equal(system(cmd), 0);
        recordfix_open(s);
        assert_int_equal(recordfix_sign(s), 0);
        recordfix_close(s);
        snprintf(cmd, sizeof(cmd), "rm -rf %s && mv %s.copy %s", s->dir, s->dir, s->dir);
        assert_int_equal(system(cmd), 0);
        assert_int_equal(recorder_open(&s->o, &r), ERR_FOREIGN);
        assert_non_null(strstr(err_text(), "old copy"));
        recordfix_require(s, FAULT_NV);
}

static void another_key_s_log_is_refused(void **state)
{
        struct recordfix *s = *state;
        CLEANUP(tpm_ak_clear) struct tpm_ak other = { 0 };
        struct recorder_options o;
        struct recorder *r = NULL;

        recordfix_log(s, "ak");
        recordfix_open(s);
        recordfix_close(s);
        o = s->o;
        assert_int_equal(tpm_ak_make(s->tpm, 0x81010b08, BYTES(NULL, 0), BYTES_STR("other"), &other), 0);
        o.ak = other;
        o.ak_auth = BYTES_STR("other");
        assert_int_equal(recorder_open(&o, &r), ERR_FOREIGN);
}

/* Programs kept it themselves, until there was a daemon. */
static void a_log_without_checkpoints_goes_on_with_them(void **state)
{
        struct recordfix *s = *state;
        const struct audit_log_options direct = { .direct = true };
        struct audit_recovery how;
        struct audit_log *l;

        recordfix_log(s, "direct");
        assert_int_equal(audit_log_open(s->dir, &direct, &how, &l), 0);
        for (int i = 0; i < 4; i++) {
                struct audit_record rec = { .event = AUDIT_CHANGE, .time_ms = 1, .operation = BYTES_STR("change"), .direct = true };

                assert_int_equal(audit_append(l, &rec), 0);
        }
        audit_log_close(l);
        recordfix_open(s);
        assert_int_equal(recordfix_sign(s), 0);
        recordfix_close(s);
        recordfix_require(s, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(many_threads_leave_a_whole_log),
                cmocka_unit_test(recordfix_goes_on_after_a_restart),
                cmocka_unit_test(a_signature_costs_one_command_and_a_checkpoint_two),
                cmocka_unit_test(the_killed_leave_a_log_that_goes_on),
                cmocka_unit_test(a_counter_left_behind_is_raised),
                cmocka_unit_test(a_counter_that_could_not_be_raised_is_raised_later),
                cmocka_unit_test(a_lost_answer_is_told_and_is_no_forgery),
                cmocka_unit_test(what_cannot_be_recorded_is_told_later),
                cmocka_unit_test(full_logs_are_followed_by_new_ones),
                cmocka_unit_test(what_others_sign_is_found),
                cmocka_unit_test(a_reset_is_found_and_no_more_than_that),
                cmocka_unit_test(an_old_copy_is_refused),
                cmocka_unit_test(another_key_s_log_is_refused),
                cmocka_unit_test(a_log_without_checkpoints_goes_on_with_them),
        };

        return cmocka_run_group_tests(tests, recordfix_start, recordfix_stop);
}
