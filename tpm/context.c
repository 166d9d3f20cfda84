/* SPDX-License-Identifier: BSD-2-Clause */
/* How does a key that comes and goes come back at half the price?
 *
 * The TPM hands out what it has loaded, encrypted under a key that it forgets at a reset (Part 1, 30): loading that is cheaper than
 * TPM2_Load, which unwraps the key under its parent. Kept in memory only, by each process for itself. To save one costs a command, so
 * that is done for keys that have been loaded a few times. */
#include <stdlib.h>
#include <string.h>
#include "lib/err.h"
#include "tpm/ctx.h"
#include "tpm/wire.h"

#define CONTEXTS_MAX 1024       /* half a kilobyte each, or two for RSA */
#define CONTEXTS_STEP 32
#define LOADS_MIN 5             /* it would have paid from the second on, had one known */

static struct saved_context *find(const struct tpm *t, const uint8_t tag[CACHE_TAG])
{
        for (size_t i = 0; i < t->n_contexts; i++) {
                if (memcmp(t->contexts[i].tag, tag, CACHE_TAG) == 0)
                        return &t->contexts[i];
        }
        return NULL;
}

void contexts_clear(struct tpm *t)
{
        for (size_t i = 0; i < t->n_contexts; i++)
                buf_clear(&t->contexts[i].blob);
        free(t->contexts);
        t->contexts = NULL;
        t->n_contexts = 0;
}

void context_forget(struct tpm *t, struct bytes name)
{
        uint8_t tag[CACHE_TAG];
        struct saved_context *s;

        cache_tag(name, tag);
        s = find(t, tag);
        if (s == NULL)
                return;
        buf_clear(&s->blob);
        *s = t->contexts[--t->n_contexts];
}

/* NULL: no room. */
static struct saved_context *add(struct tpm *t, const uint8_t tag[CACHE_TAG])
{
        struct saved_context *more;

        if (t->n_contexts == CONTEXTS_MAX)
                return NULL;
        if (t->n_contexts % CONTEXTS_STEP == 0) {
                more = realloc(t->contexts, (t->n_contexts + CONTEXTS_STEP) * sizeof(*more));
                if (more == NULL)
                        return NULL;
                t->contexts = more;
        }
        more = &t->contexts[t->n_contexts++];
        *more = (struct saved_context){ 0 };
        memcpy(more->tag, tag, CACHE_TAG);
        return more;
}

/* TPM2_ContextSave */

static TSS2_RC prepare_save(TSS2_SYS_CONTEXT *sys, const struct call *c)
{
        return Tss2_Sys_ContextSave_Prepare(sys, c->object[0].handle);
}

void context_loaded(struct tpm *t, struct bytes name, uint32_t handle)
{
        const struct call c = { .cc = TPM2_CC_ContextSave, .prepare = prepare_save, .object[0] = { .handle = handle }, .n_objects = 1 };
        struct saved_context *s;
        uint8_t tag[CACHE_TAG];
        struct answer a;

        cache_tag(name, tag);
        s = find(t, tag);
        if (s == NULL)
                s = add(t, tag);
        if (s == NULL || ++s->loads < LOADS_MIN)
                return;
        /* If it is not kept, it is loaded the other way. The command that follows sees for itself whether the TPM is well. */
        if (tpm_call(t, &c, &a) != 0 || buf_set(&s->blob, a.params) != 0)
                s->loads = 0;
}

/* TPM2_ContextLoad */

static TSS2_RC prepare_load(TSS2_SYS_CONTEXT *sys, const struct call *c)
{
        return Tss2_Sys_ContextLoad_Prepare(sys, c->in);
}

/* TPMS_CONTEXT, Part 2, 14.5 */
static int parse(struct bytes blob, TPMS_CONTEXT *ret)
{
        struct reader r = READER(blob);
        uint64_t high = read_u32(&r);

        ret->sequence = high << 32 | read_u32(&r);
        ret->savedHandle = read_u32(&r);
        ret->hierarchy = read_u32(&r);
        return SET_2B(&ret->contextBlob, read_2b(&r));
}

int context_load(struct tpm *t, struct bytes name, uint32_t *ret_handle)
{
        TPMS_CONTEXT in;
        const struct call c = { .cc = TPM2_CC_ContextLoad, .prepare = prepare_load, .in = &in };
        const struct saved_context *s;
        uint8_t tag[CACHE_TAG];
        struct answer a;
        int r;

        cache_tag(name, tag);
        s = find(t, tag);
        if (s == NULL || s->blob.len == 0)
                return ERR_NOENT;
        r = parse(BYTES_OF(&s->blob), &in);
        if (r == 0)
                r = tpm_call(t, &c, &a);
        if (r == 0) {
                cache_add(&t->cache, a.handle, name, t->id, t->pid);
                *ret_handle = a.handle;
                return 0;
        }
        switch (t->why.remedy) {
        case REMEDY_NONE:
        case REMEDY_RELOAD:
        case REMEDY_AUTH:
        case REMEDY_SESSION:
                /* The TPM was reset since, and takes none of them any more. */
                contexts_clear(t);
                t->why = (struct rc_meaning){ .remedy = REMEDY_NONE };
                return ERR_NOENT;
        default:
                return r;
        }
}
