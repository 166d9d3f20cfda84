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
#include "audit/check.h"
#include "keys/backend_tpm.h"
#include "keys/recorder.h"
#include "lib/crypto.h"
#include "lib/err.h"
#include "lib/tpmt.h"
#include "tests/fixture.h"
#include "tests/proxy.h"

#define EMPTY BYTES(NULL, 0)
#define AK_AUTH BYTES_STR("the AK's")
#define COUNTER_AUTH BYTES_STR("the counter's")
#define THREADS 8
#define EACH 15
#define NO_FAULT 0

struct recording {
        struct fixture f;
        struct tpm *tpm;
        struct tpm_ak ak;
        struct pubkey ak_key;
        uint32_t counter;
        char dir[128];
        struct recorder_options o;
        struct recorder *r;
        struct item *key;
};

static void connect_to(struct recording *s)
{
        s->tpm = backend_tpm_device(keyring_backend(s->f.keyring));
        s->o.tpm = s->tpm;
}

static int start(void **state)
{
        struct recording *s = calloc(1, sizeof(*s));
        TPM2B_PUBLIC pub;

        *state = s;
        fixture_start(&s->f);
        s->key = fixture_key(&s->f, "P-256", ALG_SIGN, "k");
        connect_to(s);
        snprintf(s->dir, sizeof(s->dir), "%s/audit", s->f.swtpm.dir);
        assert_int_equal(tpm_ak_make(s->tpm, 0x81010b01, EMPTY, AK_AUTH, &s->ak), 0);
        assert_int_equal(tpmt_public_decode(BYTES_OF(&s->ak.pub), &pub), 0);
        assert_int_equal(tpmt_pubkey(&pub, &s->ak_key), 0);
        assert_int_equal(tpm_counter_make(s->tpm, 0x01800b00, EMPTY, COUNTER_AUTH, &s->counter), 0);
        s->o = (struct recorder_options){ .dir = s->dir, .origin = "holdfast/test", .program = "test", .checkpoint_records = 20, .tpm = s->tpm,
                                          .ak = s->ak, .ak_auth = AK_AUTH, .counter_auth = COUNTER_AUTH, .counter = s->counter };
        return 0;
}

static int stop(void **state)
{
        struct recording *s = *state;

        recorder_close(s->r);
        item_unref(s->key);
        tpm_ak_clear(&s->ak);
        pubkey_clear(&s->ak_key);
        fixture_stop(&s->f);
        free(s);
        return 0;
}

static void fresh_log(struct recording *s, const char *name)
{
        snprintf(s->dir, sizeof(s->dir), "%s/%s", s->f.swtpm.dir, name);
}

static void open_it(struct recording *s)
{
        int r = recorder_open(&s->o, &s->r);

        if (r != 0)
                fail_msg("recorder_open: %s: %s", err_name(r), err_text());
}

static void close_it(struct recording *s)
{
        recorder_close(s->r);
        s->r = NULL;
}

static int sign(struct recording *s)
{
        const struct caller c = { .record = recorder_append, .log = s->r };
        const struct key_use u = { .item = s->key, .agent = "a", .caller = &c };
        const struct pk_params p = { .scheme = SCHEME_ECDSA };
        CLEANUP(buf_clear) struct buf sig = { 0 };
        uint8_t digest[32];

        assert_int_equal(crypto_random(digest, sizeof(digest)), 0);
        return signer_sign(s->f.keyring, &u, &p, BYTES(digest, sizeof(digest)), &sig);
}

static void report_print(const struct audit_report *rep)
{
        for (size_t i = 0; i < rep->n; i++)
                fprintf(stderr, "%s%s %llu/%lld: %s\n", audit_fault_name(rep->list[i].fault), rep->list[i].warning ? " (warning)" : "",
                        (unsigned long long)rep->list[i].log, (long long)rep->list[i].seq, rep->list[i].text);
}

static void check(struct recording *s, struct audit_report *ret)
{
        struct audit_check_options o = { .ak = &s->ak_key, .signatures = true, .has_nv = true };

        assert_int_equal(tpm_counter_read(s->tpm, s->counter, COUNTER_AUTH, &o.nv_value), 0);
        assert_int_equal(audit_check(s->dir, &o, ret), 0);
}

