/* SPDX-License-Identifier: BSD-2-Clause */
/* POST /v1/credential: evidence of a key, and what it is worth. The key comes from the evidence, the names from the profile. */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "attest/nonce.h"
#include "issuer/csr.h"
#include "issuer/issue.h"
#include "issuer/joining.h"
#include "issuer/problem.h"
#include "lib/err.h"

#define CSR_MAX 16384
#define WANT_MAX 16
#define REPLY_ROOM 8192                 /* octets, mostly enough */

static const struct body_member members[] = {
        { .name = "host", .type = BODY_TEXT, .needed = true, .max = DB_HOST_MAX },
        { .name = "agent", .type = BODY_TEXT, .needed = true, .max = DB_AGENT_MAX },
        { .name = "evidence", .type = BODY_BYTES, .needed = true, .max = HF_EVIDENCE_MAX },
        { .name = "want", .type = BODY_TEXTS, .max = WANT_MAX },
        { .name = "profile", .type = BODY_TEXT, .max = PROFILE_NAME_MAX },
        { .name = "audience", .type = BODY_TEXT, .max = GRANT_AUDIENCE_MAX },
        { .name = "csr", .type = BODY_LINES, .max = CSR_MAX },
        { .name = "challenge", .type = BODY_BYTES, .max = TALK_SECRET }, /* of an operator, for a host without a network */
        { .name = NULL },
};

/* What is asked for. */
struct wish {
        json_t *body;
        struct buf evidence, challenge;
        struct carried carried;         /* what the challenge was made for, once it is taken */
        unsigned want;                  /* 0: with a challenge, all but a JWT for nobody */
        const char *profile, *audience, *csr;
};

static void wish_clear(struct wish *w)
{
        body_free(&w->body);
        buf_clear(&w->evidence);
        buf_clear(&w->challenge);
        carried_clear(&w->carried);
}

static int read_want(const json_t *body, unsigned *ret)
{
        for (size_t i = 0; i < body_count(body, "want"); i++) {
                unsigned bit = profile_credential_by_name(body_text_at(body, "want", i));

                if (bit == 0)
                        return err(ERR_FORMAT, "a kind of credential that there is not");
                *ret |= bit;
        }
        return 0;
}

static int read_wish(struct call *c, struct wish *w, struct issue *i)
{
        int r;

        r = body_read(c->q->body, members, &w->body);
        if (r != 0)
                return r;
        i->host = body_text(w->body, "host");
        i->agent = body_text(w->body, "agent");
        w->profile = body_text(w->body, "profile");
        w->audience = body_text(w->body, "audience");
        w->csr = body_text(w->body, "csr");
        r = check_host_name(i->host);
        if (r == 0)
                r = check_agent_name(i->agent);
        if (r == 0)
                r = read_want(w->body, &w->want);
        if (r == 0)
                r = body_bytes(w->body, "challenge", &w->challenge);
        if (r == 0 && w->want == 0 && w->challenge.len == 0)
                r = err(ERR_FORMAT, "no credential is wanted");
        return r == 0 ? body_bytes(w->body, "evidence", &w->evidence) : r;
}

/* Is it a host that may ask at all, and an agent that was not revoked? The database says the same again when it is written to. */
static int look_up(struct call *c, const struct wish *w, struct issue *i)
{
        enum db_state agent = DB_ANY;
        struct db_agent row;
        int r;

        if (w->carried.joins) {
                i->known = w->carried.join.host;
                i->known.state = DB_ACTIVE;
                r = db_agent_get(c->s->db, i->host, i->agent, &row);
                if (r == 0)
                        agent = row.state;
                else if (r != ERR_NOENT)
                        return r;
        } else {
                r = db_host_look(c->s->db, i->host, i->agent, &i->known, &agent);
                if (r != 0)
                        return refused(c, "host-unknown", r);
        }
        if (i->known.state == DB_REVOKED)
                return refused(c, "revoked", err(ERR_DENIED, "the host %s was revoked", i->host));
        if (i->known.state != DB_ACTIVE)
                return refused(c, "host-pending", err(ERR_DENIED, "the host %s waits for an operator's approval", i->host));
        if (agent != DB_ANY && agent != DB_ACTIVE)
                return refused(c, "revoked", err(ERR_DENIED, "the agent %s of the host %s was revoked, or waits for approval", i->agent, i->host));
        return 0;
}

/* Only a maker's certificate says for sure whose TPM it is: of others any range of firmware on the list may be meant. */
static uint32_t manufacturer_of(const struct db_host *h)
{
        uint32_t id = 0;

        if (h->assurance != HF_ASSURANCE_HARDWARE && h->assurance != HF_ASSURANCE_SIMULATOR)
                return 0;
        return manufacturer_parse(BYTES_STR(h->manufacturer), &id) == 0 ? id : 0;
}

