/* SPDX-License-Identifier: BSD-2-Clause */
/* Which commands does the TPM keep account of, and what does it say of them? */
#include "tpm/audit.h"

#include <string.h>
#include "lib/crypto.h"
#include "lib/err.h"
#include "tpm/ctx.h"
#include "tpm/wire.h"

/* What signs, decrypts, agrees or authenticates with a key, rising. Not here: what only a storage or endorsement key does, which no
 * agent's key is, and TPM2_GetCommandAuditDigest, whose use by others shows as a batch that is missing. */
static const uint32_t uses_keys[] = {
        TPM2_CC_Certify,      TPM2_CC_CertifyCreation, TPM2_CC_GetTime,         TPM2_CC_GetSessionAuditDigest, TPM2_CC_ECDH_ZGen, TPM2_CC_HMAC,
        TPM2_CC_Quote,        TPM2_CC_RSA_Decrypt,     TPM2_CC_HMAC_Start,      TPM2_CC_Sign,                  TPM2_CC_EncryptDecrypt,
        TPM2_CC_NV_Certify,   TPM2_CC_Commit,          TPM2_CC_ZGen_2Phase,     TPM2_CC_EncryptDecrypt2,       TPM2_CC_CertifyX509,
};

static const struct hash *sha256(void)
{
        return hash_by_tpm(TPM2_ALG_SHA256);
}

static bool on_list(const uint32_t *list, size_t n, uint32_t cc)
{
        for (size_t i = 0; i < n; i++) {
                if (list[i] == cc)
                        return true;
        }
        return false;
}

/* The chip's commands, and which are audited */

struct commands {
        uint32_t list[TPM2_MAX_CAP_CC];
        size_t n;
        bool can_set, can_get;
};

/* TPMA_CC or TPM_CC: the command's number is in the lower half. */
static void see_command(struct reader *r, uint32_t *ret_property, void *arg)
{
        struct commands *c = arg;
        uint32_t cc = read_u32(r) & 0xffff;

        *ret_property = cc;
        c->can_set = c->can_set || cc == TPM2_CC_SetCommandCodeAuditStatus;
        c->can_get = c->can_get || cc == TPM2_CC_GetCommandAuditDigest;
        if (c->n < ARRAY_LEN(c->list))
                c->list[c->n++] = cc;
}

static int list_commands(struct tpm *t, void *arg)
{
        struct commands c = { 0 };
        int r = capability_each(t, TPM2_CAP_COMMANDS, TPM2_CC_FIRST, TPM2_CC_LAST + 1, see_command, &c);

        if (r == 0)
                *(struct commands *)arg = c;
        return r;
}

int tpm_audit_commands(struct tpm *t, enum tpm_audit_kind *ret_kind, uint32_t ret[TPM_AUDIT_LIST_MAX], size_t *ret_n)
{
        struct commands c;
        size_t n = 0;
        int r = tpm_operate(t, PATIENCE, list_commands, &c);

        if (r != 0)
                return r;
        for (size_t i = 0; i < ARRAY_LEN(uses_keys); i++) {
                if (on_list(c.list, c.n, uses_keys[i]))
                        ret[n++] = uses_keys[i];
        }
        *ret_n = n;
        if (c.can_set && c.can_get)
                *ret_kind = TPM_AUDIT_COMMAND;
        else
                *ret_kind = on_list(c.list, c.n, TPM2_CC_GetSessionAuditDigest) ? TPM_AUDIT_SESSION : TPM_AUDIT_NONE;
        return 0;
}

int tpm_audit_list_digest(const uint32_t *list, size_t n, uint8_t ret[TPM_AUDIT_HASH])
{
        CLEANUP(buf_clear) struct buf all = { 0 };
        bool set_status = false;
        int r = 0;

        for (size_t i = 0; r == 0 && i <= n; i++) {
                if (!set_status && (i == n || list[i] >= TPM2_CC_SetCommandCodeAuditStatus)) {
                        set_status = true;
                        r = buf_append_u32(&all, TPM2_CC_SetCommandCodeAuditStatus);
                }
                if (r == 0 && i < n && list[i] != TPM2_CC_SetCommandCodeAuditStatus)
                        r = buf_append_u32(&all, list[i]);
        }
        return r != 0 ? r : crypto_hash(sha256(), &BYTES_OF(&all), 1, ret);
}

