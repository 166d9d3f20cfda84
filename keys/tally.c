/* SPDX-License-Identifier: BSD-2-Clause */
/* Which of our commands are in the TPM's audit digest, and which record tells of which? */
#include "keys/tally.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "audit/checkpoint.h"
#include "tpm/clock.h"

#define OWED_MAX 4096

struct claim {
        pid_t thread;
        uint64_t since_ms;
        struct command_told command;
};

void tally_init(struct tally *t, const struct tally_batch *from)
{
        *t = (struct tally){ .now = *from };
        pthread_mutex_init(&t->lock, NULL);
}

void tally_clear(struct tally *t)
{
        free(t->claims);
        free(t->owed);
        pthread_mutex_destroy(&t->lock);
        memset(t, 0, sizeof(*t));
}

/* Room for one more. Without memory nothing is lost but the proof. */
static void *grow(void *list, size_t n, size_t *cap, size_t size)
{
        void *more;

        if (n < *cap)
                return list;
        more = reallocarray(list, *cap + 16, size);
        if (more != NULL)
                *cap += 16;
        return more;
}

static void owe(struct tally *t, const struct command_told *c)
{
        struct command_told *more = t->n_owed < OWED_MAX ? grow(t->owed, t->n_owed, &t->cap_owed, sizeof(*t->owed)) : NULL;

        if (more == NULL) {
                t->forgotten++;
                return;
        }
        t->owed = more;
        t->owed[t->n_owed++] = *c;
}

static void unclaim(struct tally *t, size_t i, struct command_told *ret)
{
        *ret = t->claims[i].command;
        t->claims[i] = t->claims[--t->n_claims];
}

static bool find_claim(const struct tally *t, pid_t thread, size_t *ret)
{
        for (size_t i = 0; i < t->n_claims; i++) {
                if (t->claims[i].thread == thread) {
                        *ret = i;
                        return true;
                }
        }
        return false;
}

static void add_claim(struct tally *t, const struct command_told *c)
{
        struct claim *more;
        struct command_told before;
        size_t i;

        /* Nothing was written about the one before. */
        if (find_claim(t, gettid(), &i)) {
                unclaim(t, i, &before);
                owe(t, &before);
        }
        more = grow(t->claims, t->n_claims, &t->cap_claims, sizeof(*t->claims));
        if (more == NULL) {
                owe(t, c);
                return;
        }
        t->claims = more;
        t->claims[t->n_claims++] = (struct claim){ gettid(), clock_us() / 1000, *c };
}

static void begin_batch(struct tally *t)
{
        t->now = (struct tally_batch){ .batch = t->now.batch + 1, .sure = true };
}

void tally_hear(void *ctx, const struct tpm_audited *a)
{
        struct tally *t = ctx;
        struct command_told c = { .cc = a->cc };

        pthread_mutex_lock(&t->lock);
        switch (a->event) {
        case TPM_AUDIT_EXTENDED:
                c.batch = t->now.batch;
                c.index = ++t->now.count;
                memcpy(c.cp_hash, a->cp_hash, sizeof(c.cp_hash));
                memcpy(c.rp_hash, a->rp_hash, sizeof(c.rp_hash));
                audit_digest_extend(t->now.digest, BYTES(c.cp_hash, sizeof(c.cp_hash)), BYTES(c.rp_hash, sizeof(c.rp_hash)));
                add_claim(t, &c);
                break;
        case TPM_AUDIT_UNSURE:
                t->now.sure = false;
                owe(t, &c);
                break;
        case TPM_AUDIT_CLEARED:
                t->closed = t->now;
                begin_batch(t);
                break;
        case TPM_AUDIT_RESET:
        case TPM_AUDIT_LOST:
                if (a->event == TPM_AUDIT_RESET) {
                        t->resets_heard++;
                        t->reset_clock = *a->clock;
                }
                t->lost += t->now.count;
                if (t->now.count > 0)
                        begin_batch(t);
                t->now.sure = true;
                break;
        }
        pthread_mutex_unlock(&t->lock);
}

void tally_now(struct tally *t, struct tally_batch *ret)
{
        pthread_mutex_lock(&t->lock);
        *ret = t->now;
        pthread_mutex_unlock(&t->lock);
}

void tally_next(struct tally *t)
{
        pthread_mutex_lock(&t->lock);
        t->closed = t->now;
        begin_batch(t);
        pthread_mutex_unlock(&t->lock);
}

bool tally_claim(struct tally *t, struct command_told *ret)
{
        bool found;
        size_t i;

        pthread_mutex_lock(&t->lock);
        found = find_claim(t, gettid(), &i);
        if (found)
                unclaim(t, i, ret);
        pthread_mutex_unlock(&t->lock);
        return found;
}

void tally_owe(struct tally *t, const struct command_told *c)
{
        pthread_mutex_lock(&t->lock);
        owe(t, c);
        pthread_mutex_unlock(&t->lock);
}

bool tally_owed(struct tally *t, struct command_told *ret)
{
        bool any;

        pthread_mutex_lock(&t->lock);
        any = t->n_owed > 0;
        if (any)
                *ret = t->owed[--t->n_owed];
        pthread_mutex_unlock(&t->lock);
        return any;
}

uint64_t tally_forgotten(struct tally *t)
{
        uint64_t n;

        pthread_mutex_lock(&t->lock);
        n = t->forgotten;
        t->forgotten = 0;
        pthread_mutex_unlock(&t->lock);
        return n;
}

void tally_expire(struct tally *t, uint64_t older_than_ms)
{
        struct command_told c;
        uint64_t now;

        pthread_mutex_lock(&t->lock);
        /* Not before there is nobody else: a claim from between would come after it. */
        now = clock_us() / 1000;
        for (size_t i = t->n_claims; i > 0; i--) {
                if (now - t->claims[i - 1].since_ms < older_than_ms)
                        continue;
                unclaim(t, i - 1, &c);
                owe(t, &c);
        }
        pthread_mutex_unlock(&t->lock);
}
