/* SPDX-License-Identifier: BSD-2-Clause */
/* The issuer's log: numbered, signed by the issuer's keys alone, going on after every kind of end, through rotations of log and key. */
#include "issuer/ledger.h"
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include "audit/check.h"
#include "audit/notekey.h"
#include "lib/err.h"
#include "tests/tempdir.h"

/* What an auditor has: keys that may have signed. */
struct trusted {
        const struct ca_key *key[2];
        size_t n;
};

static char dir[96];

static int setup(void **state)
{
        int r = tempdir_setup(state);

        snprintf(dir, sizeof(dir), "%s/log", ((struct tempdir *)*state)->path);
        return r;
}

static struct ca_key *new_key(void **state, const char *kind, const char *name)
{
        char path[128];
        struct ca_key *k = NULL;

        snprintf(path, sizeof(path), "%s/%s.pem", ((struct tempdir *)*state)->path, name);
        assert_int_equal(ca_key_make(kind, path, &k), 0);
        return k;
}

static struct ledger *open_ledger(const struct ca_key *k, uint64_t rotate_size)
{
        const struct ledger_options o = { .dir = dir, .name = "example.org", .rotate_size = rotate_size, .every_records = 10, .detail = "test 1.0" };
        struct ledger *l = NULL;

        assert_int_equal(ledger_open(&o, k, &l), 0);
        return l;
}

static uint64_t issue(struct ledger *l, const char *agent)
{
        struct audit_record rec = { .event = AUDIT_ISSUE, .agent = BYTES_STR(agent), .owner = BYTES_STR("dana"), .operation = BYTES_STR("x509") };
        uint64_t number = 0;

        assert_int_equal(ledger_append(l, &rec, &number), 0);
        return number;
}

static int by_openssl(void *ctx, struct bytes name, struct bytes text, struct bytes line)
{
        const struct trusted *t = ctx;
        struct bytes signature;

        for (size_t i = 0; i < t->n; i++) {
                const struct bytes spki = ca_key_spki(t->key[i]);
                const uint8_t *p = spki.ptr;
                EVP_MD_CTX *m;
                EVP_PKEY *k;
                int ok;

                if (notekey_line_signature(line, name, spki, &signature) != 0)
                        continue;
                k = d2i_PUBKEY(NULL, &p, (long)spki.len);
                m = EVP_MD_CTX_new();
                assert_non_null(k);
                assert_int_equal(EVP_DigestVerifyInit_ex(m, NULL, ca_key_alg(t->key[i])->digest, NULL, NULL, k, NULL), 1);
                ok = EVP_DigestVerify(m, signature.ptr, signature.len, text.ptr, text.len);
                EVP_MD_CTX_free(m);
                EVP_PKEY_free(k);
                return ok == 1 ? 0 : err(ERR_AUTH, "wrong");
        }
        return err(ERR_AUTH, "not by this key");
}

static void check(const struct trusted *t, struct audit_report *ret)
{
        const struct audit_signer s = { .verify = by_openssl, .ctx = (void *)(uintptr_t)t };
        const struct audit_check_options o = { .signer = &s, .signatures = true };

        assert_int_equal(audit_check(dir, &o, ret), 0);
        for (size_t i = 0; i < ret->n; i++)
                print_message("%s: %s\n", audit_fault_name(ret->list[i].fault), ret->list[i].text);
}

static void expect_whole(const struct trusted *t, uint64_t logs, uint64_t records)
{
        CLEANUP(audit_report_clear) struct audit_report r = { 0 };

        check(t, &r);
        assert_true(r.ok);
        assert_int_equal(r.n, 0);
        assert_int_equal(r.mode, AUDIT_MODE_SOFTWARE);
        assert_int_equal(r.logs, logs);
        assert_int_equal(r.records, records);
        assert_int_equal(r.covered, records);
}

