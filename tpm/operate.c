/* SPDX-License-Identifier: BSD-2-Clause */
/* How does an operation get its turn, and what is done when something goes wrong in the middle? */
#include <stdio.h>
#include "lib/err.h"
#include "tpm/clock.h"
#include "tpm/ctx.h"

#define TURN_MIN_US 30000000u   /* others' operations may be slow ones */
#define TURN_KEEP_US 20000u     /* as long as threads of ours wait */
#define CLOSE_US 2000000u
#define ABSENT_US 2000000u      /* a software TPM that restarts is back by then */
#define ABSENT_NAP_US 20000u
#define MEND_MAX 10

int enter(struct tpm *t, uint64_t until_us)
{
        return turn_take(&t->turns, until_us);
}

static void end_turn(struct tpm *t)
{
        t->has_turn = false;
        if (t->tcti.link->managed)
                return;
        link_hangup(t->tcti.link);
        share_end(&t->share);
}

/* The next thread goes on with the connection and the lock that we have, unless other processes have waited long enough. */
void leave(struct tpm *t)
{
        if (t->has_turn && (turn_waiting(&t->turns) == 0 || t->lost || clock_us() - t->turn_since_us > TURN_KEEP_US))
                end_turn(t);
        turn_give(&t->turns);
}

/* The table, as the last user left it. */
static int take_turn(struct tpm *t, uint64_t until_us)
{
        bool changed = false;
        int r;

        if (t->has_turn)
                return 0;
        t->has_turn = true;
        t->turn_since_us = clock_us();
        if (t->tcti.link->managed)
                return 0;
        if (t->share.dirfd < 0) {
                t->keep_nothing = true;
                return 0;
        }
        r = share_begin(&t->share, until_us, &t->cache, &changed);
        if (r == ERR_TIMEOUT || r == ERR_NOMEM) {
                t->has_turn = false;
                return r;
        }
        t->keep_nothing = r != 0;
        if (changed && t->session.handle != 0) {
                const struct loaded *l = cache_find_handle(&t->cache, t->session.handle);

                if (l == NULL || l->owner != t->id)
                        session_forget(&t->session);
        }
        return 0;
}

static int begin(struct tpm *t, unsigned patience)
{
        uint64_t limit = (uint64_t)t->deadline_ms * 1000, turn = TURN_MIN_US, until;
        int r;

        if (patience == PATIENCE_CLOSE)
                turn = limit = limit < CLOSE_US ? limit : CLOSE_US;
        else
                limit *= patience;
        until = clock_us() + (limit > turn ? limit : turn);
        r = enter(t, until);
        if (r != 0)
                return r;
        r = take_turn(t, until);
        if (r != 0) {
                leave(t);
                return r;
        }
        t->deadline_us = clock_us() + limit;
        t->absent_until_us = 0;
        t->auth_doubted = t->maybe_done = t->evicted = t->session_needed = false;
        t->lost = t->cache.unsure;
        if (t->lost)
                sweep(t);
        if (!t->started)
                flush_dead(t);
        t->started = true;
        return 0;
}

static void finish(struct tpm *t)
{
        temps_flush(t);
        if (t->throwaway)
                session_drop(t);
        t->throwaway = false;
        session_restore(t);
        while (t->keep_nothing && t->cache.n > 0)
                flush(t, t->cache.list[0].handle);
        if (t->session.handle != 0 && cache_find_handle(&t->cache, t->session.handle) == NULL)
                session_forget(&t->session);
        if (t->tcti.link->managed)
                let_idle_go(t);
        if (t->lost)
                sweep(t);
        /* All of it: the answers of whatever was sent since are shorter. */
        if (t->secret_seen)
                wipe(t->tcti.packet, sizeof(t->tcti.packet));
        t->secret_seen = false;

        cache_set_unsure(&t->cache, t->lost);
        /* If it cannot be written, it says "unsure" since the last change. */
        if (!t->tcti.link->managed)
                (void)share_write(&t->share, &t->cache);
        leave(t);
}

