/* SPDX-License-Identifier: BSD-2-Clause */
/* How does the attestation key speak of another key, and of PCRs? */
#include "tpm/certify.h"

#include <stdio.h>
#include "lib/err.h"
#include "tpm/ctx.h"
#include "tpm/wire.h"

#define SELECT_SIZE 3           /* octets of a selection: 24 PCRs */

/* A statement that is to be made, and what came of it. */
struct statement {
        const struct tpm_key *key;
        const struct tpm_ak *ak;
        struct bytes auth;              /* the attestation key's */
        TPM2B_DATA extra;
        TPML_PCR_SELECTION pcrs;
        struct buf attest, signature;
};

/* A second session: TPM2_Certify wants the authorisations of both keys, and a session stands in a command only once (Part 1, 18.7). */

struct pair {
        struct partner partner;         /* first */
        struct bytes value;
};

static int pair_authorise(struct tpm *t, const struct partner *p, const struct session_command *cmd, TPMS_AUTH_COMMAND *ret)
{
        struct session_command own = *cmd;
        int r;

        own.auth = ((const struct pair *)p)->value;
        own.attributes = TPMA_SESSION_CONTINUESESSION;
        r = session_nonce(&t->pair);
        return r != 0 ? r : session_authorise(&t->pair, &own, ret);
}

static int pair_check(struct tpm *t, const struct partner *p, const struct session_command *cmd, const struct response *rsp)
{
        struct session_command own = *cmd;
        int r;

        own.auth = ((const struct pair *)p)->value;
        r = session_check(&t->pair, &own, rsp->params, rsp->first.nonce, rsp->first.attributes, rsp->first.hmac);
        if (r == 0)
                cache_touch(&t->cache, t->pair.handle, t->id, t->pid);
        return r;
}

/* What has gone wrong is not changed by what goes wrong here. */
static void pair_drop(struct tpm *t, int r)
{
        const struct rc_meaning why = t->why;
        uint32_t handle = t->pair.handle;
        char text[256];

        snprintf(text, sizeof(text), "%s", err_text());
        session_forget(&t->pair);
        if (handle != 0)
                flush(t, handle);
        t->why = why;
        err(r, "%s", text);
}

/* After a reset its handle may be the other session's. */
static bool pair_stands(const struct tpm *t)
{
        const struct loaded *l = t->pair.handle != 0 ? cache_find_handle(&t->cache, t->pair.handle) : NULL;

        return l != NULL && l->owner == t->id && t->pair.handle != t->session.handle && t->pair.handle != t->aside.handle;
}

static int pair_open(struct tpm *t)
{
        int r;

        session_forget(&t->pair);
        /* Not that one gives way. */
        if (t->session.handle != 0)
                cache_touch(&t->cache, t->session.handle, t->id, t->pid);
        r = session_open(t, t->parent.handle, &t->parent_public, &t->pair);
        /* A handle is only given away when its session is gone. */
        if (r == 0 && t->session.handle == t->pair.handle)
                session_forget(&t->session);
        return r;
}

static int pair_doubt(struct tpm *t)
{
        pair_drop(t, 0);
        return pair_open(t);
}

/* With the pair, if there is a value that it is for. If that is at fault, it goes, and not the other session, which may have a batch
 * that is worth keeping. Where tries are counted, a wrong value is not tried again. */
static int call_paired(struct tpm *t, struct call *c, struct bytes value, struct answer *ret)
{
        const struct pair pair = { { .authorise = pair_authorise, .check = pair_check, .doubt = pair_doubt }, value };
        bool kept = pair_stands(t);
        int r = 0;

        if (value.len == 0) {
                c->second = true;
                return tpm_call(t, c, ret);
        }
        c->partner = &pair.partner;
        if (!kept)
                r = pair_open(t);
        if (r == 0)
                r = tpm_call(t, c, ret);
        if (r == 0 || (t->why.remedy != REMEDY_RECONNECT && (t->why.subject != RC_SESSION || t->why.index != 1)))
                return r;
        pair_drop(t, r);
        if (!kept || t->why.remedy == REMEDY_RECONNECT || (c->lockout && r == ERR_AUTH))
                return r;
        r = pair_open(t);
        return r != 0 ? r : tpm_call(t, c, ret);
}