static void every_kind_of_key_signs(void **state)
{
        static const char *const kinds[] = { "P-256", "P-384", "RSA-3072", "Ed25519" };

        for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
                CLEANUP(ca_key_freep) struct ca_key *k = new_key(state, kinds[i], kinds[i]);
                CLEANUP(ca_key_freep) struct ca_key *other = NULL;
                CLEANUP(audit_report_clear) struct audit_report r = { 0 };
                struct ledger *l;
                char name[32];

                snprintf(dir, sizeof(dir), "%s/log-%s", ((struct tempdir *)*state)->path, kinds[i]);
                l = open_ledger(k, 0);
                assert_int_equal(issue(l, "build-42"), 1);
                assert_int_equal(issue(l, "build-43"), 2);
                ledger_close(l);
                /* START, the two, STOP. */
                expect_whole(&(struct trusted){ { k }, 1 }, 1, 4);

                snprintf(name, sizeof(name), "other-%zu", i);
                other = new_key(state, kinds[i], name);
                check(&(struct trusted){ { other }, 1 }, &r);
                assert_false(r.ok);
                assert_int_equal(r.list[0].fault, FAULT_CHECKPOINT);
        }
}

/* C2SP signed-note: an ECDSA key's ID is the beginning of SHA-256 of its SubjectPublicKeyInfo. */
static void ecdsa_key_id_is_the_standard_one(void **state)
{
        CLEANUP(ca_key_freep) struct ca_key *k = new_key(state, "P-256", "k");
        const struct bytes spki = ca_key_spki(k);
        uint8_t id[NOTEKEY_ID_SIZE], want[32];
        unsigned len = sizeof(want);

        assert_int_equal(EVP_Digest(spki.ptr, spki.len, want, &len, EVP_sha256(), NULL), 1);
        assert_int_equal(notekey_id(BYTES_STR("any"), spki, id), 0);
        assert_memory_equal(id, want, sizeof(id));
}

static void checkpoint_is_due_after_so_many_records(void **state)
{
        CLEANUP(ca_key_freep) struct ca_key *k = new_key(state, "P-256", "k");
        struct ledger *l = open_ledger(k, 0);
        struct ledger_state s;

        for (int i = 0; i < 9; i++)
                issue(l, "a");
        assert_int_equal(ledger_tick(l), 0);
        ledger_state(l, &s);
        assert_int_equal(s.since, 9);
        issue(l, "a");
        assert_int_equal(ledger_tick(l), 0);
        ledger_state(l, &s);
        assert_int_equal(s.since, 0);
        assert_int_equal(s.records, 11);
        ledger_close(l);
}

