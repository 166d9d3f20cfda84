/* SPDX-License-Identifier: BSD-2-Clause */
/* How does the TPM know which copy of something is the newest? */
#include "lib/crypto.h"
#include "lib/err.h"
#include "tpm/ctx.h"
#include "tpm/wire.h"

#define NV_LAST 0x01ffffffu
#define COUNTER_SIZE 8
#define ATTRIBUTES (TPM2_NT_COUNTER << TPMA_NV_TPM2_NT_SHIFT | TPMA_NV_AUTHREAD | TPMA_NV_AUTHWRITE | TPMA_NV_NO_DA)
#define NAME_LEN (2 + 32)

struct counter {
        uint32_t index, from, but;
        struct bytes auth, owner_auth;
        uint64_t to, value;
        unsigned runs, strangers;
        bool define_sent;
};

/* What our counters look like never changes, so the Name need not be asked for: if the index is another, its HMAC does not fit. */
static int name_of(uint32_t index, bool written, uint8_t ret[NAME_LEN])
{
        const struct hash *h = hash_by_tpm(TPM2_ALG_SHA256);
        CLEANUP(buf_clear) struct buf public = { 0 };
        int r;

        /* TPMS_NV_PUBLIC, Part 2, 13.5 */
        r = buf_append_u32(&public, index);
        if (r == 0)
                r = buf_append_u16(&public, TPM2_ALG_SHA256);
        if (r == 0)
                r = buf_append_u32(&public, ATTRIBUTES | (written ? TPMA_NV_WRITTEN : 0));
        if (r == 0)
                r = buf_append_u16(&public, 0);
        if (r == 0)
                r = buf_append_u16(&public, COUNTER_SIZE);
        if (r != 0)
                return r;
        ret[0] = (uint8_t)(h->tpm >> 8);
        ret[1] = (uint8_t)h->tpm;
        return crypto_hash(h, &BYTES_OF(&public), 1, ret + 2);
}

static int explain(struct tpm *t, const struct counter *n, int r)
{
        if (r == ERR_AUTH)
                return err(r, "NV index 0x%08x is not our counter: somebody made it anew", n->index);
        if ((r == ERR_NOENT || r == ERR_INVAL) && t->why.subject == RC_HANDLE) {
                t->why.remedy = REMEDY_NONE;
                return err(ERR_NOENT, "the TPM has no counter at NV index 0x%08x", n->index);
        }
        return r;
}

static TSS2_RC prepare_increment(TSS2_SYS_CONTEXT *sys, const struct call *c)
{
        return Tss2_Sys_NV_Increment_Prepare(sys, c->object[0].handle, c->object[1].handle);
}

static TSS2_RC prepare_read(TSS2_SYS_CONTEXT *sys, const struct call *c)
{
        return Tss2_Sys_NV_Read_Prepare(sys, c->object[0].handle, c->object[1].handle, COUNTER_SIZE, 0);
}

static int with_counter(struct tpm *t, const struct counter *n, bool increment, bool written, struct answer *ret)
{
        uint8_t name[NAME_LEN];
        struct call c = { .cc = increment ? TPM2_CC_NV_Increment : TPM2_CC_NV_Read, .prepare = increment ? prepare_increment : prepare_read,
                          .n_objects = 2, .auth = AUTH_SESSION, .value = n->auth };
        int r = name_of(n->index, written, name);

        c.object[0].handle = c.object[1].handle = n->index;
        c.object[0].name = c.object[1].name = BYTES(name, sizeof(name));
        return r != 0 ? r : tpm_call(t, &c, ret);
}

static int read_counter(struct tpm *t, void *arg)
{
        struct counter *n = arg;
        struct answer a;
        struct reader r, value;
        int e = with_counter(t, n, false, true, &a);

        if (e != 0)
                return explain(t, n, e);
        r = READER(a.params);
        value = READER(read_2b(&r));
        n->value = (uint64_t)read_u32(&value) << 32;
        n->value |= read_u32(&value);
        return read_done(&value) ? 0 : err(ERR_FORMAT, "the TPM's counter has not eight octets");
}