static int take_statement(struct statement *s, struct bytes params)
{
        struct reader r = READER(params);
        int e = buf_set(&s->attest, read_2b(&r));

        return e != 0 ? e : buf_set(&s->signature, r.left);
}

static int speak(struct tpm *t, int (*body)(struct tpm *t, void *arg), struct statement *s, struct bytes extra, struct buf *ret_attest,
                 struct buf *ret_signature)
{
        int r = extra.len <= TPM_AUDIT_HASH ? SET_2B(&s->extra, extra) : err(ERR_RANGE, "the TPM takes no extra data of %zu octets", extra.len);

        if (r == 0)
                r = tpm_operate(t, PATIENCE, body, s);
        if (r == 0) {
                buf_take(&s->attest, ret_attest);
                buf_take(&s->signature, ret_signature);
        }
        buf_clear(&s->attest);
        buf_clear(&s->signature);
        return r;
}

/* TPM2_Certify */

static TSS2_RC prepare_certify(TSS2_SYS_CONTEXT *sys, const struct call *c)
{
        const struct statement *s = c->in;
        const TPMT_SIG_SCHEME of_key = { .scheme = TPM2_ALG_NULL };

        return Tss2_Sys_Certify_Prepare(sys, c->object[0].handle, c->object[1].handle, &s->extra, &of_key);
}

static int certify(struct tpm *t, void *arg)
{
        struct statement *s = arg;
        struct call c = {
                .cc = TPM2_CC_Certify, .prepare = prepare_certify, .in = s,
                .object = { { .name = s->key->name }, { s->ak->handle, BYTES_OF(&s->ak->name) } }, .n_objects = 2,
                .auth = AUTH_SESSION, .value = s->auth, .lockout = key_locks_out(s->key),
        };
        struct answer a;
        int r;

        r = key_load(t, s->key, &c.object[0].handle);
        if (r == 0)
                r = call_paired(t, &c, s->key->auth, &a);
        if (r == ERR_AUTH)
                return err(r, "the TPM does not accept this key's authorisation value, or has another key at 0x%08x than our attestation key", s->ak->handle);
        if (r == 0)
                r = take_statement(s, a.params);
        /* A resource manager would carry it in and out for every command. */
        if (r == 0 && t->tcti.link->managed)
                pair_drop(t, 0);
        return r;
}

int tpm_certify(struct tpm *t, const struct tpm_key *k, const struct tpm_ak *ak, struct bytes ak_auth, struct bytes extra,
                struct buf *ret_attest, struct buf *ret_signature)
{
        struct statement s = { .key = k, .ak = ak, .auth = ak_auth };

        return speak(t, certify, &s, extra, ret_attest, ret_signature);
}

/* TPM2_Quote */

static void select_pcrs(const struct hash *h, uint32_t pcrs, TPML_PCR_SELECTION *ret)
{
        TPMS_PCR_SELECTION *s = &ret->pcrSelections[0];

        *ret = (TPML_PCR_SELECTION){ .count = 1 };
        s->hash = h->tpm;
        s->sizeofSelect = SELECT_SIZE;
        for (unsigned i = 0; i < SELECT_SIZE; i++)
                s->pcrSelect[i] = (uint8_t)(pcrs >> 8 * i);
}

static TSS2_RC prepare_quote(TSS2_SYS_CONTEXT *sys, const struct call *c)
{
        const struct statement *s = c->in;
        const TPMT_SIG_SCHEME of_key = { .scheme = TPM2_ALG_NULL };

        return Tss2_Sys_Quote_Prepare(sys, c->object[0].handle, &s->extra, &of_key, &s->pcrs);
}

static int quote(struct tpm *t, void *arg)
{
        struct statement *s = arg;
        const struct call c = {
                .cc = TPM2_CC_Quote, .prepare = prepare_quote, .in = s,
                .object[0] = { s->ak->handle, BYTES_OF(&s->ak->name) }, .n_objects = 1, .auth = AUTH_SESSION, .value = s->auth,
        };
        struct answer a;
        int r;

        t->why = (struct rc_meaning){ .remedy = REMEDY_NONE };
        if (!t->have_parent)
                return err(ERR_NOTINIT, "no parent key has been set for this TPM");
        r = tpm_call(t, &c, &a);
        if (r == ERR_AUTH)
                return err(r, "the TPM has another key at 0x%08x than our attestation key", s->ak->handle);
        return r != 0 ? r : take_statement(s, a.params);
}

