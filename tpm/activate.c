/* SPDX-License-Identifier: BSD-2-Clause */
/* How does a TPM show that an object and an endorsement key are both its own? */
#include "lib/crypto.h"
#include "lib/err.h"
#include "lib/tpmt.h"
#include "tpm/ctx.h"
#include "tpm/ek.h"
#include "tpm/wire.h"

#define NONCE_SIZE 16

struct activate {
        const struct tpm_ek *ek;
        TPM2B_PUBLIC template;
        uint32_t handle;                /* of the object */
        struct bytes name, auth;
        TPM2B_ID_OBJECT id_object;
        TPM2B_ENCRYPTED_SECRET secret;
        struct buf ret;
        bool again;                     /* with another policy session */
};

/* A policy session, which has no secret: it authorises by what was done in it, so that its HMACs are empty (Part 1, 19.6.12). */

struct start {
        uint16_t hash;
        TPM2B_NONCE nonce;
};

static TSS2_RC prepare_start(TSS2_SYS_CONTEXT *sys, const struct call *c)
{
        const struct start *s = c->in;
        const TPM2B_ENCRYPTED_SECRET no_salt = { 0 };
        const TPMT_SYM_DEF none = { .algorithm = TPM2_ALG_NULL };

        return Tss2_Sys_StartAuthSession_Prepare(sys, TPM2_RH_NULL, TPM2_RH_NULL, &s->nonce, &no_salt, TPM2_SE_POLICY, &none, s->hash);
}

static TSS2_RC prepare_policy_secret(TSS2_SYS_CONTEXT *sys, const struct call *c)
{
        const TPM2B_NONCE nothing = { 0 };

        return Tss2_Sys_PolicySecret_Prepare(sys, c->object[0].handle, c->object[1].handle, &nothing, &nothing, &nothing, 0);
}

static TSS2_RC prepare_policy_or(TSS2_SYS_CONTEXT *sys, const struct call *c)
{
        return Tss2_Sys_PolicyOR_Prepare(sys, c->object[0].handle, c->in);
}

static int policy_secret(struct tpm *t, uint32_t session)
{
        const struct call c = {
                .cc = TPM2_CC_PolicySecret, .prepare = prepare_policy_secret,
                .object = { { .handle = TPM2_RH_ENDORSEMENT }, { .handle = session } }, .n_objects = 2, .auth = AUTH_PASSWORD,
        };
        struct answer a;
        int r = tpm_call(t, &c, &a);

        return r == ERR_AUTH ? err(r, "the endorsement hierarchy of this TPM wants an authorisation") : r;
}

/* A, or else B by the branch of it that is A. */
static int satisfy(struct tpm *t, uint32_t session, const TPMT_PUBLIC *ek)
{
        TPML_DIGEST branches = { .count = 2 };
        TPM2B_DIGEST b;
        const struct call or = { .cc = TPM2_CC_PolicyOR, .prepare = prepare_policy_or, .in = &branches, .object[0] = { .handle = session }, .n_objects = 1 };
        const struct bytes policy = BYTES(ek->authPolicy.buffer, ek->authPolicy.size);
        struct answer a;
        int r;

        r = ek_policy(EK_POLICY_A, ek->nameAlg, &branches.digests[0]);
        if (r == 0)
                r = ek_policy(EK_POLICY_C, ek->nameAlg, &branches.digests[1]);
        if (r == 0)
                r = ek_policy(EK_POLICY_B, ek->nameAlg, &b);
        if (r == 0)
                r = policy_secret(t, session);
        if (r != 0 || bytes_equal(policy, BYTES(branches.digests[0].buffer, branches.digests[0].size)))
                return r;
        if (!bytes_equal(policy, BYTES(b.buffer, b.size)))
                return err(ERR_NOTSUP, "the endorsement key has a policy that we do not know");
        return tpm_call(t, &or, &a);
}

static int open_policy(struct tpm *t, const TPMT_PUBLIC *ek, uint32_t *ret_session)
{
        struct start in = { .hash = ek->nameAlg, .nonce.size = NONCE_SIZE };
        const struct call c = {
                .cc = TPM2_CC_StartAuthSession, .prepare = prepare_start, .in = &in,
                .object = { { .handle = TPM2_RH_NULL }, { .handle = TPM2_RH_NULL } }, .n_objects = 2,
        };
        struct answer a;
        int r = crypto_random(in.nonce.buffer, NONCE_SIZE);

        if (r == 0)
                r = tpm_call(t, &c, &a);
        if (r != 0)
                return r;
        temp_add(t, a.handle);
        *ret_session = a.handle;
        return satisfy(t, a.handle, ek);
}

struct by_policy {
        struct partner partner;         /* first */
        uint32_t session;
};

/* Used up by it. */
static int policy_authorise(struct tpm *t, const struct partner *p, const struct session_command *cmd, TPMS_AUTH_COMMAND *ret)
{
        (void)t, (void)cmd;
        *ret = (TPMS_AUTH_COMMAND){ .sessionHandle = ((const struct by_policy *)p)->session, .nonce.size = NONCE_SIZE };
        return crypto_random(ret->nonce.buffer, NONCE_SIZE);
}

