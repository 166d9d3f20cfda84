/* SPDX-License-Identifier: BSD-2-Clause */
/* How do keys and sessions get into the TPM, and out again before its few slots are full? */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include "lib/err.h"
#include "tpm/ctx.h"
#include "tpm/wire.h"

/* TPM2_FlushContext */

static TSS2_RC prepare_flush(TSS2_SYS_CONTEXT *sys, const struct call *c)
{
        return Tss2_Sys_FlushContext_Prepare(sys, *(const uint32_t *)c->in);
}

void flush(struct tpm *t, uint32_t handle)
{
        const struct call c = { .cc = TPM2_CC_FlushContext, .prepare = prepare_flush, .in = &handle };
        struct answer a;

        cache_drop(&t->cache, handle);
        /* Also where the TPM says that there is no such handle: then ours is wrong, and the right one unknown. */
        if (tpm_call(t, &c, &a) != 0)
                t->lost = true;
}

void temp_add(struct tpm *t, uint32_t handle)
{
        if (t->n_temps == TEMPS_MAX)
                t->lost = true;
        else
                t->temps[t->n_temps++] = handle;
}

void temps_flush(struct tpm *t)
{
        while (t->n_temps > 0)
                flush(t, t->temps[--t->n_temps]);
}

void flush_dead(struct tpm *t)
{
        for (size_t i = t->cache.n; i > 0; i--) {
                const struct loaded *l = &t->cache.list[i - 1];

                if (l->owner != t->id && kill(l->pid, 0) != 0 && errno == ESRCH)
                        flush(t, l->handle);
        }
}

/* TPM2_GetCapability */

static TSS2_RC prepare_handles(TSS2_SYS_CONTEXT *sys, const struct call *c)
{
        return Tss2_Sys_GetCapability_Prepare(sys, TPM2_CAP_HANDLES, *(const uint32_t *)c->in, TPM2_MAX_CAP_HANDLES);
}

int list_handles(struct tpm *t, uint32_t first, uint32_t *list, size_t room, size_t *ret_n)
{
        const struct call c = { .cc = TPM2_CC_GetCapability, .prepare = prepare_handles, .in = &first };
        struct answer a;
        struct reader r;
        uint32_t count;
        int e;

        e = tpm_call(t, &c, &a);
        if (e != 0)
                return e;
        r = READER(a.params);
        read_u8(&r);
        if (read_u32(&r) != TPM2_CAP_HANDLES)
                return err(ERR_FORMAT, "the TPM answered with another capability than was asked for");
        count = read_u32(&r);
        *ret_n = 0;
        while (*ret_n < count && *ret_n < room)
                list[(*ret_n)++] = read_u32(&r);
        return 0;
}

static bool is_temp(const struct tpm *t, uint32_t handle)
{
        for (size_t i = 0; i < t->n_temps; i++) {
                if (t->temps[i] == handle)
                        return true;
        }
        return false;
}

static int sweep_range(struct tpm *t, uint32_t first)
{
        uint32_t list[64];
        size_t n;
        int r;

        r = list_handles(t, first, list, ARRAY_LEN(list), &n);
        for (size_t i = 0; r == 0 && i < n; i++) {
                if (cache_find_handle(&t->cache, list[i]) == NULL && !is_temp(t, list[i]))
                        flush(t, list[i]);
        }
        return r;
}

int sweep(struct tpm *t)
{
        int r;

        if (t->tcti.link->managed) {
                hang_up(t);
                return 0;
        }
        t->lost = false;
        r = sweep_range(t, HANDLES_FROM(TPM2_HT_TRANSIENT));
        if (r == 0)
                r = sweep_range(t, HANDLES_FROM(TPM2_HT_LOADED_SESSION));
        if (r != 0)
                t->lost = true;
        return r;
}

/* What is loaded behind a resource manager goes with the connection. */
static void gone_with_connection(struct tpm *t)
{
        cache_empty(&t->cache);
        session_forget(&t->session);
        t->n_temps = 0;
        t->lost = false;
}