/* TPM2_GetCommandAuditDigest, TPM2_GetSessionAuditDigest and TPM2_Quote */

struct attest {
        enum tpm_attest what;
        const struct tpm_ak *ak;
        struct bytes auth;
        tpm_attest_text *text;
        void *ctx;
        TPM2B_DATA extra;
        struct buf attest, signature;
};

static TSS2_RC prepare_audit_digest(TSS2_SYS_CONTEXT *sys, const struct call *c)
{
        const TPMT_SIG_SCHEME of_key = { .scheme = TPM2_ALG_NULL };

        return Tss2_Sys_GetCommandAuditDigest_Prepare(sys, c->object[0].handle, c->object[1].handle, c->in, &of_key);
}

static TSS2_RC prepare_session_digest(TSS2_SYS_CONTEXT *sys, const struct call *c)
{
        const TPMT_SIG_SCHEME of_key = { .scheme = TPM2_ALG_NULL };

        return Tss2_Sys_GetSessionAuditDigest_Prepare(sys, c->object[0].handle, c->object[1].handle, c->object[2].handle, c->in, &of_key);
}

static TSS2_RC prepare_random(TSS2_SYS_CONTEXT *sys, const struct call *c)
{
        (void)c;
        return Tss2_Sys_GetRandom_Prepare(sys, 1);
}

/* TPM2_GetSessionAuditDigest takes no session that has never audited anything: Part 3, 18.5. What is audited here does not matter. */
static int start_session_audit(struct tpm *t)
{
        const struct call c = { .cc = TPM2_CC_GetRandom, .prepare = prepare_random, .auth = AUTH_SESSION, .starts_audit = true };
        struct answer a;

        return t->session.audits ? 0 : tpm_call(t, &c, &a);
}

static TSS2_RC prepare_quote(TSS2_SYS_CONTEXT *sys, const struct call *c)
{
        const TPMT_SIG_SCHEME of_key = { .scheme = TPM2_ALG_NULL };
        const TPML_PCR_SELECTION no_pcrs = { 0 };

        return Tss2_Sys_Quote_Prepare(sys, c->object[0].handle, c->in, &of_key, &no_pcrs);
}

static void add_object(struct call *c, uint32_t handle, struct bytes name)
{
        c->object[c->n_objects].handle = handle;
        c->object[c->n_objects++].name = name;
}

/* Should the answer to TPM2_GetCommandAuditDigest be lost, the TPM may have cleared its digest: then the second try attests an empty one
 * where there were commands, and that batch stays unproved. Nothing here can tell the two apart; what is attested does, to all who check. */
static int attest(struct tpm *t, void *arg)
{
        struct attest *in = arg;
        static const struct {
                uint32_t cc;
                TSS2_RC (*prepare)(TSS2_SYS_CONTEXT *sys, const struct call *c);
        } commands[] = {
                [TPM_ATTEST_COMMAND_AUDIT] = { TPM2_CC_GetCommandAuditDigest, prepare_audit_digest },
                [TPM_ATTEST_SESSION_AUDIT] = { TPM2_CC_GetSessionAuditDigest, prepare_session_digest },
                [TPM_ATTEST_QUOTE] = { TPM2_CC_Quote, prepare_quote },
        };
        uint8_t endorsement[HANDLE_NAME_LEN], session[HANDLE_NAME_LEN];
        struct call c = { .cc = commands[in->what].cc, .prepare = commands[in->what].prepare, .in = &in->extra, .auth = AUTH_SESSION, .value = in->auth };
        struct answer a;
        struct reader r;
        int e = 0;

        t->why = (struct rc_meaning){ .remedy = REMEDY_NONE };
        if (!t->have_parent)
                return err(ERR_NOTINIT, "no parent key has been set for this TPM");
        /* Before the text: with another session the batch is another. */
        if (in->what == TPM_ATTEST_SESSION_AUDIT)
                e = start_session_audit(t);
        if (in->what != TPM_ATTEST_QUOTE) {
                add_object(&c, TPM2_RH_ENDORSEMENT, handle_name(TPM2_RH_ENDORSEMENT, endorsement));
                c.second = c.clears_audit = true;
        }
        add_object(&c, in->ak->handle, BYTES_OF(&in->ak->name));
        if (in->what == TPM_ATTEST_SESSION_AUDIT)
                add_object(&c, t->session.handle, handle_name(t->session.handle, session));

        if (e == 0)
                e = in->text(in->ctx, in->extra.buffer);
        in->extra.size = TPM_AUDIT_HASH;
        if (e == 0)
                e = tpm_call(t, &c, &a);
        if (e == ERR_AUTH)
                return err(e, "the TPM has another key at 0x%08x than our attestation key, or its endorsement hierarchy wants an authorisation",
                           in->ak->handle);
        if (e != 0)
                return e;
        r = READER(a.params);
        e = buf_set(&in->attest, read_2b(&r));
        return e != 0 ? e : buf_set(&in->signature, r.left);
}