static int check_pcrs(uint32_t pcrs)
{
        return pcrs != 0 && pcrs >> TPM_PCRS == 0 ? 0 : err(ERR_INVAL, "there are PCRs 0 to %d", TPM_PCRS - 1);
}

int tpm_quote(struct tpm *t, const struct tpm_ak *ak, struct bytes ak_auth, struct bytes extra, const struct hash *h, uint32_t pcrs,
              struct buf *ret_attest, struct buf *ret_signature)
{
        struct statement s = { .ak = ak, .auth = ak_auth };
        int r = check_pcrs(pcrs);

        if (r != 0)
                return r;
        select_pcrs(h, pcrs, &s.pcrs);
        return speak(t, quote, &s, extra, ret_attest, ret_signature);
}

/* TPM2_PCR_Read */

struct pcrs {
        const struct hash *hash;
        uint32_t left;
        struct buf values;
};

static TSS2_RC prepare_pcrs(TSS2_SYS_CONTEXT *sys, const struct call *c)
{
        const struct pcrs *p = c->in;
        TPML_PCR_SELECTION which;

        select_pcrs(p->hash, p->left, &which);
        return Tss2_Sys_PCR_Read_Prepare(sys, &which);
}

/* Those that it gave: the lowest ones of those that were asked for, and of each a digest. */
static int take_pcrs(struct pcrs *p, struct bytes params)
{
        struct reader r = READER(params);
        uint32_t given = 0, banks, further;
        struct bytes select, value;
        int e = 0;

        read_u32(&r);
        banks = read_u32(&r);
        if (banks > 1)
                return err(ERR_FORMAT, "the TPM gives PCRs that were not asked for");
        if (banks == 1 && read_u16(&r) != p->hash->tpm)
                return err(ERR_FORMAT, "the TPM gives PCRs of another bank");
        select = banks == 1 ? read_bytes(&r, read_u8(&r)) : BYTES(NULL, 0);
        for (size_t i = 0; i < select.len && i < SELECT_SIZE; i++)
                given |= (uint32_t)select.ptr[i] << 8 * i;
        read_u32(&r);
        if ((given & ~p->left) != 0)
                return err(ERR_FORMAT, "the TPM gives PCRs that were not asked for");
        if (given == 0)
                return err(ERR_NOTSUP, "the TPM has no PCRs of %s", p->hash->name);
        for (uint32_t i = given; e == 0 && i != 0; i &= i - 1) {
                value = read_2b(&r);
                e = value.len == p->hash->size ? buf_append(&p->values, value.ptr, value.len) : err(ERR_FORMAT, "the TPM gives a PCR that is none");
        }
        /* What is still to come stands higher, or the values would be out of order. */
        further = p->left & ~given;
        if (e == 0 && (!read_done(&r) || (further != 0 && given > (further & (~further + 1)))))
                e = err(ERR_FORMAT, "the TPM gives PCRs in another order");
        p->left = further;
        return e;
}

static int read_pcrs(struct tpm *t, void *arg)
{
        struct pcrs *in = arg;
        struct pcrs p = { .hash = in->hash, .left = in->left };
        const struct call c = { .cc = TPM2_CC_PCR_Read, .prepare = prepare_pcrs, .in = &p };
        struct answer a;
        int r = 0;

        while (r == 0 && p.left != 0) {
                r = tpm_call(t, &c, &a);
                if (r == 0)
                        r = take_pcrs(&p, a.params);
        }
        if (r == 0)
                buf_take(&p.values, &in->values);
        buf_clear(&p.values);
        return r;
}

int tpm_pcr_read(struct tpm *t, const struct hash *h, uint32_t pcrs, struct buf *ret_values)
{
        struct pcrs in = { .hash = h, .left = pcrs };
        int r = check_pcrs(pcrs);

        if (r == 0)
                r = tpm_operate(t, PATIENCE, read_pcrs, &in);
        if (r == 0)
                buf_take(&in.values, ret_values);
        return r;
}