void hang_up(struct tpm *t)
{
        link_hangup(t->tcti.link);
        if (t->tcti.link->managed)
                gone_with_connection(t);
}

bool change_connection(struct tpm *t)
{
        if (link_renew(t->tcti.link) != 0)
                return false;
        gone_with_connection(t);
        return true;
}

int evict(struct tpm *t, enum loaded_kind kind)
{
        const struct loaded *l = cache_oldest(&t->cache, kind);

        if (l != NULL) {
                if (l->handle == t->session.handle)
                        session_forget(&t->session);
                flush(t, l->handle);
                return 0;
        }
        /* Not ours, so somebody's who left it there: nothing can work on this TPM until it is gone. */
        return t->evicted ? ERR_FULL : (t->evicted = true, sweep(t));
}

/* TPM2_StartAuthSession */

struct start {
        const struct session *session;
        uint32_t handle;
        TPM2B_ENCRYPTED_SECRET salt;
};

static TSS2_RC prepare_start(TSS2_SYS_CONTEXT *sys, const struct call *c)
{
        const struct start *s = c->in;
        const TPMT_SYM_DEF aes = { .algorithm = TPM2_ALG_AES, .keyBits.aes = 128, .mode.aes = TPM2_ALG_CFB };
        TPM2B_NONCE nonce = { .size = sizeof(s->session->nonce_caller) };

        memcpy(nonce.buffer, s->session->nonce_caller, sizeof(s->session->nonce_caller));
        return Tss2_Sys_StartAuthSession_Prepare(sys, s->handle, TPM2_RH_NULL, &nonce, &s->salt, TPM2_SE_HMAC, &aes, TPM2_ALG_SHA256);
}

int session_open(struct tpm *t, uint32_t handle, const TPM2B_PUBLIC *key, struct session *ret)
{
        struct session s = { 0 };
        struct start in = { .session = &s, .handle = handle };
        const struct call c = { .cc = TPM2_CC_StartAuthSession, .prepare = prepare_start, .in = &in,
                                .object[0] = { .handle = handle }, .n_objects = 1 };
        CLEANUP(buf_clear) struct buf salt = { 0 };
        struct answer a;
        struct reader r;
        int e;

        if (!t->tcti.link->managed && cache_count(&t->cache, LOADED_SESSION) >= t->sessions_max)
                evict(t, LOADED_SESSION);
        e = session_salt(key, &in.salt, &salt);
        if (e == 0)
                e = session_nonce(&s);
        if (e == 0)
                e = tpm_call(t, &c, &a);
        if (e != 0)
                return e;
        r = READER(a.params);
        cache_add(&t->cache, a.handle, BYTES(NULL, 0), t->id, t->pid);
        e = session_start(&s, a.handle, BYTES_OF(&salt), read_2b(&r));
        if (e == 0)
                *ret = s;
        else
                temp_add(t, a.handle);
        session_forget(&s);
        return e;
}

void session_drop(struct tpm *t)
{
        uint32_t handle = t->session.handle;

        session_forget(&t->session);
        if (handle != 0)
                flush(t, handle);
}

void session_doubt(struct tpm *t, uint32_t cc)
{
        if (!observe_open(t)) {
                session_drop(t);
                return;
        }
        t->aside = t->session;
        t->doubted = cc;
        session_forget(&t->session);
}

/* The answer still lies in the packet: flushing comes later. */
void session_settle(struct tpm *t, const struct call *c)
{
        if (t->aside.handle == 0 || !(c->cc == t->doubted || observe_heard(t, c)))
                return;
        if (cache_find_handle(&t->cache, t->aside.handle) != NULL)
                temp_add(t, t->aside.handle);
        session_forget(&t->aside);
        observe_gone(t);
}

void session_restore(struct tpm *t)
{
        if (t->aside.handle == 0)
                return;
        if (cache_find_handle(&t->cache, t->aside.handle) == NULL) {
                session_forget(&t->aside);
                observe_gone(t);
                return;
        }
        session_drop(t);
        t->session = t->aside;
        session_forget(&t->aside);
}
