/* SPDX-License-Identifier: BSD-2-Clause */
/* How does a log go on where it ended, and how does it end well? */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "keys/recording.h"
#include "keys/resume.h"
#include "lib/err.h"
#include "lib/tpmt.h"

static void hear(void *ctx, const struct tpm_audited *a)
{
        struct recorder *r = ctx;

        if (a->event == TPM_AUDIT_RESET)
                recording_clock_set(r, a->clock);
        tally_hear(&r->tally, a);
}

static void destroy(struct recorder *r)
{
        if (r->tpm != NULL)
                tpm_observe(r->tpm, NULL, NULL);
        audit_log_close(r->log);
        tally_clear(&r->tally);
        tpm_ak_clear(&r->ak);
        pubkey_clear(&r->ak_key);
        buf_clear(&r->ak_auth);
        buf_clear(&r->counter_auth);
        buf_clear(&r->unstored);
        free(r->origin);
        pthread_rwlock_destroy(&r->turn);
        pthread_mutex_destroy(&r->checkpointing);
        pthread_mutex_destroy(&r->clock_lock);
        free(r);
}

static int make(const struct recorder_options *o, struct recorder **ret)
{
        struct recorder *r = calloc(1, sizeof(*r));
        pthread_rwlockattr_t fair;
        TPM2B_PUBLIC pub;
        int e = 0;

        if (r == NULL)
                return err(ERR_NOMEM, "out of memory");
        tally_init(&r->tally, &(struct tally_batch){ .batch = 1, .sure = true });
        pthread_rwlockattr_init(&fair);
        pthread_rwlockattr_setkind_np(&fair, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
        pthread_rwlock_init(&r->turn, &fair);
        pthread_rwlockattr_destroy(&fair);
        pthread_mutex_init(&r->checkpointing, NULL);
        pthread_mutex_init(&r->clock_lock, NULL);
        r->since_ms = recording_ms(CLOCK_MONOTONIC);
        r->checkpoint_records = o->checkpoint_records;
        r->checkpoint_seconds = o->checkpoint_seconds;
        r->origin = strdup(o->origin);
        r->counter = o->counter;
        r->cosign = o->cosign;
        r->cosign_ctx = o->cosign_ctx;
        r->ak.handle = o->ak.handle;
        e = r->origin != NULL ? buf_set(&r->ak.name, BYTES_OF(&o->ak.name)) : err(ERR_NOMEM, "out of memory");
        if (e == 0)
                e = buf_set(&r->ak_auth, o->ak_auth);
        if (e == 0)
                e = buf_set(&r->counter_auth, o->counter_auth);
        if (e == 0)
                e = tpmt_public_decode(BYTES_OF(&o->ak.pub), &pub);
        if (e == 0)
                e = tpmt_pubkey(&pub, &r->ak_key);
        if (e == 0)
                *ret = r;
        else
                destroy(r);
        return e;
}

/* Where the TPM's digest and the log's tail stand to each other. */
static int resume(struct recorder *r, const struct recorder_options *o, struct resume *back, bool *ret_reset)
{
        struct tpm_clock clock;
        struct tally_batch from;
        int e;

        e = resume_read(o->dir, &r->ak_key, back);
        if (e == 0 && r->counter != 0 && back->newest.has_nv) {
                r->counter_value = back->newest.nv_value;
                e = vow_settle_counter(r);
        } else if (e == 0 && r->counter != 0) {
                e = tpm_counter_read(o->tpm, r->counter, BYTES_OF(&r->counter_auth), &r->counter_value);
        }
        if (e == 0)
                e = tpm_clock_read(o->tpm, &clock);
        if (e != 0)
                return e;
        recording_clock_set(r, &clock);
        from = back->open;
        *ret_reset = back->has_clock && clock.resets != back->resets;
        /* A session's digest goes with whoever had the session. */
        if ((*ret_reset || r->mode == AUDIT_MODE_SESSION) && from.count > 0)
                from = (struct tally_batch){ .batch = from.batch + 1 };
        from.sure = from.sure || *ret_reset || r->mode == AUDIT_MODE_SESSION;
        r->tally.now = from;
        return 0;
}

static int nothing_said(void *ctx, uint8_t ret_extra[TPM_AUDIT_HASH])
{
        (void)ctx;
        memset(ret_extra, 0, TPM_AUDIT_HASH);
        return 0;
}

/* What the TPM did before there was this log is none of its business: forgotten, unsaid. */
static int forget_before(struct recorder *r)
{
        CLEANUP(buf_clear) struct buf attest = { 0 };
        CLEANUP(buf_clear) struct buf signature = { 0 };

        return tpm_attest(r->tpm, TPM_ATTEST_COMMAND_AUDIT, &r->ak, BYTES_OF(&r->ak_auth), nothing_said, NULL, &attest, &signature);
}

static int tell_start(struct recorder *r, const struct recorder_options *o, const struct audit_recovery *how, const struct resume *back, bool reset)
{
        struct audit_record rec = { .event = AUDIT_START };
        CLEANUP(buf_clear) struct buf detail = { 0 };
        int e;

        e = buf_printf(&detail, "%s; audit %s", o->program, audit_mode_name(r->mode));
        if (e == 0 && how->created)
                e = buf_printf(&detail, "; a new log");
        if (e == 0 && how->created && r->counter != 0)
                e = buf_printf(&detail, ", the TPM's counter is %" PRIu64, r->counter_value);
        if (e == 0 && how->unclean)
                e = buf_printf(&detail, "; the writer before did not end well");
        if (e == 0 && how->torn > 0)
                e = buf_printf(&detail, ", %" PRIu64 " octets of an unfinished record were cut off", how->torn);
        if (e == 0 && reset)
                e = buf_printf(&detail, "; the TPM was reset since");
        if (e == 0 && (reset || r->mode == AUDIT_MODE_SESSION) && back->open.count > 0)
                e = buf_printf(&detail, "%s no checkpoint vouches for %" PRIu64 " commands of batch %" PRIu64, reset ? ", and" : ";", back->open.count,
                               back->open.batch);
        rec.detail = BYTES_OF(&detail);
        return e != 0 ? e : recorder_append(r, &rec);
}

/* Told at each start, so that the newest one in the log is what the TPM has. */
static int set_list(struct recorder *r, const struct recorder_options *o, const uint32_t *list, size_t n)
{
        struct audit_record rec = { .event = AUDIT_LIST };
        CLEANUP(buf_clear) struct buf detail = { 0 };
        bool changed;
        int e;

        e = tpm_audit_list_set(r->tpm, o->owner_auth, list, n, &changed);
        if (e == 0)
                e = audit_list_format(list, n, &detail);
        rec.detail = BYTES_OF(&detail);
        return e != 0 ? e : recorder_append(r, &rec);
}

static int begin(struct recorder *r, const struct recorder_options *o, const struct audit_recovery *how)
{
        static const enum audit_mode modes[] = {
                [TPM_AUDIT_NONE] = AUDIT_MODE_NONE, [TPM_AUDIT_SESSION] = AUDIT_MODE_SESSION, [TPM_AUDIT_COMMAND] = AUDIT_MODE_COMMAND,
        };
        CLEANUP(resume_clear) struct resume back = { 0 };
        uint32_t list[TPM_AUDIT_LIST_MAX];
        enum tpm_audit_kind kind;
        bool reset;
        size_t n;
        int e;

        r->tpm = o->tpm;
        e = tpm_audit_commands(o->tpm, &kind, list, &n);
        if (e != 0)
                return e;
        r->mode = modes[kind];
        e = resume(r, o, &back, &reset);
        if (e == 0 && kind == TPM_AUDIT_COMMAND && !back.counted)
                e = forget_before(r);
        if (e == 0 && kind == TPM_AUDIT_SESSION)
                e = tpm_audit_session_set(r->tpm, list, n);
        if (e == 0)
                e = tpm_observe(r->tpm, hear, r);
        if (e == 0)
                e = tell_start(r, o, how, &back, reset);
        if (e == 0 && kind == TPM_AUDIT_COMMAND)
                e = set_list(r, o, list, n);
        return e != 0 ? e : recorder_checkpoint(r);
}

int recorder_open(const struct recorder_options *o, struct recorder **ret)
{
        const struct audit_log_options log = { .rotate_size = o->rotate_size };
        struct audit_recovery how;
        struct recorder *r;
        int e;

        e = make(o, &r);
        if (e != 0)
                return e;
        e = audit_log_open(o->dir, &log, &how, &r->log);
        if (e == 0)
                e = begin(r, o, &how);
        if (e == 0)
                *ret = r;
        else
                destroy(r);
        return e;
}

int recorder_close(struct recorder *r)
{
        struct audit_record rec = { .event = AUDIT_STOP };
        char reason[VOW_REASON_MAX];
        int e;

        if (r == NULL)
                return 0;
        tally_expire(&r->tally, 0);
        /* The checkpoint has no record of its own: it covers all that there is. */
        pthread_mutex_lock(&r->checkpointing);
        e = recorder_append(r, &rec);
        if (e == 0)
                e = vow_make(r, reason);
        pthread_mutex_unlock(&r->checkpointing);
        destroy(r);
        return e;
}