/* The other session's HMAC is over the same answer. */
static int policy_check(struct tpm *t, const struct partner *p, const struct session_command *cmd, const struct response *rsp)
{
        (void)t, (void)p, (void)cmd;
        return rsp->auth.hmac.len == 0 ? 0 : err(ERR_IO, "the TPM's answer has an HMAC where there is no secret for one");
}

/* TPM2_ActivateCredential */

static TSS2_RC prepare_activate(TSS2_SYS_CONTEXT *sys, const struct call *c)
{
        const struct activate *in = c->in;

        return Tss2_Sys_ActivateCredential_Prepare(sys, c->object[0].handle, c->object[1].handle, &in->id_object, &in->secret);
}

/* Where an answer was lost, the policy session may be one step further than we know, and then it is good for nothing. */
static int try_again(struct tpm *t, struct activate *in, int r)
{
        if (t->why.remedy == REMEDY_NONE && !in->again) {
                t->why.remedy = REMEDY_RELOAD;
                t->blame = 0;
                in->again = true;
        }
        return r;
}

static int explain(const struct tpm *t, int r)
{
        if (r == ERR_AUTH)
                return err(r, "the TPM does not accept the object's authorisation value, or the endorsement key's policy");
        if (t->why.subject == RC_PARAMETER)
                return err(ERR_FOREIGN, "this credential was not made for this TPM's endorsement key and this object");
        return r;
}

/* Kept, or made now. */
static int have_ek(struct tpm *t, const struct activate *in, uint32_t *ret_handle)
{
        CLEANUP(buf_clear) struct buf pub = { 0 };
        CLEANUP(buf_clear) struct buf name = { 0 };
        const struct primary primary = { .hierarchy = TPM2_RH_ENDORSEMENT, .template = &in->template };
        int r;

        *ret_handle = in->ek->handle;
        r = in->ek->handle != 0 ? public_read(t, in->ek->handle, &pub, &name) : primary_make(t, &primary, ret_handle, &pub, &name);
        if (r == 0 && !bytes_equal(BYTES_OF(&name), BYTES_OF(&in->ek->name)))
                return err(ERR_FOREIGN, "the TPM's endorsement key is another than before");
        return r == ERR_AUTH ? err(r, "the endorsement hierarchy of this TPM wants an authorisation") : r;
}

static int activate(struct tpm *t, void *arg)
{
        struct activate *in = arg;
        struct by_policy policy = { .partner = { .authorise = policy_authorise, .check = policy_check, .follows = true } };
        struct call c = {
                .cc = TPM2_CC_ActivateCredential, .prepare = prepare_activate, .in = in,
                .object = { { in->handle, in->name }, { .name = BYTES_OF(&in->ek->name) } }, .n_objects = 2,
                .auth = AUTH_SESSION, .value = in->auth, .partner = &policy.partner, .secret_out = true,
        };
        struct answer a;
        struct reader r;
        int e;

        t->why = (struct rc_meaning){ .remedy = REMEDY_NONE };
        if (!t->have_parent)
                return err(ERR_NOTINIT, "no parent key has been set for this TPM");
        /* Both keys take a slot. */
        while (cache_count(&t->cache, LOADED_OBJECT) >= t->keys_max && evict(t, LOADED_OBJECT) == 0)
                ;
        e = have_ek(t, in, &c.object[1].handle);
        if (e != 0)
                return e;
        e = open_policy(t, &in->template.publicArea, &policy.session);
        if (e == ERR_INVAL)
                return try_again(t, in, e);
        if (e != 0)
                return e;
        e = tpm_call(t, &c, &a);
        if (e == ERR_AUTH)
                try_again(t, in, e);
        if (e != 0)
                return explain(t, e);
        t->n_temps--;           /* the policy session was the last to come, and is gone */
        r = READER(a.params);
        return buf_set(&in->ret, read_2b(&r));
}

/* What is in a TPM2B, all of it. */
static int content_of(struct bytes sized, struct bytes *ret)
{
        struct reader r = READER(sized);

        *ret = read_2b(&r);
        return read_done(&r) && ret->len > 0 ? 0 : err(ERR_FORMAT, "a credential that is none");
}

int tpm_activate(struct tpm *t, const struct tpm_ek *ek, uint32_t handle, struct bytes name, struct bytes auth, struct bytes id_object,
                 struct bytes secret, struct buf *ret)
{
        struct activate in = { .ek = ek, .handle = handle, .name = name, .auth = auth };
        struct bytes content;
        bool rsa;
        int r;

        r = content_of(id_object, &content);
        if (r == 0)
                r = set_2b(&in.id_object.size, in.id_object.credential, sizeof(in.id_object.credential), content);
        if (r == 0)
                r = content_of(secret, &content);
        if (r == 0)
                r = set_2b(&in.secret.size, in.secret.secret, sizeof(in.secret.secret), content);
        if (r == 0)
                r = tpmt_public_decode(BYTES_OF(&ek->template), &in.template);
        rsa = r == 0 && in.template.publicArea.type == TPM2_ALG_RSA;
        if (r == 0)
                r = tpm_operate(t, rsa ? PATIENCE_RSA : PATIENCE, activate, &in);
        if (r == 0)
                buf_take(&in.ret, ret);
        buf_clear(&in.ret);
        return r;
}
