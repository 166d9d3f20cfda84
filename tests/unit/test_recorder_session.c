/* SPDX-License-Identifier: BSD-2-Clause */
/* On a chip without command audit the log tells of nothing that the TPM did not do, and says where the TPM's word for it was lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include <tss2/tss2_tpm2_types.h>
#include "lib/err.h"
#include "tests/recordfix.h"
#include "tests/tpmdev.h"

#define THREADS 8
#define EACH 15

static struct recordfix *open_new(void **state, const char *name)
{
        struct recordfix *s = *state;

        recordfix_log(s, name);
        recordfix_open(s);
        return s;
}

static bool holds(struct bytes b, const char *text)
{
        return b.len > 0 && memmem(b.ptr, b.len, text, strlen(text)) != NULL;
}

/* Whether a record of this kind says that. */
static bool told(const struct recordfix *s, enum audit_event e, const char *text)
{
        struct audit_record rec;
        struct audit_reader *rd;
        bool found = false;
        struct bytes raw;

        assert_int_equal(audit_reader_open(s->dir, 1, &rd), 0);
        while (audit_reader_next(rd, &raw) == 0) {
                assert_int_equal(audit_record_decode(raw, &rec), 0);
                found = found || (rec.event == e && (holds(rec.reason, text) || holds(rec.detail, text)));
        }
        audit_reader_close(rd);
        return found;
}

static void lose_sessions(const struct recordfix *s)
{
        assert_int_equal(swtpm_flush(&s->f.swtpm, TPM2_LOADED_SESSION_FIRST), 0);
}

static void many_threads_leave_a_whole_log(void **state)
{
        struct recordfix *s = *state;
        CLEANUP(audit_report_clear) struct audit_report rep = { 0 };

        recordfix_open(s);
        assert_int_equal(recorder_mode(s->r), AUDIT_MODE_SESSION);
        recordfix_sign_many(s, THREADS, EACH);
        recordfix_close(s);

        assert_true(told(s, AUDIT_START, "audit session"));
        recordfix_check(s, &rep);
        recordfix_print(&rep);
        assert_true(rep.ok);
        assert_int_equal(rep.n, 0);
        assert_int_equal(rep.mode, AUDIT_MODE_SESSION);
        assert_int_equal(rep.uses, THREADS * EACH);
        assert_int_equal(rep.signatures_checked, THREADS * EACH);
        assert_true(rep.checkpoints >= 3);
        assert_int_equal(rep.covered, rep.records);
}

static void a_signature_costs_one_command_and_a_checkpoint_two(void **state)
{
        struct recordfix *s = open_new(state, "costs");
        uint64_t before;

        assert_int_equal(recordfix_sign(s), 0);
        for (int i = 0; i < 3; i++) {
                before = tpm_commands(s->tpm);
                assert_int_equal(recordfix_sign(s), 0);
                assert_int_equal(tpm_commands(s->tpm) - before, 1);
                assert_int_equal(recorder_checkpoint(s->r), 0);
                assert_int_equal(tpm_commands(s->tpm) - before, 3);
        }
        recordfix_close(s);
        recordfix_require(s, 0);
}

static void a_reset_is_found_and_no_more_than_that(void **state)
{
        struct recordfix *s = open_new(state, "reset");

        assert_int_equal(recordfix_sign(s), 0);
        assert_int_equal(swtpm_reset(&s->f.swtpm), 0);
        assert_int_equal(recordfix_sign(s), 0);
        assert_int_equal(recordfix_sign(s), 0);
        assert_int_equal(recorder_checkpoint(s->r), 0);
        recordfix_close(s);
        assert_true(told(s, AUDIT_CHECKPOINT, "the TPM was reset: no checkpoint vouches for 1 of"));
        recordfix_require(s, FAULT_LOST_BATCH);
}

static void a_session_that_others_flush_ends_the_batch(void **state)
{
        struct recordfix *s = open_new(state, "flushed");

        assert_int_equal(recordfix_sign(s), 0);
        assert_int_equal(recordfix_sign(s), 0);
        lose_sessions(s);
        assert_int_equal(recordfix_sign(s), 0);
        assert_int_equal(recorder_checkpoint(s->r), 0);
        assert_true(told(s, AUDIT_CHECKPOINT, "session was lost: no checkpoint vouches for 2 of"));
        recordfix_close(s);
        recordfix_require(s, FAULT_LOST_BATCH);
}

static void a_session_flushed_just_before_the_checkpoint_does_too(void **state)
{
        struct recordfix *s = open_new(state, "flushed-late");

        assert_int_equal(recordfix_sign(s), 0);
        lose_sessions(s);
        assert_int_equal(recorder_checkpoint(s->r), 0);
        assert_true(told(s, AUDIT_CHECKPOINT, "session was lost: no checkpoint vouches for 1 of"));
        assert_int_equal(recordfix_sign(s), 0);
        recordfix_close(s);
        recordfix_require(s, FAULT_LOST_BATCH);
}

static void an_empty_batch_loses_nothing_with_its_session(void **state)
{
        struct recordfix *s = open_new(state, "empty");

        assert_int_equal(recordfix_sign(s), 0);
        assert_int_equal(recorder_checkpoint(s->r), 0);
        lose_sessions(s);
        assert_int_equal(recorder_checkpoint(s->r), 0);
        lose_sessions(s);
        assert_int_equal(recordfix_sign(s), 0);
        assert_int_equal(recorder_checkpoint(s->r), 0);
        assert_int_equal(swtpm_reset(&s->f.swtpm), 0);
        assert_int_equal(recordfix_sign(s), 0);
        recordfix_close(s);
        recordfix_require(s, 0);
}

