/* SPDX-License-Identifier: BSD-2-Clause */
/* Everything that is done with a key or an agent for somebody: decided here, told to the log here. */
#include "keys/caller.h"
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "lib/crypto.h"
#include "lib/err.h"
#include "tpm/tpm.h"

static uint64_t now_ms(void)
{
        struct timespec t;

        clock_gettime(CLOCK_REALTIME, &t);
        return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static struct bytes text(const char *s)
{
        return s != NULL ? BYTES_STR(s) : (struct bytes){ 0 };
}

/* A digest that was signed is told as it is, and so is what the attestation key was given to sign. Other inputs may be secret, and padded ones are long: their SHA-256. */
static int digest_of(const struct deed *d, uint8_t room[HASH_MAX], struct bytes *ret)
{
        const struct hash *h = hash_by_name("SHA256");

        *ret = d->digest;
        if (d->digest.len == 0 || ((strcmp(d->request.operation, "sign") == 0 || d->event == AUDIT_ATTEST) && d->digest.len <= AUDIT_DIGEST_MAX))
                return 0;
        *ret = BYTES(room, h->size);
        return crypto_hash(h, &d->digest, 1, room);
}

static int owner_of(const struct caller *c, const char *agent, struct buf *ret)
{
        return c->judge != NULL && agent != NULL ? c->judge->owner(c->policy, agent, ret) : 0;
}

static void peer_of(const struct peer *p, struct audit_peer *ret)
{
        *ret = (struct audit_peer){
                .present = true,
                .pid = (uint64_t)p->pid,
                .start_time = p->start_time,
                .uid = p->uid,
                .gid = p->gid,
                .exe = BYTES_OF(&p->exe),
                .exe_sha256 = BYTES_OF(&p->exe_sha256),
                .cgroup = BYTES_OF(&p->cgroup),
                .unit = BYTES_OF(&p->unit),
                .container = BYTES_OF(&p->container),
                .has_loginuid = p->has_loginuid,
                .tty = p->tty,
                .loginuid = p->loginuid,
                .ppid = (uint64_t)p->ppid,
                .parent_exe = BYTES_OF(&p->parent_exe),
        };
        while (ret->n_groups < p->n_groups && ret->n_groups < AUDIT_GROUPS_MAX) {
                ret->groups[ret->n_groups] = p->groups[ret->n_groups];
                ret->n_groups++;
        }
}

static int record(const struct caller *c, const struct deed *d, enum audit_decision decision, struct bytes result)
{
        CLEANUP(buf_clear) struct buf owner = { 0 };
        uint8_t digest[HASH_MAX];
        struct audit_record rec = {
                .time_ms = now_ms(),
                .event = d->event,
                .agent = text(d->agent),
                .key_label = d->request.key_label,
                .key_id = d->request.key_id,
                .operation = text(d->request.operation),
                .mechanism = text(d->request.mechanism),
                .decision = decision,
                .rule = text(d->decision.rule),
                .reason = text(d->decision.reason),
                .result = result,
                .detail = d->detail,
        };
        int r;

        /* The two octets of a TPM2B's size are not part of what the Name is a digest of. */
        if (d->key_public.len > 2)
                rec.key_public = BYTES(d->key_public.ptr + 2, d->key_public.len - 2);
        if (c->peer != NULL)
                peer_of(c->peer, &rec.peer);
        r = digest_of(d, digest, &rec.digest);
        if (r == 0)
                r = owner_of(c, d->agent, &owner);
        rec.owner = BYTES_OF(&owner);
        return r != 0 ? r : c->record(c->log, &rec);
}

/* What cannot be found out is a refusal. */
static int decide(const struct caller *c, struct deed *d)
{
        int r;

        if (c->peer_check != NULL) {
                r = c->peer_check(c->peer);
                if (r != 0)
                        return r;
        }
        if (c->judge == NULL) {
                d->decision.allowed = true;
                return 0;
        }
        r = c->judge->decide(c->policy, c->peer, d->agent, &d->request, &d->decision);
        if (r != 0)
                return r;
        return d->decision.allowed ? 0 : err(ERR_DENIED, "%s", d->decision.reason);
}

int caller_refuse(const struct caller *c, struct deed *d, int r)
{
        char why[sizeof(d->decision.reason)];

        if (c == NULL)
                return r;
        snprintf(why, sizeof(why), "%s", err_text());
        memcpy(d->decision.reason, why, sizeof(why));
        if (c->record == NULL || record(c, d, AUDIT_REFUSED, (struct bytes){ 0 }) == 0)
                return err(r, "%s", why);
        return r;       /* refused it is, recorded or not */
}

int caller_may(const struct caller *c, struct deed *d)
{
        int r;

        if (c == NULL)
                return 0;
        d->request.now_ms = now_ms();
        d->decision = (struct decision){ 0 };
        tpm_on_behalf(d->agent);
        r = c->ready != NULL ? c->ready(c->log) : 0;
        if (r != 0)
                return r;
        r = decide(c, d);
        return r == 0 ? 0 : caller_refuse(c, d, r);
}

int caller_did(const struct caller *c, const struct deed *d, int outcome, struct bytes result)
{
        struct deed failed = *d;
        int r;

        if (c == NULL || c->record == NULL)
                return outcome;
        if (outcome == 0)
                return record(c, d, AUDIT_ALLOWED, result);
        snprintf(failed.decision.reason, sizeof(failed.decision.reason), "%s", err_text());
        r = record(c, &failed, AUDIT_FAILED, (struct bytes){ 0 });
        return r != 0 ? r : err(outcome, "%s", failed.decision.reason);
}

bool caller_sees(const struct caller *c, const char *agent)
{
        return c == NULL || c->judge == NULL || c->judge->sees(c->policy, c->peer, agent);
}

void mechanism_name(const struct pk_params *p, char ret[MECHANISM_NAME_MAX])
{
        const char *hash = p->hash != NULL ? p->hash->name : "";
        const char *dash = p->hash != NULL ? "-" : "";

        switch (p->scheme) {
        case SCHEME_ECDSA:
                snprintf(ret, MECHANISM_NAME_MAX, "ECDSA");
                break;
        case SCHEME_RSA_PKCS1:
                snprintf(ret, MECHANISM_NAME_MAX, "RSA-PKCS1%s%s", dash, hash);
                break;
        case SCHEME_RSA_PSS:
                snprintf(ret, MECHANISM_NAME_MAX, "RSA-PSS-%s-MGF1-%s-%zu", hash, p->mgf_hash != NULL ? p->mgf_hash->name : hash, p->salt_len);
                break;
        case SCHEME_RSA_OAEP:
                snprintf(ret, MECHANISM_NAME_MAX, "RSA-OAEP-%s-MGF1-%s", hash, p->mgf_hash != NULL ? p->mgf_hash->name : hash);
                break;
        case SCHEME_RSA_RAW:
                snprintf(ret, MECHANISM_NAME_MAX, "RSA-RAW");
                break;
        case SCHEME_HMAC:
                snprintf(ret, MECHANISM_NAME_MAX, "HMAC%s%s", dash, hash);
                break;
        case SCHEME_ECDH:
                snprintf(ret, MECHANISM_NAME_MAX, "ECDH");
                break;
        case SCHEME_NONE:
                ret[0] = '\0';
                break;
        }
}