int tpm_attest(struct tpm *t, enum tpm_attest what, const struct tpm_ak *ak, struct bytes ak_auth, tpm_attest_text *text, void *ctx,
               struct buf *ret_attest, struct buf *ret_signature)
{
        struct attest in = { .what = what, .ak = ak, .auth = ak_auth, .text = text, .ctx = ctx };
        int r = tpm_operate(t, PATIENCE, attest, &in);

        if (r == 0) {
                buf_take(&in.attest, ret_attest);
                buf_take(&in.signature, ret_signature);
        }
        buf_clear(&in.attest);
        buf_clear(&in.signature);
        return r;
}

/* What the TPM says of its list without a signature, which clears nothing: Part 3, 18.6. */
static int read_list_digest(struct tpm *t, uint16_t *ret_alg, uint8_t ret_digest[TPM_AUDIT_HASH])
{
        const TPM2B_DATA nothing = { 0 };
        const struct call c = {
                .cc = TPM2_CC_GetCommandAuditDigest, .prepare = prepare_audit_digest, .in = &nothing,
                .object = { { .handle = TPM2_RH_ENDORSEMENT }, { .handle = TPM2_RH_NULL } }, .n_objects = 2,
                .auth = AUTH_PASSWORD, .second = true,
        };
        struct answer a;
        struct reader r, info;
        struct bytes digest;
        int e = tpm_call(t, &c, &a);

        if (e == ERR_AUTH)
                return err(e, "the endorsement hierarchy of this TPM wants an authorisation");
        if (e != 0)
                return e;
        r = READER(a.params);
        /* TPMS_ATTEST of a TPMS_COMMAND_AUDIT_INFO, Part 2, 10.12: up to clockInfo, firmwareVersion, auditCounter */
        info = READER(read_2b(&r));
        read_bytes(&info, 4 + 2);
        read_2b(&info);
        read_2b(&info);
        read_bytes(&info, 17 + 8 + 8);
        *ret_alg = read_u16(&info);
        read_2b(&info);
        digest = read_2b(&info);
        if (!read_done(&info) || digest.len > HASH_MAX)
                return err(ERR_FORMAT, "the TPM's word on its command audit is none");
        memset(ret_digest, 0, TPM_AUDIT_HASH);
        if (digest.len == TPM_AUDIT_HASH)
                memcpy(ret_digest, digest.ptr, TPM_AUDIT_HASH);
        return 0;
}

/* TPM2_SetCommandCodeAuditStatus */

struct set_status {
        uint16_t alg;
        TPML_CC set, clear;
};

static TSS2_RC prepare_set_status(TSS2_SYS_CONTEXT *sys, const struct call *c)
{
        const struct set_status *s = c->in;

        return Tss2_Sys_SetCommandCodeAuditStatus_Prepare(sys, TPM2_RH_OWNER, s->alg, &s->set, &s->clear);
}