/* Where the host's TPM stood, less the time by which requests of one host may overtake each other. */
static struct hf_standing standing_of(const struct db_host *h)
{
        struct hf_standing s = h->standing;

        s.clock_ms -= s.clock_ms < DB_OVERTAKE_MS ? s.clock_ms : DB_OVERTAKE_MS;
        return s;
}

static int verify(struct call *c, struct issue *i, struct bytes evidence, const uint8_t challenge[TALK_SECRET])
{
        const struct db_host *h = &i->known;
        const struct hf_known_key ak = { { h->ak_name.v, h->ak_name.len }, h->assurance };
        const struct hf_standing last = standing_of(h);
        struct hf_evidence_policy p;
        struct timespec start;
        int r;

        profile_policy(i->profile, &p);
        p.challenge = (struct hf_bytes){ challenge, TALK_SECRET };
        p.known_keys = &ak;
        p.n_known_keys = 1;
        p.time = (int64_t)service_now(c->s);
        p.ek_name = (struct hf_bytes){ h->ek_name.v, h->ek_name.len };
        p.srk_name = (struct hf_bytes){ h->srk_name.v, h->srk_name.len };
        p.last = h->stood ? &last : NULL;
        p.manufacturer = manufacturer_of(h);
        p.denied = c->s->trusted->denied.denied;
        p.n_denied = c->s->trusted->denied.n;
        clock_gettime(CLOCK_MONOTONIC, &start);
        r = hf_evidence_verify((struct hf_bytes){ evidence.ptr, evidence.len }, &p, &i->result);
        metrics_seconds(c->s->metrics, METRIC_VERIFY_SECONDS, NULL, seconds_since(&start));
        if (r == 0)
                return 0;
        c->checks = issue_checks(&i->result);
        return is_refusal(r) ? refused(c, "evidence", err(ERR_DENIED, "%s", i->result.reason)) : r;
}

/* The host's daemon says in its evidence for which agent, and whose, the key is. */
static int check_agent(struct call *c, const struct issue *i)
{
        const struct hf_bytes *agent = &i->result.agent;

        if (!bytes_equal(BYTES(agent->ptr, agent->len), BYTES_STR(i->agent)))
                return refused(c, "evidence", err(ERR_DENIED, "the evidence is of a key of another agent, or of none"));
        return refused(c, "profile", profile_check_process(i->profile, &i->result.process));
}

static unsigned wanted(const struct wish *w, const struct profile *p)
{
        return w->want != 0 ? w->want : p->credentials & ~(w->audience == NULL ? (unsigned)CREDENTIAL_JWT : 0u);
}

static int decide(struct call *c, const struct wish *w, struct issue *i, const uint8_t challenge[TALK_SECRET])
{
        int r;

        r = look_up(c, w, i);
        if (r != 0)
                return r;
        r = refused(c, "profile", profile_find(c->s->conf, i->host, i->agent, i->known.assurance, w->profile, &i->profile));
        if (r == 0)
                r = verify(c, i, BYTES_OF(&w->evidence), challenge);
        if (r == 0)
                r = check_agent(c, i);
        if (r == 0 && w->csr != NULL)
                r = refused(c, "evidence", csr_check(w->csr, BYTES(i->result.key_spki, i->result.key_spki_len)));
        return r == 0 ? refused(c, "profile", issue_grant(c, i, wanted(w, i->profile), w->audience)) : r;
}

/* At two thirds of the life, of which grace is no part: it is for the time that the issuer cannot be reached. */
static uint64_t renew_after(const struct issue *i)
{
        const struct grant *g = &i->grant.g;
        const uint64_t all = g->not_after - g->issued;

        return g->issued + (all < i->profile->life ? all : i->profile->life) / 3 * 2;
}

/* The reply as far as it is text, or numbers. */
static int tell_grant(struct call *c, const struct issue *i, const struct authority_view *v)
{
        const struct grant *g = &i->grant.g;
        CLEANUP(buf_clear) struct buf serial = { 0 };
        const struct {
                const char *name;
                uint64_t v;
        } numbers[] = {
                { "record", g->record }, { "not_before", g->not_before }, { "not_after", g->not_after },
                { "renew_after", renew_after(i) }, { "grace", i->profile->grace },
        };
        int r = hex_encode(BYTES(g->serial, GRANT_SERIAL_SIZE), &serial);
        const struct {
                const char *name;
                struct bytes text;
        } texts[] = {
                { "profile", BYTES_STR(i->profile->name) }, { "spiffe_id", g->spiffe_id }, { "serial", BYTES_OF(&serial) },
                { "assurance", BYTES_STR(hf_assurance_name(i->result.assurance)) }, { "x509", BYTES_OF(&i->x509) }, { "jwt", BYTES_OF(&i->jwt) },
                { "ssh_user", BYTES_OF(&i->ssh_user) }, { "ssh_host", BYTES_OF(&i->ssh_host) }, { "bundle", v->bundle }, { "known_hosts", v->known_hosts },
        };

        if (r == 0)
                r = buf_reserve(&c->reply->body, REPLY_ROOM + v->bundle.len);
        for (size_t k = 0; r == 0 && k < ARRAY_LEN(texts); k++)
                r = reply_text(c, texts[k].name, texts[k].text);
        for (size_t k = 0; r == 0 && k < ARRAY_LEN(numbers); k++)
                r = reply_number(c, numbers[k].name, numbers[k].v);
        return r == 0 ? reply_checks(c, &i->result) : r;
}