/* Nothing but what is named is found, and that is. */
static void require_only(struct recording *s, int fault)
{
        CLEANUP(audit_report_clear) struct audit_report rep = { 0 };
        size_t faults = 0, others = 0;

        check(s, &rep);
        for (size_t i = 0; i < rep.n; i++) {
                if ((int)rep.list[i].fault == fault)
                        faults++;
                else if (!rep.list[i].warning)
                        others++;
        }
        if (others > 0 || (fault != NO_FAULT && faults == 0))
                report_print(&rep);
        assert_int_equal(others, 0);
        assert_true(fault == NO_FAULT || faults > 0);
        assert_true(rep.uses == 0 || rep.mode == AUDIT_MODE_COMMAND);
}

static void *sign_many(void *arg)
{
        for (int i = 0; i < EACH; i++)
                assert_int_equal(sign(arg), 0);
        return NULL;
}

static void many_threads_leave_a_whole_log(void **state)
{
        struct recording *s = *state;
        CLEANUP(audit_report_clear) struct audit_report rep = { 0 };
        pthread_t threads[THREADS];

        open_it(s);
        assert_int_equal(recorder_mode(s->r), AUDIT_MODE_COMMAND);
        for (size_t i = 0; i < THREADS; i++)
                assert_int_equal(pthread_create(&threads[i], NULL, sign_many, s), 0);
        for (int i = 0; i < 20; i++) {
                assert_int_equal(recorder_tick(s->r), 0);
                usleep(3000);
        }
        for (size_t i = 0; i < THREADS; i++)
                pthread_join(threads[i], NULL);
        close_it(s);

        check(s, &rep);
        report_print(&rep);
        assert_true(rep.ok);
        assert_int_equal(rep.n, 0);
        assert_int_equal(rep.uses, THREADS * EACH);
        assert_int_equal(rep.signatures_checked, THREADS * EACH);
        assert_true(rep.checkpoints >= 3);
        assert_int_equal(rep.covered, rep.records);
}

static void it_goes_on_after_a_restart(void **state)
{
        struct recording *s = *state;

        for (int i = 0; i < 3; i++) {
                open_it(s);
                assert_int_equal(sign(s), 0);
                close_it(s);
                require_only(s, NO_FAULT);
        }
        assert_int_equal(swtpm_reset(&s->f.swtpm), 0);
        open_it(s);
        assert_int_equal(sign(s), 0);
        close_it(s);
        require_only(s, NO_FAULT);
}

static void a_signature_costs_one_command_and_a_checkpoint_two(void **state)
{
        struct recording *s = *state;
        uint64_t before;

        open_it(s);
        assert_int_equal(sign(s), 0);
        before = tpm_commands(s->tpm);
        assert_int_equal(sign(s), 0);
        assert_int_equal(tpm_commands(s->tpm) - before, 1);
        assert_int_equal(recorder_checkpoint(s->r), 0);
        assert_int_equal(tpm_commands(s->tpm) - before, 3);
        /* Nothing happened since. */
        s->o.checkpoint_seconds = 1;
        assert_int_equal(recorder_tick(s->r), 0);
        assert_int_equal(tpm_commands(s->tpm) - before, 3);
        s->o.checkpoint_seconds = 0;
        close_it(s);
        require_only(s, NO_FAULT);
}

static void the_killed_leave_a_log_that_goes_on(void **state)
{
        struct recording *s = *state;
        int status;
        pid_t pid = fork();

        assert_true(pid >= 0);
        if (pid == 0) {
                keyring_abandon(s->f.keyring);
                if (keyring_open(&s->f.conf, &s->f.keyring) != 0)
                        _exit(1);
                connect_to(s);
                if (recorder_open(&s->o, &s->r) != 0 || sign(s) != 0 || recorder_checkpoint(s->r) != 0 || sign(s) != 0 || sign(s) != 0)
                        _exit(2);
                _exit(0);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
        open_it(s);
        assert_int_equal(sign(s), 0);
        close_it(s);
        require_only(s, NO_FAULT);
}

/* In a process of its own, with a proxy between it and the TPM. */
static void as_another(struct recording *s, void (*what)(struct recording *s, struct proxy *p))
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
                connect_to(s);
                what(s, &p);
                _exit(3);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
        snprintf(sock, sizeof(sock), "%s/proxy", s->f.swtpm.dir);
        unlink(sock);
}