int tpm_counter_read(struct tpm *t, uint32_t index, struct bytes auth, uint64_t *ret)
{
        struct counter n = { .index = index, .auth = auth };
        int r = tpm_operate(t, PATIENCE, read_counter, &n);

        if (r == 0)
                *ret = n.value;
        return r;
}

static TSS2_RC prepare_public(TSS2_SYS_CONTEXT *sys, const struct call *c)
{
        return Tss2_Sys_NV_ReadPublic_Prepare(sys, c->object[0].handle);
}

/* One of ours has a Name of its own, for it allows wrong values without an end. */
static int is_like_ours(struct tpm *t, const struct counter *n, bool *ret)
{
        const struct call c = { .cc = TPM2_CC_NV_ReadPublic, .prepare = prepare_public, .object[0] = { .handle = n->index }, .n_objects = 1 };
        uint8_t name[NAME_LEN];
        struct answer a;
        struct reader r;
        int e = tpm_call(t, &c, &a);

        if (e == 0)
                e = name_of(n->index, true, name);
        if (e != 0)
                return explain(t, n, e);
        r = READER(a.params);
        read_2b(&r);
        *ret = bytes_equal(read_2b(&r), BYTES(name, sizeof(name)));
        return 0;
}

static int find_counter(struct tpm *t, void *arg)
{
        struct counter *found = arg, n = *found;
        bool like = false;
        int r = ERR_AUTH;

        found->strangers = 0;
        for (n.index = found->from; r == ERR_AUTH && n.index <= NV_LAST; n.index++) {
                found->index = n.index;
                r = is_like_ours(t, &n, &like);
                if (r == 0)
                        r = like && n.index != n.but ? read_counter(t, &n) : ERR_AUTH;
                found->strangers += like && n.index != n.but && r == ERR_AUTH;
        }
        return r;
}

int tpm_counter_find(struct tpm *t, uint32_t from, uint32_t but, struct bytes auth, uint32_t *ret_index, unsigned *ret_strangers)
{
        struct counter n = { .from = from, .but = but, .auth = auth };
        int r = tpm_operate(t, PATIENCE, find_counter, &n);

        if (r == 0)
                *ret_index = n.index;
        *ret_strangers = n.strangers;
        return r;
}

static int raise_counter(struct tpm *t, void *arg)
{
        struct counter *n = arg;
        struct answer a;
        int r = 0;

        /* Something went wrong on the way: was it done? */
        if (n->runs++ > 0) {
                r = read_counter(t, n);
                if (r != 0 || n->value >= n->to)
                        return r;
        }
        return explain(t, n, with_counter(t, n, true, true, &a));
}

int tpm_counter_raise(struct tpm *t, uint32_t index, struct bytes auth, uint64_t to)
{
        struct counter n = { .index = index, .auth = auth, .to = to };

        return tpm_operate(t, PATIENCE, raise_counter, &n);
}

static TSS2_RC prepare_define(TSS2_SYS_CONTEXT *sys, const struct call *c)
{
        const struct counter *n = c->in;
        TPM2B_NV_PUBLIC public = { 0 };
        TPM2B_AUTH auth;
        TSS2_RC rc = TSS2_SYS_RC_BAD_VALUE;

        public.nvPublic.nvIndex = n->index;
        public.nvPublic.nameAlg = TPM2_ALG_SHA256;
        public.nvPublic.attributes = ATTRIBUTES;
        public.nvPublic.dataSize = COUNTER_SIZE;
        if (SET_2B(&auth, n->auth) == 0)
                rc = Tss2_Sys_NV_DefineSpace_Prepare(sys, TPM2_RH_OWNER, &auth, &public);
        wipe(&auth, sizeof(auth));
        return rc;
}

