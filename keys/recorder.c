/* SPDX-License-Identifier: BSD-2-Clause */
/* How do records get into the log, and what must be told beside them? */
#include "keys/recording.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "lib/err.h"

/* A thread that has done a command writes its record at once; one that is gone never does. */
#define CLAIM_MS 60000

uint64_t recording_ms(clockid_t id)
{
        struct timespec t;

        clock_gettime(id, &t);
        return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void recording_clock_set(struct recorder *r, const struct tpm_clock *c)
{
        pthread_mutex_lock(&r->clock_lock);
        if (c->resets != r->clock.resets || c->restarts != r->clock.restarts)
                r->clock_last = 0;
        r->clock = *c;
        r->clock_at = recording_ms(CLOCK_BOOTTIME);
        pthread_mutex_unlock(&r->clock_lock);
}

void recording_clock_get(struct recorder *r, struct audit_record *rec)
{
        uint64_t now = recording_ms(CLOCK_BOOTTIME);

        pthread_mutex_lock(&r->clock_lock);
        rec->has_clock = true;
        rec->tpm_clock_ms = r->clock.clock_ms + (now - r->clock_at);
        if (rec->tpm_clock_ms < r->clock_last)
                rec->tpm_clock_ms = r->clock_last;
        r->clock_last = rec->tpm_clock_ms;
        rec->tpm_resets = r->clock.resets;
        rec->tpm_restarts = r->clock.restarts;
        pthread_mutex_unlock(&r->clock_lock);
}

static void put_command(struct audit_record *rec, const struct command_told *c)
{
        rec->tpm = (struct audit_tpm){
                .present = true, .batch = c->batch, .index = c->index, .cc = c->cc,
                .cp_hash = BYTES(c->cp_hash, sizeof(c->cp_hash)), .rp_hash = BYTES(c->rp_hash, sizeof(c->rp_hash)),
        };
}

int recording_append(struct recorder *r, struct audit_record *rec)
{
        int e;

        if (rec->time_ms == 0)
                rec->time_ms = recording_ms(CLOCK_REALTIME);
        recording_clock_get(r, rec);
        pthread_rwlock_rdlock(&r->turn);
        e = audit_append(r->log, rec);
        pthread_rwlock_unlock(&r->turn);
        return e;
}

static int tell_forgotten(struct recorder *r)
{
        struct audit_record rec = { .event = AUDIT_GAP, .operation = BYTES_STR("withheld") };
        uint64_t n = tally_forgotten(&r->tally);
        char text[96];
        int e;

        if (n == 0)
                return 0;
        snprintf(text, sizeof(text), "%" PRIu64 " commands of the TPM more, of which nothing is known", n);
        rec.detail = BYTES_STR(text);
        e = recording_append(r, &rec);
        if (e != 0) {
                pthread_mutex_lock(&r->tally.lock);
                r->tally.forgotten += n;
                pthread_mutex_unlock(&r->tally.lock);
        }
        return e;
}

int recording_tell_owed(struct recorder *r)
{
        struct command_told c;
        int e = 0;

        while (e == 0 && tally_owed(&r->tally, &c)) {
                struct audit_record rec = { .event = AUDIT_GAP, .operation = BYTES_STR("withheld") };
                char text[96] = "what was done could not be recorded, and its result was not given out";

                if (c.index > 0)
                        put_command(&rec, &c);
                else
                        snprintf(text, sizeof(text), "the TPM's answer to command 0x%08" PRIx32 " was lost: it may have done it", c.cc);
                rec.detail = BYTES_STR(text);
                e = recording_append(r, &rec);
                if (e != 0)
                        tally_owe(&r->tally, &c);
        }
        return e != 0 ? e : tell_forgotten(r);
}

int recorder_append(void *recorder, struct audit_record *rec)
{
        struct recorder *r = recorder;
        struct command_told c;
        bool told = rec->decision != AUDIT_REFUSED && tally_claim(&r->tally, &c);
        int e;

        e = recording_tell_owed(r);
        if (told)
                put_command(rec, &c);
        if (e == 0)
                e = recording_append(r, rec);
        rec->tpm = (struct audit_tpm){ 0 };
        if (e == 0)
                atomic_fetch_add(&r->since, 1);
        else if (told)
                tally_owe(&r->tally, &c);
        return e;
}

static int tell_checkpoint(struct recorder *r, const char *reason)
{
        struct audit_record rec = { .event = AUDIT_CHECKPOINT, .reason = BYTES_STR(reason) };
        char detail[96];

        snprintf(detail, sizeof(detail), "batch %" PRIu64 " size %" PRIu64, r->batch, r->head.size);
        rec.detail = BYTES_STR(detail);
        return recording_append(r, &rec);
}

int recorder_checkpoint(struct recorder *r)
{
        char reason[VOW_REASON_MAX];
        int e;

        pthread_mutex_lock(&r->checkpointing);
        e = recording_tell_owed(r);
        if (e == 0)
                e = vow_make(r, reason);
        if (e == 0)
                e = tell_checkpoint(r, reason);
        pthread_mutex_unlock(&r->checkpointing);
        return e;
}

/* The next log's first record names the root of all of this one. */
static int rotate(struct recorder *r)
{
        struct audit_record rec = { .event = AUDIT_ROTATE, .time_ms = recording_ms(CLOCK_REALTIME) };
        struct audit_head head;
        char number[24];

        snprintf(number, sizeof(number), "%" PRIu64, audit_log_number(r->log));
        audit_log_head(r->log, &head);
        rec.detail = BYTES_STR(number);
        rec.digest = BYTES(head.root, sizeof(head.root));
        recording_clock_get(r, &rec);
        return audit_log_rotate(r->log, &rec);
}

/* A checkpoint covers all of it: nothing is appended in between. */
static int close_log(struct recorder *r)
{
        char reason[VOW_REASON_MAX];
        int e;

        pthread_rwlock_wrlock(&r->turn);
        e = vow_make(r, reason);
        if (e == 0)
                e = rotate(r);
        pthread_rwlock_unlock(&r->turn);
        return e != 0 ? e : tell_checkpoint(r, reason);
}

int recorder_tick(struct recorder *r)
{
        uint64_t since = atomic_load(&r->since), age = recording_ms(CLOCK_MONOTONIC) - atomic_load(&r->since_ms);
        int e;

        tally_expire(&r->tally, CLAIM_MS);
        if (audit_log_full(r->log)) {
                pthread_mutex_lock(&r->checkpointing);
                e = recording_tell_owed(r);
                if (e == 0)
                        e = close_log(r);
                pthread_mutex_unlock(&r->checkpointing);
                return e;
        }
        if (since > 0 && ((r->checkpoint_records > 0 && since >= r->checkpoint_records) ||
                          (r->checkpoint_seconds > 0 && age >= r->checkpoint_seconds * 1000ull)))
                return recorder_checkpoint(r);
        return 0;
}

enum audit_mode recorder_mode(const struct recorder *r)
{
        return r->mode;
}

void recorder_state(struct recorder *r, struct recorder_state *ret)
{
        struct audit_head head;

        audit_log_head(r->log, &head);
        *ret = (struct recorder_state){
                .number = audit_log_number(r->log), .size = head.size, .since = atomic_load(&r->since),
                .checkpoint_age_ms = recording_ms(CLOCK_MONOTONIC) - atomic_load(&r->since_ms), .origin = r->origin,
        };
}