static void die_before_the_counter(struct recording *s, struct proxy *p)
{
        if (recorder_open(&s->o, &s->r) != 0 || sign(s) != 0)
                _exit(4);
        proxy_arm(p, 2, FAULT_CODE, TPM2_RC_FAILURE);
        if (recorder_checkpoint(s->r) == ERR_TPM)
                _exit(0);
}

static void a_counter_left_behind_is_raised(void **state)
{
        struct recording *s = *state;
        uint64_t before, after;

        fresh_log(s, "behind");
        assert_int_equal(tpm_counter_read(s->tpm, s->counter, COUNTER_AUTH, &before), 0);
        as_another(s, die_before_the_counter);
        assert_int_equal(tpm_counter_read(s->tpm, s->counter, COUNTER_AUTH, &after), 0);
        assert_int_equal(after, before + 1);
        open_it(s);
        assert_int_equal(sign(s), 0);
        close_it(s);
        require_only(s, NO_FAULT);
        /* First checkpoint, the one that was left behind, this one's first and last. */
        assert_int_equal(tpm_counter_read(s->tpm, s->counter, COUNTER_AUTH, &after), 0);
        assert_int_equal(after, before + 4);
}

static void fail_once(struct recording *s, struct proxy *p)
{
        if (recorder_open(&s->o, &s->r) != 0 || sign(s) != 0)
                _exit(4);
        proxy_arm(p, 2, FAULT_CODE, TPM2_RC_FAILURE);
        if (recorder_checkpoint(s->r) != ERR_TPM || recorder_checkpoint(s->r) != 0)
                _exit(5);
        proxy_arm(p, 2, FAULT_CLOSE, 0);
        if (recorder_checkpoint(s->r) != 0 || sign(s) != 0)
                _exit(6);
        recorder_close(s->r);
        _exit(0);
}

static void a_counter_that_could_not_be_raised_is_raised_later(void **state)
{
        struct recording *s = *state;

        fresh_log(s, "later");
        as_another(s, fail_once);
        require_only(s, NO_FAULT);
}

static void lose_an_answer(struct recording *s, struct proxy *p)
{
        if (recorder_open(&s->o, &s->r) != 0 || sign(s) != 0)
                _exit(4);
        proxy_arm(p, 1, FAULT_CLOSE, 0);
        if (sign(s) != 0 || recorder_checkpoint(s->r) != 0 || sign(s) != 0)
                _exit(5);
        recorder_close(s->r);
        _exit(0);
}

static void a_lost_answer_is_told_and_is_no_forgery(void **state)
{
        struct recording *s = *state;

        fresh_log(s, "lost");
        as_another(s, lose_an_answer);
        require_only(s, FAULT_UNCLEAN);
}

/* Disk full: what was done is not given out, and is told later. */
static void what_cannot_be_recorded_is_told_later(void **state)
{
        struct recording *s = *state;
        struct rlimit old, none;

        fresh_log(s, "full");
        open_it(s);
        assert_int_equal(sign(s), 0);
        signal(SIGXFSZ, SIG_IGN);
        assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
        none = (struct rlimit){ 1, old.rlim_max };
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
        for (int i = 0; i < 3; i++)
                assert_int_not_equal(sign(s), 0);
        assert_int_not_equal(recorder_checkpoint(s->r), 0);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
        assert_int_equal(sign(s), 0);
        assert_int_equal(recorder_checkpoint(s->r), 0);

        /* The checkpoint itself: made, and stored when there is room. */
        assert_int_equal(sign(s), 0);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
        assert_int_not_equal(recorder_checkpoint(s->r), 0);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
        assert_int_equal(sign(s), 0);
        close_it(s);
        require_only(s, NO_FAULT);
}

static void full_logs_are_followed_by_new_ones(void **state)
{
        struct recording *s = *state;
        CLEANUP(audit_report_clear) struct audit_report rep = { 0 };

        s->o.rotate_size = 1500;
        open_it(s);
        for (int i = 0; i < 12; i++) {
                assert_int_equal(sign(s), 0);
                assert_int_equal(recorder_tick(s->r), 0);
        }
        close_it(s);
        s->o.rotate_size = 0;
        check(s, &rep);
        if (!rep.ok)
                report_print(&rep);
        assert_true(rep.ok);
        assert_true(rep.logs >= 3);
}

