/* SPDX-License-Identifier: BSD-2-Clause */
/* How does a struct tpm come and go? Nothing here speaks to the TPM before tpm_close(). */
#include "tpm/tpm.h"

#include <stdlib.h>
#include <unistd.h>
#include "lib/crypto.h"
#include "lib/err.h"
#include "lib/tpmt.h"
#include "tpm/clock.h"
#include "tpm/ctx.h"

/* The least there is, and what every TPM surveyed has. */
#define SLOTS_MIN 3
#define SESSIONS_MIN 3
#define DEADLINE_DEFAULT_MS 10000
#define SET_PARENT_US 30000000u

static TSS2_ABI_VERSION abi = TSS2_ABI_VERSION_CURRENT;

static int sys_open(struct tpm *t)
{
        size_t size = Tss2_Sys_GetContextSize(TPM_PACKET_MAX);

        t->sys = calloc(1, size);
        if (t->sys == NULL)
                return err(ERR_NOMEM, "out of memory");
        if (Tss2_Sys_Initialize(t->sys, size, tcti_context(&t->tcti), &abi) != TSS2_RC_SUCCESS)
                return err(ERR_NOTSUP, "this TSS library is not the one that this program was built with");
        return 0;
}

static void limits(struct tpm *t, const struct tpm_options *o)
{
        unsigned slots = o->slots >= SLOTS_MIN ? o->slots : SLOTS_MIN;
        unsigned sessions = o->sessions >= SESSIONS_MIN ? o->sessions : SESSIONS_MIN;

        t->deadline_ms = o->deadline_ms > 0 ? o->deadline_ms : DEADLINE_DEFAULT_MS;
        /* The parent takes a slot while it loads a child; one session is for whoever else comes. A resource
         * manager swaps everything loaded around every command: strategy.c. */
        t->keys_max = t->tcti.link->managed ? 1 : slots - 1;
        t->sessions_max = t->tcti.link->managed ? 1 : sessions - 1;
        if (t->keys_max > CACHE_MAX / 2)
                t->keys_max = CACHE_MAX / 2;
        if (t->sessions_max > CACHE_MAX / 2)
                t->sessions_max = CACHE_MAX / 2;
}

static void release(struct tpm *t)
{
        session_forget(&t->session);
        session_forget(&t->pair);
        contexts_clear(t);
        tpm_parent_clear(&t->parent);
        share_close(&t->share);
        free(t->sys);
        free(t);
}

int tpm_open(const struct tpm_options *o, struct tpm **ret)
{
        struct tpm *t = calloc(1, sizeof(*t));
        struct link *link = NULL;
        int r;

        if (t == NULL)
                return err(ERR_NOMEM, "out of memory");
        t->share.fd = t->share.dirfd = -1;
        r = link_new(o->tcti, &link);
        if (r == 0)
                r = tcti_open(link, o->trace, &t->tcti);
        if (r != 0) {
                link_free(link);
                release(t);
                return r;
        }
        limits(t, o);
        t->pid = getpid();
        r = sys_open(t);
        if (r == 0)
                r = crypto_random((uint8_t *)&t->id, sizeof(t->id));
        if (r == 0)
                r = share_open(o->state_dirfd, &t->share);
        if (r != 0) {
                tcti_close(&t->tcti);
                release(t);
                return r;
        }
        turns_init(&t->turns);
        *ret = t;
        return 0;
}

int tpm_set_parent(struct tpm *t, const struct tpm_parent *p)
{
        TPM2B_PUBLIC public;
        struct tpm_parent copy = { .handle = p->handle };
        int r;

        r = tpmt_public_decode(BYTES_OF(&p->pub), &public);
        if (r == 0)
                r = buf_set(&copy.pub, BYTES_OF(&p->pub));
        if (r == 0)
                r = buf_set(&copy.name, BYTES_OF(&p->name));
        if (r != 0) {
                tpm_parent_clear(&copy);
                return r;
        }
        r = enter(t, clock_us() + SET_PARENT_US);
        if (r != 0) {
                tpm_parent_clear(&copy);
                return r;
        }
        tpm_parent_clear(&t->parent);
        t->parent = copy;
        t->parent_public = public;
        t->have_parent = true;
        leave(t);
        return 0;
}

static int let_go(struct tpm *t, void *arg)
{
        (void)arg;
        for (size_t i = t->cache.n; i > 0; i--) {
                const struct loaded *l = &t->cache.list[i - 1];

                if (l->owner == t->id)
                        flush(t, l->handle);
        }
        flush_dead(t);
        return 0;
}

static bool owns_something(const struct tpm *t)
{
        for (size_t i = 0; i < t->cache.n; i++) {
                if (t->cache.list[i].owner == t->id)
                        return true;
        }
        return t->cache.unsure;
}

void tpm_close(struct tpm *t)
{
        if (t == NULL)
                return;
        /* Once more if it went wrong: then whatever is not in the table goes. */
        for (int i = 0; i < 2 && !t->tcti.link->managed && owns_something(t); i++)
                tpm_operate(t, PATIENCE_CLOSE, let_go, NULL);
        tcti_close(&t->tcti);
        turns_destroy(&t->turns);
        release(t);
}

void tpm_abandon(struct tpm *t)
{
        /* Another thread of the parent process may have been anywhere in here: nothing that it could have been replacing is freed. */
        tcti_abandon(&t->tcti);
        share_abandon(&t->share);
        session_forget(&t->session);
        session_forget(&t->pair);
}

uint64_t tpm_commands(const struct tpm *t)
{
        return atomic_load_explicit(&t->tcti.commands, memory_order_relaxed);
}
