/* SPDX-License-Identifier: BSD-2-Clause */
/* What does the TPM vouch for, in which words, and in which order is that kept? */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "keys/recording.h"
#include "lib/err.h"

int vow_settle_counter(struct recorder *r)
{
        uint64_t is, told = r->counter_value;
        int e = tpm_counter_read(r->tpm, r->counter, BYTES_OF(&r->counter_auth), &is);

        if (e != 0)
                return e;
        if (is > told)
                return err(ERR_FOREIGN, "the TPM's counter is %" PRIu64 ", the log's newest checkpoint raised it to %" PRIu64 ": the log is an old copy", is, told);
        if (is + 1 < told)
                return err(ERR_FOREIGN, "the TPM's counter is %" PRIu64 ", the log's newest checkpoint raised it to %" PRIu64 ": the log is another TPM's", is,
                           told);
        if (is < told)
                e = tpm_counter_raise(r->tpm, r->counter, BYTES_OF(&r->counter_auth), told);
        if (e == 0)
                r->counter_behind = false;
        return e;
}

struct vow {
        struct recorder *r;
        struct checkpoint c;
};

static void vow_clear(struct vow *v)
{
        checkpoint_clear(&v->c);
}

/* While the TPM can do nothing else, so that no command of ours comes between what is said here and its digest. */
static int vow_text(void *ctx, uint8_t ret_extra[TPM_AUDIT_HASH])
{
        struct vow *v = ctx;
        struct tally_batch now;

        audit_log_head(v->r->log, &v->c.head);
        tally_now(&v->r->tally, &now);
        v->c.batch = now.batch;
        v->c.count = v->r->mode != AUDIT_MODE_NONE ? now.count : 0;
        v->c.time_ms = recording_ms(CLOCK_REALTIME);
        return checkpoint_digest(&v->c, ret_extra);
}

static int begin_vow(struct recorder *r, struct checkpoint *c)
{
        c->mode = r->mode;
        c->has_nv = r->counter != 0;
        c->nv_index = r->counter;
        c->nv_value = c->has_nv ? r->counter_value + 1 : 0;
        return buf_printf(&c->origin, "%s/%" PRIu64, r->origin, audit_log_number(r->log));
}

/* Stored first, then counted: of the two the log is the one that can be mended. */
static int store(struct recorder *r)
{
        int e = 0;

        if (r->unstored.len > 0)
                e = audit_log_put_checkpoint(r->log, &r->head, r->batch, BYTES_OF(&r->unstored));
        if (e != 0)
                return e;
        buf_clear(&r->unstored);
        if (r->counter_behind)
                e = tpm_counter_raise(r->tpm, r->counter, BYTES_OF(&r->counter_auth), r->counter_value);
        if (e == 0)
                r->counter_behind = false;
        return e;
}

/* What is there is first put in order: a failure of the one before. */
static int store_before(struct recorder *r)
{
        bool behind = r->counter_behind && r->unstored.len == 0;

        return behind ? vow_settle_counter(r) : store(r);
}

/* Whether the TPM counted what we did. The check says what follows from it. */
static void compare(struct recorder *r, const struct checkpoint *c, const struct checkpoint_proof *p, char ret_reason[VOW_REASON_MAX])
{
        struct tally_batch closed;
        uint64_t resets, lost;

        pthread_mutex_lock(&r->tally.lock);
        closed = r->tally.closed;
        resets = r->tally.resets_heard - r->resets_told;
        lost = r->tally.lost - r->lost_told;
        r->resets_told += resets;
        r->lost_told += lost;
        pthread_mutex_unlock(&r->tally.lock);

        ret_reason[0] = '\0';
        if (resets > 0)
                snprintf(ret_reason, VOW_REASON_MAX, "the TPM was reset: no checkpoint vouches for %" PRIu64 " of its commands", lost);
        else if (lost > 0)
                snprintf(ret_reason, VOW_REASON_MAX, "the TPM's audit session was lost: no checkpoint vouches for %" PRIu64 " of its commands", lost);
        else if (c->mode == AUDIT_MODE_NONE || (c->mode == AUDIT_MODE_SESSION && c->count == 0))
                return;
        else if (!closed.sure)
                snprintf(ret_reason, VOW_REASON_MAX, "an answer of the TPM was lost: what it says of this batch cannot be compared");
        else if (p->digest.len == 0 ? c->count > 0 : c->count == 0 || !bytes_equal(p->digest, BYTES(closed.digest, sizeof(closed.digest))))
                snprintf(ret_reason, VOW_REASON_MAX, "the TPM says that it did other commands than this log tells of");
}

/* The TPM has closed the batch, and can do that once: a checkpoint without this line is better than none, and says so. */
static void cosign(struct recorder *r, struct checkpoint *c, char ret_reason[VOW_REASON_MAX])
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        int e;

        if (r->cosign == NULL)
                return;
        e = checkpoint_text(c, &text);
        if (e == 0)
                e = r->cosign(r->cosign_ctx, BYTES_OF(&c->origin), BYTES_OF(&text), &c->ed25519);
        if (e != 0)
                snprintf(ret_reason, VOW_REASON_MAX, "the witness key did not sign: %s", err_text());
}

static int attest(struct recorder *r, char ret_reason[VOW_REASON_MAX])
{
        static const enum tpm_attest by[] = {
                [AUDIT_MODE_NONE] = TPM_ATTEST_QUOTE, [AUDIT_MODE_SESSION] = TPM_ATTEST_SESSION_AUDIT, [AUDIT_MODE_COMMAND] = TPM_ATTEST_COMMAND_AUDIT,
        };
        CLEANUP(vow_clear) struct vow v = { .r = r };
        CLEANUP(checkpoint_clear) struct checkpoint back = { 0 };
        CLEANUP(buf_clear) struct buf note = { 0 };
        char not_signed[VOW_REASON_MAX] = "";
        struct checkpoint_proof p;
        int e;

        e = begin_vow(r, &v.c);
        if (e == 0)
                e = tpm_attest(r->tpm, by[r->mode], &r->ak, BYTES_OF(&r->ak_auth), vow_text, &v, &v.c.attest, &v.c.signature);
        if (e != 0)
                return e;
        if (r->mode == AUDIT_MODE_NONE)
                tally_next(&r->tally);
        cosign(r, &v.c, not_signed);
        e = checkpoint_format(&v.c, &r->ak_key, &note);
        if (e == 0)
                e = checkpoint_parse(BYTES_OF(&note), &back);
        if (e == 0)
                e = checkpoint_verify(&back, &r->ak_key, &p);
        if (e != 0)
                return e;
        recording_clock_set(r, &(struct tpm_clock){ .clock_ms = p.clock_ms, .resets = (uint32_t)p.resets, .restarts = (uint32_t)p.restarts });
        compare(r, &v.c, &p, ret_reason);
        if (ret_reason[0] == '\0')
                memcpy(ret_reason, not_signed, sizeof(not_signed));
        r->head = v.c.head;
        r->batch = v.c.batch;
        buf_take(&note, &r->unstored);
        r->counter_value = v.c.nv_value;
        r->counter_behind = v.c.has_nv;
        return 0;
}

int vow_make(struct recorder *r, char ret_reason[VOW_REASON_MAX])
{
        int e = store_before(r);

        if (e == 0)
                e = attest(r, ret_reason);
        if (e == 0)
                e = store(r);
        if (e != 0)
                return e;
        atomic_store(&r->since, 0);
        atomic_store(&r->since_ms, recording_ms(CLOCK_MONOTONIC));
        return 0;
}