static int define(struct tpm *t, struct counter *n, uint32_t from)
{
        uint8_t name[HANDLE_NAME_LEN];
        const struct call c = {
                .cc = TPM2_CC_NV_DefineSpace, .prepare = prepare_define, .in = n,
                .object[0] = { TPM2_RH_OWNER, handle_name(TPM2_RH_OWNER, name) }, .n_objects = 1,
                .auth = AUTH_SESSION, .value = n->owner_auth, .secret_in = n->auth.len > 0,
        };
        uint32_t taken[TPM2_MAX_CAP_HANDLES];
        struct answer a;
        size_t count;
        int r = list_handles(t, from, taken, ARRAY_LEN(taken), &count);

        for (size_t i = 0; r == 0 && i < count && taken[i] == from; i++)
                from++;
        if (r == 0 && from > NV_LAST)
                return err(ERR_FULL, "no NV index is free in the TPM");
        if (r != 0)
                return r;
        n->index = from;
        n->define_sent = true;
        r = tpm_call(t, &c, &a);
        return r == ERR_AUTH ? err(r, "the TPM does not accept this owner authorisation") : r;
}

/* A counter has no value before it was raised for the first time; then it is above all that ever were in this TPM (Part 1, 37.2.3.3). */
static int make_counter(struct tpm *t, void *arg)
{
        struct counter *n = arg;
        struct answer a;
        int r;

        t->why = (struct rc_meaning){ .remedy = REMEDY_NONE };
        if (!t->have_parent)
                return err(ERR_NOTINIT, "no parent key has been set for this TPM");
        /* Was it defined, and was it raised, when something went wrong on the way? */
        if (n->define_sent && (read_counter(t, n) == 0 || with_counter(t, n, true, false, &a) == 0))
                return 0;
        r = define(t, n, n->index);
        return r != 0 ? r : with_counter(t, n, true, false, &a);
}

int tpm_counter_make(struct tpm *t, uint32_t want, struct bytes owner_auth, struct bytes auth, uint32_t *ret_index)
{
        struct counter n = { .index = want, .auth = auth, .owner_auth = owner_auth };
        int r;

        if (want >> 24 != TPM2_HT_NV_INDEX)
                return err(ERR_INVAL, "0x%08x is no NV index", want);
        if (auth.len > SESSION_HASH_SIZE)
                return err(ERR_RANGE, "an authorisation value is at most %d octets long", SESSION_HASH_SIZE);
        r = tpm_operate(t, PATIENCE, make_counter, &n);
        if (r == 0)
                *ret_index = n.index;
        return r;
}

static TSS2_RC prepare_undefine(TSS2_SYS_CONTEXT *sys, const struct call *c)
{
        return Tss2_Sys_NV_UndefineSpace_Prepare(sys, c->object[0].handle, c->object[1].handle);
}

static int remove_counter(struct tpm *t, void *arg)
{
        struct counter *n = arg;
        uint8_t owner[HANDLE_NAME_LEN], name[NAME_LEN];
        struct call c = {
                .cc = TPM2_CC_NV_UndefineSpace, .prepare = prepare_undefine,
                .object = { { TPM2_RH_OWNER, handle_name(TPM2_RH_OWNER, owner) }, { n->index, BYTES(name, sizeof(name)) } }, .n_objects = 2,
                .auth = AUTH_SESSION, .value = n->owner_auth,
        };
        struct answer a;
        int r = name_of(n->index, true, name);

        if (r == 0)
                r = tpm_call(t, &c, &a);
        if (r == ERR_AUTH)
                return err(r, "the TPM does not accept this owner authorisation, or NV index 0x%08x is not our counter", n->index);
        return explain(t, n, r);
}

int tpm_counter_remove(struct tpm *t, uint32_t index, struct bytes owner_auth)
{
        struct counter n = { .index = index, .owner_auth = owner_auth };

        return tpm_operate(t, PATIENCE, remove_counter, &n);
}