static TSS2_RC prepare_startup(TSS2_SYS_CONTEXT *sys, const struct call *c)
{
        (void)c;
        return Tss2_Sys_Startup_Prepare(sys, TPM2_SU_CLEAR);
}

/* The TPM was reset and nobody has started it up: nothing is loaded any more. */
static bool startup(struct tpm *t)
{
        const struct call c = { .cc = TPM2_CC_Startup, .prepare = prepare_startup };
        struct answer a;

        /* Behind a resource manager that is its business. */
        if (t->tcti.link->managed)
                return false;
        /* Refused, because somebody was quicker, or because it was not true: what is loaded will show. */
        if (tpm_call(t, &c, &a) != 0)
                return t->why.remedy == REMEDY_STARTUP;
        session_forget(&t->session);
        cache_empty(&t->cache);
        contexts_clear(t);
        t->n_temps = 0;
        t->lost = false;
        return true;
}

static bool mend_absent(struct tpm *t)
{
        if (!t->tcti.link->restarts || t->tcti.error != ERR_NODEV)
                return false;
        if (t->absent_until_us == 0)
                t->absent_until_us = clock_us() + ABSENT_US;
        if (t->absent_until_us > t->deadline_us)
                t->absent_until_us = t->deadline_us;
        clock_nap(ABSENT_NAP_US, t->absent_until_us);
        return clock_left_ms(t->absent_until_us) > 0;
}

/* What is at the handle is not what we think, or nothing is there. */
static bool mend_object(struct tpm *t)
{
        if (t->blame == 0)
                t->lost = true;
        else if (t->blame == t->session.handle)
                session_drop(t);
        else if (loaded_kind(t->blame) == LOADED_OBJECT)
                flush(t, t->blame);
        return true;
}

static bool mend_auth(struct tpm *t)
{
        if (t->auth_doubted)
                return false;
        t->auth_doubted = true;
        t->lost = t->lost || t->maybe_done;
        t->maybe_done = false;
        if (t->refused != 0)
                session_doubt(t, t->refused);
        else
                session_drop(t);
        /* So that the parent shows, should it be another one now. */
        contexts_clear(t);
        return mend_object(t);
}

static bool mend(struct tpm *t)
{
        switch (t->why.remedy) {
        case REMEDY_RELOAD:
                return mend_object(t);
        case REMEDY_SESSION:
                session_drop(t);
                return true;
        case REMEDY_AUTH:
                return mend_auth(t);
        case REMEDY_EVICT_OBJECT:
                return evict(t, LOADED_OBJECT) == 0;
        case REMEDY_EVICT_SESSION:
                return evict(t, LOADED_SESSION) == 0;
        case REMEDY_STARTUP:
                return startup(t);
        case REMEDY_RECONNECT:
                session_drop(t);
                return true;
        case REMEDY_ABSENT:
                return mend_absent(t);
        case REMEDY_WAIT:
        case REMEDY_NONE:
                break;
        }
        return false;
}

int tpm_operate(struct tpm *t, unsigned patience, int (*body)(struct tpm *t, void *arg), void *arg)
{
        char why[256];
        int r, mended = 0;

        r = begin(t, patience);
        if (r != 0)
                return r;
        r = body(t, arg);
        while (r != 0 && t->why.remedy != REMEDY_NONE && mended < MEND_MAX) {
                /* Waiting for an absent TPM has a limit of its own. */
                mended += t->why.remedy != REMEDY_ABSENT;
                snprintf(why, sizeof(why), "%s", err_text());
                if (!mend(t) || clock_left_ms(t->deadline_us) == 0) {
                        err(r, "%s", why);
                        break;
                }
                temps_flush(t);
                if (t->lost)
                        sweep(t);
                r = body(t, arg);
        }
        /* Tidying up may fail too, but that is not what the caller asked about. */
        snprintf(why, sizeof(why), "%s", err_text());
        finish(t);
        return r != 0 ? err(r, "%s", why) : 0;
}
