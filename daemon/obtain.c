/* SPDX-License-Identifier: BSD-2-Clause */
/* What does a credential cost the TPM? The evidence that its issuer wants, and nothing more. */
#include "daemon/obtain.h"
#include "daemon/self.h"
#include "keys/evidence.h"
#include "lib/err.h"

struct making {
        struct core *core;
        const struct joined *joined;
        const struct obtain_wish *wish;
};

/* The issuer knows the attestation key: no certificates. */
static int evidence(void *ctx, const struct answer_policy *p, struct bytes challenge, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf note = { 0 }, url = { 0 };
        const struct making *m = ctx;
        struct evidence_wish w = {
                .challenge = challenge, .key = m->wish->key, .agent = m->wish->agent, .pcrs = p->pcrs, .pcr_hash = hash_by_tpm(p->pcr_hash),
                .event_log = p->event_log, .ima = p->ima, .process = p->process ? m->wish->process : NULL,
        };
        struct caller who;
        int r = 0;

        self_caller(m->core, m->wish->process, &who);
        if (p->pcrs != 0 && w.pcr_hash == NULL)
                return err(ERR_NOTSUP, "the issuer wants PCRs of a bank that is not known here");
        if (p->log)
                r = core_newest_note(m->core, &note);
        if (r == 0)
                r = buf_set(&url, BYTES_OF(&m->joined->url));
        w.checkpoint = BYTES_OF(&note);
        w.to = buf_str(&url);
        return r == 0 ? evidence_make(m->core->attester, &who, &w, ret) : r;
}

/* Whoever is locked is not to be believed by others either. */
static int must_be_free(struct core *core, const char *agent)
{
        struct store *s = keyring_store(core->keyring);
        CLEANUP(buf_clear) struct buf why = { 0 };
        int r = policy_why_locked(s, agent, &why);

        if (r == ERR_NOENT)
                r = policy_why_locked(s, NULL, &why);
        if (r == 0)
                return err(ERR_DENIED, "agent %s is locked: %.*s", agent, (int)why.len, (const char *)why.ptr);
        return r == ERR_NOENT ? 0 : r;
}

int obtain(struct core *core, struct client *c, const struct joined *j, const struct obtain_wish *w, struct answer_credential *ret)
{
        struct making m = { .core = core, .joined = j, .wish = w };
        CLEANUP(buf_clear) struct buf spki = { 0 };
        const struct item_body *b;
        int r;

        r = must_be_free(core, w->agent);
        if (r == 0)
                r = item_load(w->key, &b);
        if (r == 0)
                r = pubkey_to_spki(&b->pub, &spki);
        return r != 0 ? r : client_credential(c, &(struct client_wish){
                .agent = w->agent, .profile = w->profile, .audience = w->audience, .token_only = w->token_only, .spki = BYTES_OF(&spki),
        }, evidence, &m, ret);
}

/* Of the host alone: the key may be gone. */
static int prove(void *ctx, struct bytes challenge, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf url = { 0 };
        const struct making *m = ctx;
        struct evidence_wish w = { .challenge = challenge, .pcrs = 1, .pcr_hash = hash_by_name("SHA256") };
        struct caller who;
        int r = buf_set(&url, BYTES_OF(&m->joined->url));

        self_caller(m->core, NULL, &who);
        w.to = buf_str(&url);
        return r == 0 ? evidence_make(m->core->attester, &who, &w, ret) : r;
}

int obtain_revocation(struct core *core, struct client *c, const struct joined *j, const char *agent, const char *reason, uint64_t *ret_n)
{
        struct making m = { .core = core, .joined = j };

        return client_revoke(c, agent, reason, prove, &m, ret_n);
}