/* With another hash the digest starts anew, without this command in it: Part 3, 21.2. */
static int set_status(struct tpm *t, const struct set_status *s, struct bytes owner_auth)
{
        uint8_t name[HANDLE_NAME_LEN];
        const struct call c = {
                .cc = TPM2_CC_SetCommandCodeAuditStatus, .prepare = prepare_set_status, .in = s,
                .object[0] = { TPM2_RH_OWNER, handle_name(TPM2_RH_OWNER, name) }, .n_objects = 1,
                .auth = AUTH_SESSION, .value = owner_auth, .clears_audit = s->alg != TPM2_ALG_NULL,
        };
        struct answer a;
        int r = tpm_call(t, &c, &a);

        return r == ERR_AUTH ? err(r, "the TPM does not accept this owner authorisation") : r;
}

struct set_list {
        struct bytes owner_auth;
        const uint32_t *list;
        size_t n;
        bool changed;
};

static int set_list(struct tpm *t, void *arg)
{
        struct set_list *in = arg;
        uint8_t want[TPM_AUDIT_HASH], have[TPM_AUDIT_HASH];
        struct commands now = { 0 };
        struct set_status s = { .alg = TPM2_ALG_SHA256 };
        uint16_t alg = TPM2_ALG_NULL;
        int r;

        r = tpm_audit_list_digest(in->list, in->n, want);
        if (r == 0)
                r = read_list_digest(t, &alg, have);
        if (r == 0 && alg == TPM2_ALG_SHA256 && memcmp(want, have, sizeof(want)) == 0)
                return 0;
        in->changed = true;
        /* Not both at once. */
        if (r == 0 && alg != TPM2_ALG_SHA256)
                r = set_status(t, &s, in->owner_auth);
        if (r == 0)
                r = capability_each(t, TPM2_CAP_AUDIT_COMMANDS, TPM2_CC_FIRST, TPM2_CC_LAST + 1, see_command, &now);
        if (r != 0)
                return r;
        s.alg = TPM2_ALG_NULL;
        for (size_t i = 0; i < in->n; i++) {
                if (!on_list(now.list, now.n, in->list[i]))
                        s.set.commandCodes[s.set.count++] = in->list[i];
        }
        for (size_t i = 0; i < now.n; i++) {
                if (!on_list(in->list, in->n, now.list[i]) && now.list[i] != TPM2_CC_SetCommandCodeAuditStatus)
                        s.clear.commandCodes[s.clear.count++] = now.list[i];
        }
        return s.set.count + s.clear.count > 0 ? set_status(t, &s, in->owner_auth) : 0;
}

static void keep(struct tpm *t, const struct set_list *s, bool in_session)
{
        memcpy(t->audited, s->list, s->n * sizeof(*s->list));
        t->n_audited = s->n;
        t->audit_in_session = in_session;
}

static int keep_list(struct tpm *t, void *arg)
{
        struct set_list *in = arg;
        int r;

        t->why = (struct rc_meaning){ .remedy = REMEDY_NONE };
        if (!t->have_parent)
                return err(ERR_NOTINIT, "no parent key has been set for this TPM");
        r = set_list(t, in);
        if (r != 0)
                return r;
        keep(t, in, false);
        return 0;
}

int tpm_audit_list_set(struct tpm *t, struct bytes owner_auth, const uint32_t *list, size_t n, bool *ret_changed)
{
        struct set_list in = { .owner_auth = owner_auth, .list = list, .n = n };
        int r;

        if (n > TPM_AUDIT_LIST_MAX)
                return err(ERR_RANGE, "an audit list has at most %d commands", TPM_AUDIT_LIST_MAX);
        r = tpm_operate(t, PATIENCE, keep_list, &in);
        if (r == 0)
                *ret_changed = in.changed;
        return r;
}

static int keep_session_list(struct tpm *t, void *arg)
{
        keep(t, arg, true);
        return 0;
}

int tpm_audit_session_set(struct tpm *t, const uint32_t *list, size_t n)
{
        struct set_list in = { .list = list, .n = n };

        if (n > TPM_AUDIT_LIST_MAX)
                return err(ERR_RANGE, "an audit list has at most %d commands", TPM_AUDIT_LIST_MAX);
        return tpm_operate(t, PATIENCE, keep_session_list, &in);
}
