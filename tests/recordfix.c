/* SPDX-License-Identifier: BSD-2-Clause */
/* Opens a recorder, lets it record, and asks the check what it thinks of that. */
#include <setjmp.h>
#include <stdatomic.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "keys/backend_tpm.h"
#include "lib/crypto.h"
#include "lib/err.h"
#include "lib/tpmt.h"
#include "tests/recordfix.h"

#define AK_AUTH BYTES_STR("the AK's")

void recordfix_connect(struct recordfix *s)
{
        s->tpm = backend_tpm_device(keyring_backend(s->f.keyring));
        s->o.tpm = s->tpm;
}

void recordfix_log(struct recordfix *s, const char *name)
{
        snprintf(s->dir, sizeof(s->dir), "%s/%s", s->f.swtpm.dir, name);
}

static void begin(struct recordfix *s, enum audit_mode mode)
{
        TPM2B_PUBLIC pub;

        s->mode = mode;
        s->key = fixture_key(&s->f, "P-256", ALG_SIGN, "k");
        recordfix_connect(s);
        recordfix_log(s, "audit");
        assert_int_equal(tpm_ak_make(s->tpm, 0x81010b01, BYTES(NULL, 0), AK_AUTH, &s->ak), 0);
        assert_int_equal(tpmt_public_decode(BYTES_OF(&s->ak.pub), &pub), 0);
        assert_int_equal(tpmt_pubkey(&pub, &s->ak_key), 0);
        assert_int_equal(tpm_counter_make(s->tpm, 0x01800b00, BYTES(NULL, 0), RECORDFIX_COUNTER_AUTH, &s->counter), 0);
        s->o = (struct recorder_options){ .dir = s->dir, .origin = "holdfast/test", .program = "test", .checkpoint_records = 20, .tpm = s->tpm,
                                          .ak = s->ak, .ak_auth = AK_AUTH, .counter_auth = RECORDFIX_COUNTER_AUTH, .counter = s->counter };
}

int recordfix_start(void **state)
{
        struct recordfix *s = calloc(1, sizeof(*s));

        *state = s;
        fixture_start(&s->f);
        begin(s, AUDIT_MODE_COMMAND);
        return 0;
}

int recordfix_start_session(void **state)
{
        struct recordfix *s = calloc(1, sizeof(*s));

        *state = s;
        fixture_start(&s->f);
        assert_int_equal(proxy_start(&s->proxy, &s->f.swtpm), 0);
        s->proxy.no_command_audit = true;
        free(s->f.conf.tcti);
        s->f.conf.tcti = strdup(s->proxy.tcti);
        fixture_reopen(&s->f);
        begin(s, AUDIT_MODE_SESSION);
        return 0;
}

int recordfix_stop(void **state)
{
        struct recordfix *s = *state;

        recordfix_close(s);
        item_unref(s->key);
        tpm_ak_clear(&s->ak);
        pubkey_clear(&s->ak_key);
        keyring_close(s->f.keyring);
        s->f.keyring = NULL;
        if (s->proxy.sw != NULL)
                proxy_stop(&s->proxy);
        fixture_stop(&s->f);
        free(s);
        return 0;
}

void recordfix_open(struct recordfix *s)
{
        int r = recorder_open(&s->o, &s->r);

        if (r != 0)
                fail_msg("recorder_open: %s: %s", err_name(r), err_text());
}

void recordfix_close(struct recordfix *s)
{
        recorder_close(s->r);
        s->r = NULL;
}

int recordfix_sign(struct recordfix *s)
{
        const struct caller c = { .record = recorder_append, .log = s->r };
        const struct key_use u = { .item = s->key, .agent = "a", .caller = &c };
        const struct pk_params p = { .scheme = SCHEME_ECDSA };
        CLEANUP(buf_clear) struct buf sig = { 0 };
        uint8_t digest[32];

        assert_int_equal(crypto_random(digest, sizeof(digest)), 0);
        return signer_sign(s->f.keyring, &u, &p, BYTES(digest, sizeof(digest)), &sig);
}