/* A process that dies with records behind its last checkpoint: nothing is lost, the next says so. */
static void goes_on_after_a_kill(void **state)
{
        CLEANUP(ca_key_freep) struct ca_key *k = new_key(state, "P-256", "k");
        CLEANUP(audit_report_clear) struct audit_report r = { 0 };
        const struct trusted t = { { k }, 1 };
        struct ledger *l;
        int status;
        pid_t pid = fork();

        if (pid == 0) {
                l = open_ledger(k, 0);
                for (int i = 0; i < 25; i++)
                        issue(l, "a");
                ledger_checkpoint(l);
                issue(l, "b");
                _exit(0);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
        l = open_ledger(k, 0);
        assert_int_equal(issue(l, "c"), 28);
        ledger_close(l);
        check(&t, &r);
        assert_true(r.ok);
        assert_int_equal(r.records, 30);
        assert_int_equal(r.covered, 30);
        assert_int_equal(r.n, 1);
        assert_int_equal(r.list[0].fault, FAULT_UNCLEAN);
}

static void log_and_key_follow_each_other(void **state)
{
        CLEANUP(ca_key_freep) struct ca_key *old = new_key(state, "P-256", "old");
        CLEANUP(ca_key_freep) struct ca_key *new = new_key(state, "Ed25519", "new");
        CLEANUP(audit_report_clear) struct audit_report r = { 0 };
        struct ledger *l = open_ledger(old, 2000);
        struct ledger_state s;
        uint64_t n = 0, logs = 0;

        for (int i = 0; i < 60; i++) {
                uint64_t got = issue(l, "build-42");

                /* Through all logs the numbers rise. */
                assert_true(got > n);
                n = got;
                if (i == 30)
                        assert_int_equal(ledger_use(l, new), 0);
                assert_int_equal(ledger_tick(l), 0);
        }
        ledger_state(l, &s);
        logs = s.log;
        assert_true(logs > 2);
        assert_true(n / LEDGER_LOG + 1 == logs || n / LEDGER_LOG + 2 == logs);
        ledger_close(l);
        /* A START, a STOP, and a ROTATE in each log but the first. */
        expect_whole(&(struct trusted){ { old, new }, 2 }, logs, 60 + 2 + logs - 1);

        check(&(struct trusted){ { new }, 1 }, &r);
        assert_false(r.ok);
}

static void *appends(void *ledger)
{
        for (int i = 0; i < 50; i++)
                issue(ledger, "many");
        return NULL;
}

/* While others append, one makes checkpoints and new logs. */
static void many_append_at_once(void **state)
{
        CLEANUP(ca_key_freep) struct ca_key *k = new_key(state, "P-256", "k");
        struct ledger *l = open_ledger(k, 8000);
        struct ledger_state s;
        pthread_t thread[8];

        for (size_t i = 0; i < ARRAY_LEN(thread); i++)
                assert_int_equal(pthread_create(&thread[i], NULL, appends, l), 0);
        for (int i = 0; i < 50; i++)
                assert_int_equal(ledger_tick(l), 0);
        for (size_t i = 0; i < ARRAY_LEN(thread); i++)
                pthread_join(thread[i], NULL);
        ledger_state(l, &s);
        ledger_close(l);
        expect_whole(&(struct trusted){ { k }, 1 }, s.log, 400 + 2 + s.log - 1);
}

/* Whoever is refused over and over fills no disk, and the log tells how often it was. */
static void refusals_are_written_within_bounds(void **state)
{
        struct audit_record rec = { .event = AUDIT_JOIN, .decision = AUDIT_REFUSED, .detail = BYTES_STR("host=a") };
        struct ca_key *k = new_key(state, "P-256", "ca");
        struct trusted t = { { k }, 1 };
        struct ledger *l = open_ledger(k, 0);
        struct ledger_state before, after = { 0 };
        uint64_t left_out = 0, unwritten = 0;
        char command[256], text[64];
        FILE *p;

        while (left_out < 500) {
                ledger_state(l, &before);
                assert_int_equal(ledger_append_refusal(l, &rec), 0);
                ledger_state(l, &after);
                left_out += after.records == before.records;
        }
        assert_true(after.records > LEDGER_REFUSALS_AT_ONCE);
        ledger_close(l);
        snprintf(command, sizeof(command), "cat %s/*/* 2>/dev/null | grep -ao 'unwritten=[0-9]*'", dir);
        p = popen(command, "r");
        while (fgets(text, sizeof(text), p) != NULL)
                unwritten += strtoull(text + strlen("unwritten="), NULL, 10);
        pclose(p);
        assert_int_equal(unwritten, left_out);
        expect_whole(&t, 1, after.records + 1);
        ca_key_free(k);
}

static void two_issuers_do_not_share_a_log(void **state)
{
        CLEANUP(ca_key_freep) struct ca_key *k = new_key(state, "P-256", "k");
        const struct ledger_options o = { .dir = dir, .name = "example.org" };
        struct ledger *l = open_ledger(k, 0), *second = NULL;

        assert_int_equal(ledger_open(&o, k, &second), ERR_TIMEOUT);
        ledger_close(l);
}

/* A checkpoint that the issuer signs is none that a TPM vouches for, and the other way round. */
static void is_no_log_of_a_tpm(void **state)
{
        CLEANUP(ca_key_freep) struct ca_key *k = new_key(state, "P-256", "k");
        CLEANUP(audit_report_clear) struct audit_report r = { 0 };
        const struct audit_check_options o = { .ak = ca_key_public(k) };
        struct ledger *l = open_ledger(k, 0);

        ledger_close(l);
        assert_int_equal(audit_check(dir, &o, &r), 0);
        assert_false(r.ok);
        assert_int_equal(r.list[0].fault, FAULT_CHECKPOINT);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(every_kind_of_key_signs, setup, tempdir_teardown),
                cmocka_unit_test_setup_teardown(ecdsa_key_id_is_the_standard_one, setup, tempdir_teardown),
                cmocka_unit_test_setup_teardown(checkpoint_is_due_after_so_many_records, setup, tempdir_teardown),
                cmocka_unit_test_setup_teardown(goes_on_after_a_kill, setup, tempdir_teardown),
                cmocka_unit_test_setup_teardown(log_and_key_follow_each_other, setup, tempdir_teardown),
                cmocka_unit_test_setup_teardown(many_append_at_once, setup, tempdir_teardown),
                cmocka_unit_test_setup_teardown(refusals_are_written_within_bounds, setup, tempdir_teardown),
                cmocka_unit_test_setup_teardown(two_issuers_do_not_share_a_log, setup, tempdir_teardown),
                cmocka_unit_test_setup_teardown(is_no_log_of_a_tpm, setup, tempdir_teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