static void what_others_sign_is_found(void **state)
{
        struct recording *s = *state;
        struct keyring *other;
        const struct pk_params p = { .scheme = SCHEME_ECDSA };
        const struct key_use u = { .item = s->key, .agent = "a" };
        CLEANUP(buf_clear) struct buf sig = { 0 };
        uint8_t digest[32] = { 0 };

        fresh_log(s, "off");
        open_it(s);
        assert_int_equal(sign(s), 0);
        assert_int_equal(keyring_open(&s->f.conf, &other), 0);
        assert_int_equal(signer_sign(other, &u, &p, BYTES(digest, sizeof(digest)), &sig), 0);
        keyring_close(other);
        assert_int_equal(sign(s), 0);
        close_it(s);
        require_only(s, FAULT_OFF_LOG);
}

static void a_reset_is_found_and_no_more_than_that(void **state)
{
        struct recording *s = *state;

        fresh_log(s, "reset");
        open_it(s);
        assert_int_equal(sign(s), 0);
        assert_int_equal(swtpm_reset(&s->f.swtpm), 0);
        assert_int_equal(sign(s), 0);
        assert_int_equal(sign(s), 0);
        close_it(s);
        require_only(s, FAULT_LOST_BATCH);
}

static void an_old_copy_is_refused(void **state)
{
        struct recording *s = *state;
        struct recorder *r = NULL;
        char cmd[512];

        fresh_log(s, "old");
        open_it(s);
        assert_int_equal(sign(s), 0);
        close_it(s);
        snprintf(cmd, sizeof(cmd), "cp -a %s %s.copy", s->dir, s->dir);
        assert_int_equal(system(cmd), 0);
        open_it(s);
        assert_int_equal(sign(s), 0);
        close_it(s);
        snprintf(cmd, sizeof(cmd), "rm -rf %s && mv %s.copy %s", s->dir, s->dir, s->dir);
        assert_int_equal(system(cmd), 0);
        assert_int_equal(recorder_open(&s->o, &r), ERR_FOREIGN);
        assert_non_null(strstr(err_text(), "old copy"));
        require_only(s, FAULT_NV);
}

static void another_key_s_log_is_refused(void **state)
{
        struct recording *s = *state;
        CLEANUP(tpm_ak_clear) struct tpm_ak other = { 0 };
        struct recorder_options o;
        struct recorder *r = NULL;

        fresh_log(s, "ak");
        open_it(s);
        close_it(s);
        o = s->o;
        assert_int_equal(tpm_ak_make(s->tpm, 0x81010b08, EMPTY, BYTES_STR("other"), &other), 0);
        o.ak = other;
        o.ak_auth = BYTES_STR("other");
        assert_int_equal(recorder_open(&o, &r), ERR_FOREIGN);
}

static void direct_writers_share_a_log(void **state)
{
        struct recording *s = *state;
        CLEANUP(audit_report_clear) struct audit_report rep = { 0 };
        const struct audit_check_options o = { .ak = &s->ak_key };
        const struct recorder_options direct = { .dir = s->dir, .direct = true };
        struct recorder *a, *b;

        fresh_log(s, "direct");
        assert_int_equal(recorder_open(&direct, &a), 0);
        assert_int_equal(recorder_open(&direct, &b), 0);
        for (int i = 0; i < 4; i++) {
                struct audit_record rec = { .event = AUDIT_USE, .operation = BYTES_STR("sign") };

                assert_int_equal(recorder_append(i % 2 == 0 ? a : b, &rec), 0);
        }
        assert_int_equal(recorder_mode(a), AUDIT_MODE_NONE);
        recorder_close(a);
        recorder_close(b);
        assert_int_equal(audit_check(s->dir, &o, &rep), 0);
        assert_int_equal(rep.records, 4);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(many_threads_leave_a_whole_log),
                cmocka_unit_test(it_goes_on_after_a_restart),
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
                cmocka_unit_test(direct_writers_share_a_log),
        };

        return cmocka_run_group_tests(tests, start, stop);
}