static void a_lost_answer_is_told(void **state)
{
        struct recordfix *s = open_new(state, "lost");

        assert_int_equal(recordfix_sign(s), 0);
        assert_int_equal(recorder_checkpoint(s->r), 0);
        proxy_arm(&s->proxy, 1, FAULT_CLOSE, 0);
        assert_int_equal(recordfix_sign(s), 0);
        recordfix_close(s);
        assert_true(told(s, AUDIT_GAP, "was lost: it may have done it"));
        recordfix_require(s, 0);
}

static void a_lost_attestation_loses_the_batch(void **state)
{
        struct recordfix *s = open_new(state, "lost-word");

        assert_int_equal(recordfix_sign(s), 0);
        proxy_arm(&s->proxy, 1, FAULT_CLOSE, 0);
        assert_int_equal(recorder_checkpoint(s->r), 0);
        assert_int_equal(recordfix_sign(s), 0);
        recordfix_close(s);
        assert_false(told(s, AUDIT_GAP, ""));
        recordfix_require(s, FAULT_LOST_BATCH);
}

static void the_killed_take_their_batch_with_them(void **state)
{
        struct recordfix *s = *state;
        int status;
        pid_t pid;

        recordfix_log(s, "killed");
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                keyring_abandon(s->f.keyring);
                /* The proxy's, too: with a copy of its connection here, the TPM would wait for its end. */
                close_range(3, ~0u, 0);
                if (keyring_open(&s->f.conf, &s->f.keyring) != 0)
                        _exit(1);
                recordfix_connect(s);
                if (recorder_open(&s->o, &s->r) != 0 || recordfix_sign(s) != 0 || recorder_checkpoint(s->r) != 0 || recordfix_sign(s) != 0) {
                        fprintf(stderr, "%s\n", err_text());
                        _exit(2);
                }
                _exit(0);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
        recordfix_open(s);
        assert_int_equal(recordfix_sign(s), 0);
        recordfix_close(s);
        assert_true(told(s, AUDIT_START, "no checkpoint vouches for 1 commands of batch"));
        recordfix_require(s, FAULT_LOST_BATCH);
}

/* A key used past the daemon is not seen, and the report does not say that it would be. */
static void what_others_sign_is_not_found(void **state)
{
        struct recordfix *s = open_new(state, "past");

        assert_int_equal(recordfix_sign(s), 0);
        recordfix_sign_past(s);
        assert_int_equal(recordfix_sign(s), 0);
        recordfix_close(s);
        recordfix_require(s, 0);
}

/* There the session must stay that elsewhere is not worth its price. */
static void behind_a_resource_manager(void **state)
{
        struct recordfix *s = *state;
        struct swtpm behind = s->f.swtpm;
        struct conf direct = s->f.conf;
        struct tpmdev d;
        uint64_t before;
        unsigned closed;

        recordfix_log(s, "managed");
        assert_true((size_t)snprintf(behind.sock, sizeof(behind.sock), "%s", s->proxy.sock) < sizeof(behind.sock));
        assert_int_equal(tpmdev_start(&d, &behind, "tpmrm0"), 0);
        tpmdev_answer(&d);
        s->f.conf.tcti = d.tcti;
        fixture_reopen(&s->f);
        recordfix_connect(s);
        recordfix_open(s);
        assert_int_equal(recorder_mode(s->r), AUDIT_MODE_SESSION);
        for (int i = 0; i < 8; i++)
                assert_int_equal(recordfix_sign(s), 0);
        before = tpm_commands(s->tpm);
        assert_int_equal(recordfix_sign(s), 0);
        assert_int_equal(tpm_commands(s->tpm) - before, 1);
        assert_int_equal(recorder_checkpoint(s->r), 0);
        assert_int_equal(tpm_commands(s->tpm) - before, 3);
        assert_int_equal(recordfix_sign(s), 0);
        assert_int_equal(recorder_checkpoint(s->r), 0);
        lose_sessions(s);
        assert_int_equal(recordfix_sign(s), 0);
        recordfix_close(s);
        recordfix_require(s, 0);

        closed = d.closed;
        s->f.conf = direct;
        fixture_reopen(&s->f);
        recordfix_connect(s);
        while (d.closed == closed)
                usleep(1000);
        tpmdev_stop(&d);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(many_threads_leave_a_whole_log),
                cmocka_unit_test(recordfix_goes_on_after_a_restart),
                cmocka_unit_test(a_signature_costs_one_command_and_a_checkpoint_two),
                cmocka_unit_test(a_reset_is_found_and_no_more_than_that),
                cmocka_unit_test(a_session_that_others_flush_ends_the_batch),
                cmocka_unit_test(a_session_flushed_just_before_the_checkpoint_does_too),
                cmocka_unit_test(an_empty_batch_loses_nothing_with_its_session),
                cmocka_unit_test(a_lost_answer_is_told),
                cmocka_unit_test(a_lost_attestation_loses_the_batch),
                cmocka_unit_test(the_killed_take_their_batch_with_them),
                cmocka_unit_test(what_others_sign_is_not_found),
                cmocka_unit_test(behind_a_resource_manager),
        };

        return cmocka_run_group_tests(tests, recordfix_start_session, recordfix_stop);
}
