/* SPDX-License-Identifier: BSD-2-Clause */
/* What has the audit digest been extended by?
 *
 * Only what this program sent can be told. That the TPM was reset shows by the session: it does not survive that, and every
 * audited command of ours needs one, so a new session is the moment to ask.
 *
 * With session audit the digest is the session's (Part 1, 31): it goes where that goes. Reading it does not clear it, so the first
 * command after that has auditReset set, and each batch begins with zeros as it does with command audit. */
#include <string.h>
#include "lib/err.h"
#include "tpm/clock.h"
#include "tpm/ctx.h"
#include "tpm/wire.h"

#define OBSERVE_US 30000000u

/* TPM2_ReadClock */

static TSS2_RC prepare_clock(TSS2_SYS_CONTEXT *sys, const struct call *c)
{
        (void)c;
        return Tss2_Sys_ReadClock_Prepare(sys);
}

static uint64_t read_u64(struct reader *r)
{
        uint64_t high = read_u32(r);

        return high << 32 | read_u32(r);
}

/* TPMS_TIME_INFO, Part 2, 10.11.6 */
int clock_read(struct tpm *t, struct tpm_clock *ret)
{
        const struct call c = { .cc = TPM2_CC_ReadClock, .prepare = prepare_clock };
        struct answer a;
        struct reader r;
        int e;

        e = tpm_call(t, &c, &a);
        if (e != 0)
                return e;
        r = READER(a.params);
        ret->time_ms = read_u64(&r);
        ret->clock_ms = read_u64(&r);
        ret->resets = read_u32(&r);
        ret->restarts = read_u32(&r);
        ret->safe = read_u8(&r) != 0;
        return 0;
}

static int read_clock(struct tpm *t, void *arg)
{
        return clock_read(t, arg);
}

int tpm_clock_read(struct tpm *t, struct tpm_clock *ret)
{
        struct tpm_clock clock;
        int r = tpm_operate(t, PATIENCE, read_clock, &clock);

        if (r == 0)
                *ret = clock;
        return r;
}

struct observe {
        tpm_observer *fn;
        void *ctx;
};

static int start_observing(struct tpm *t, void *arg)
{
        const struct observe *o = arg;
        struct tpm_clock clock;
        int r = clock_read(t, &clock);

        if (r != 0)
                return r;
        t->resets = clock.resets;
        t->observer = o->fn;
        t->observer_ctx = o->ctx;
        return 0;
}

int tpm_observe(struct tpm *t, tpm_observer *fn, void *ctx)
{
        struct observe o = { fn, ctx };
        int r;

        if (fn != NULL)
                return tpm_operate(t, PATIENCE, start_observing, &o);
        r = enter(t, clock_us() + OBSERVE_US);
        if (r != 0)
                return r;
        t->observer = NULL;
        t->observer_ctx = NULL;
        leave(t);
        return 0;
}

static void tell(struct tpm *t, enum tpm_audit_event event, uint32_t cc)
{
        const struct tpm_audited a = { .event = event, .cc = cc };

        t->observer(t->observer_ctx, &a);
}

bool observe_open(const struct tpm *t)
{
        return t->observer != NULL && t->audit_in_session && t->session.goes_on;
}

void observe_gone(struct tpm *t)
{
        if (t->observer != NULL && t->audit_in_session)
                tell(t, TPM_AUDIT_LOST, 0);
}

int observe_session(struct tpm *t)
{
        struct tpm_clock clock;
        const struct tpm_audited reset = { .event = TPM_AUDIT_RESET, .clock = &clock };
        struct rc_meaning why;
        int r;

        if (t->observer == NULL)
                return 0;
        r = clock_read(t, &clock);
        if (r != 0) {
                /* The next session asks again. */
                why = t->why;
                session_drop(t);
                t->why = why;
                return r;
        }
        if (clock.resets != t->resets) {
                session_forget(&t->aside);
                t->observer(t->observer_ctx, &reset);
        } else if (t->aside.handle == 0) {
                observe_gone(t);
        }
        t->resets = clock.resets;
        return 0;
}

static bool listed(const struct tpm *t, uint32_t cc)
{
        for (size_t i = 0; i < t->n_audited; i++) {
                if (t->audited[i] == cc)
                        return true;
        }
        return false;
}

bool observe_heard(const struct tpm *t, const struct call *c)
{
        if (t->observer == NULL)
                return false;
        return c->clears_audit || c->cc == TPM2_CC_SetCommandCodeAuditStatus || listed(t, c->cc);
}

uint8_t observe_attributes(const struct tpm *t, const struct call *c)
{
        if (t->observer == NULL || !t->audit_in_session || c->clears_audit || !(c->starts_audit || listed(t, c->cc)))
                return 0;
        return (uint8_t)(TPMA_SESSION_AUDIT | (t->session.goes_on ? 0 : TPMA_SESSION_AUDITRESET));
}

void observe_answer(struct tpm *t, const struct call *c)
{
        struct tpm_audited a = { .event = TPM_AUDIT_EXTENDED, .cc = c->cc };

        if (c->starts_audit)
                t->session.audits = true;
        if (!observe_heard(t, c))
                return;
        t->session.audits = t->audit_in_session;
        t->session.goes_on = t->audit_in_session && !c->clears_audit;
        if (c->clears_audit) {
                tell(t, TPM_AUDIT_CLEARED, c->cc);
                return;
        }
        /* The session's HMACs are over these. */
        memcpy(a.cp_hash, t->session.cp_hash, sizeof(a.cp_hash));
        memcpy(a.rp_hash, t->session.rp_hash, sizeof(a.rp_hash));
        t->observer(t->observer_ctx, &a);
}

void observe_lost(struct tpm *t, const struct call *c)
{
        /* Whether a session's digest was read makes no difference to it. */
        if (observe_heard(t, c) && !(c->clears_audit && t->audit_in_session))
                tell(t, TPM_AUDIT_UNSURE, c->cc);
}