static int tell(struct call *c, const struct issue *i, const struct authority_view *v, struct talk *talk, json_t *joined)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        uint8_t nonce[TALK_SECRET];
        int r;

        r = talk_nonce_new(talk, i->host, service_ticks(c->s), nonce);
        if (r == 0)
                r = base64_encode(BYTES(nonce, sizeof(nonce)), &text);
        if (r == 0)
                r = tell_grant(c, i, v);
        if (r == 0)
                r = reply_text(c, "nonce", BYTES_OF(&text));
        return r == 0 && joined != NULL ? reply_member(c, "joined", joined) : r;
}

/* Which check it was, where there was one. */
static const char *reason_of(const struct call *c, const struct issue *i, int r)
{
        for (unsigned k = 0; c->checks != NULL && k < HF_CHECKS; k++)
                if (i->result.checks[k].outcome == HF_OUTCOME_FAILED)
                        return hf_check_name((enum hf_check)k);
        return c->word != NULL ? c->word : problem_by_code(r);
}

static int credential_refused(struct call *c, const struct issue *i, int r)
{
        CLEANUP(buf_clear) struct buf more = { 0 };
        const char *reason = reason_of(c, i, r);
        struct decision d = {
                .event = AUDIT_ISSUE, .host = i->host, .agent = i->agent, .operation = "issue",
                .rule = i->profile != NULL ? i->profile->name : NULL, .anyones = true,
        };

        metrics_count(c->s->metrics, METRIC_CREDENTIAL_REFUSED, reason, NULL, 1);
        if (buf_printf(&more, "check=%s", reason) == 0)
                d.more = buf_str(&more);
        return decision_refused(c, &d, r);
}

_Static_assert(TALK_SECRET == NONCE_CHALLENGE, "a challenge has the size of a nonce");

/* What the evidence must be for: what comes of the connection's nonce, or what an operator names, who got it from us. */
static int take_challenge(struct call *c, struct wish *w, const struct issue *i, struct talk *talk, uint8_t ret[TALK_SECRET])
{
        uint8_t nonce[TALK_SECRET];
        int r;

        if (w->challenge.len == 0) {
                r = talk_nonce_take(talk, i->host, service_ticks(c->s), nonce);
                return r == 0 ? nonce_challenge(BYTES_STR(c->s->conf->url), BYTES(nonce, sizeof(nonce)), ret) : r;
        }
        r = carried_take(c, BYTES_OF(&w->challenge), i->host, i->agent, &w->carried);
        if (r == 0)
                memcpy(ret, w->carried.proof, TALK_SECRET);
        return r;
}

/* A host that joins with its first credential: it has shown both. */
static int enter(struct call *c, const struct authority_view *v, struct wish *w, struct issue *i, json_t **ret_joined)
{
        int r;

        if (!w->carried.joins)
                return 0;
        r = join_enter(c, v, &w->carried.join, &i->known, ret_joined);
        if (r == 0 && i->known.state != DB_ACTIVE)
                r = refused(c, "host-pending", err(ERR_DENIED, "the host %s waits for an operator's approval", i->host));
        return r;
}

int route_credential(struct call *c)
{
        CLEANUP(authority_releasep) const struct authority_view *v = authority_hold(c->s->authority);
        CLEANUP(wish_clear) struct wish w = { 0 };
        CLEANUP(issue_clear) struct issue i = { 0 };
        struct talk *talk = talk_of(c->q->state);
        uint8_t challenge[TALK_SECRET];
        json_t *joined = NULL;
        int r;

        r = read_wish(c, &w, &i);
        if (r == 0 && talk == NULL)
                r = err(ERR_NOMEM, "out of memory");
        if (r != 0)
                return r;
        /* Whatever becomes of it, the nonce is used. */
        r = take_challenge(c, &w, &i, talk, challenge);
        if (c->word == NULL)
                r = refused(c, "nonce", r);
        if (r == 0)
                r = decide(c, &w, &i, challenge);
        if (r != 0)
                return credential_refused(c, &i, r);
        r = enter(c, v, &w, &i, &joined);
        if (r == 0)
                r = issue_give(c, &i, v);
        if (r == 0)
                r = tell(c, &i, v, talk, joined);
        json_decref(joined);
        return r;
}