void recordfix_sign_past(struct recordfix *s)
{
        const struct key_use u = { .item = s->key, .agent = "a" };
        const struct pk_params p = { .scheme = SCHEME_ECDSA };
        CLEANUP(buf_clear) struct buf sig = { 0 };
        const uint8_t digest[32] = { 0 };
        struct keyring *other;

        assert_int_equal(keyring_open(&s->f.conf, &other), 0);
        assert_int_equal(signer_sign(other, &u, &p, BYTES(digest, sizeof(digest)), &sig), 0);
        keyring_close(other);
}

struct many {
        struct recordfix *s;
        unsigned each;
        _Atomic unsigned running;
};

static void *sign_each(void *arg)
{
        struct many *m = arg;

        for (unsigned i = 0; i < m->each; i++)
                assert_int_equal(recordfix_sign(m->s), 0);
        atomic_fetch_sub(&m->running, 1);
        return NULL;
}

void recordfix_sign_many(struct recordfix *s, unsigned threads, unsigned each)
{
        struct many m = { .s = s, .each = each, .running = threads };
        pthread_t list[16];

        assert_in_range(threads, 1, ARRAY_LEN(list));
        for (unsigned i = 0; i < threads; i++)
                assert_int_equal(pthread_create(&list[i], NULL, sign_each, &m), 0);
        while (atomic_load(&m.running) > 0) {
                assert_int_equal(recorder_tick(s->r), 0);
                usleep(1000);
        }
        for (unsigned i = 0; i < threads; i++)
                pthread_join(list[i], NULL);
        assert_int_equal(recorder_tick(s->r), 0);
}

void recordfix_print(const struct audit_report *rep)
{
        for (size_t i = 0; i < rep->n; i++)
                fprintf(stderr, "%s%s %llu/%lld: %s\n", audit_fault_name(rep->list[i].fault), rep->list[i].warning ? " (warning)" : "",
                        (unsigned long long)rep->list[i].log, (long long)rep->list[i].seq, rep->list[i].text);
}

void recordfix_check(struct recordfix *s, struct audit_report *ret)
{
        struct audit_check_options o = { .ak = &s->ak_key, .signatures = true, .has_nv = true };

        assert_int_equal(tpm_counter_read(s->tpm, s->counter, RECORDFIX_COUNTER_AUTH, &o.nv_value), 0);
        assert_int_equal(audit_check(s->dir, &o, ret), 0);
}

/* Whatever vouches for them: every use says which command of the TPM it was. */
static void require_commands(const struct recordfix *s)
{
        CLEANUP(free_ptr) uint64_t *logs = NULL;
        struct audit_record rec;
        struct audit_reader *rd;
        struct bytes raw;
        size_t n;

        assert_int_equal(audit_logs(s->dir, &logs, &n), 0);
        for (size_t i = 0; i < n; i++) {
                assert_int_equal(audit_reader_open(s->dir, logs[i], &rd), 0);
                while (audit_reader_next(rd, &raw) == 0) {
                        assert_int_equal(audit_record_decode(raw, &rec), 0);
                        assert_true(rec.event != AUDIT_USE || rec.decision != AUDIT_ALLOWED || rec.tpm.present);
                }
                audit_reader_close(rd);
        }
}

void recordfix_require(struct recordfix *s, int fault)
{
        CLEANUP(audit_report_clear) struct audit_report rep = { 0 };
        size_t faults = 0, others = 0;

        recordfix_check(s, &rep);
        for (size_t i = 0; i < rep.n; i++) {
                if ((int)rep.list[i].fault == fault)
                        faults++;
                else if (!rep.list[i].warning)
                        others++;
        }
        if (others > 0 || (fault != 0 && faults == 0))
                recordfix_print(&rep);
        assert_int_equal(others, 0);
        assert_true(fault == 0 || faults > 0);
        assert_true(rep.uses == 0 || rep.mode == s->mode);
        require_commands(s);
}

void recordfix_goes_on_after_a_restart(void **state)
{
        struct recordfix *s = *state;

        for (int i = 0; i < 3; i++) {
                recordfix_open(s);
                assert_int_equal(recordfix_sign(s), 0);
                recordfix_close(s);
                recordfix_require(s, 0);
        }
        assert_int_equal(swtpm_reset(&s->f.swtpm), 0);
        recordfix_open(s);
        assert_int_equal(recordfix_sign(s), 0);
        recordfix_close(s);
        recordfix_require(s, 0);
}
