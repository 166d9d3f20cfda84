/* SPDX-License-Identifier: BSD-2-Clause */
/* POST /v1/join and /v1/join/answer: is this host who it says, with its keys in the TPM whose endorsement key it shows? */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "attest/evidence.h"
#include "attest/makecred.h"
#include "issuer/cred_ak.h"
#include "issuer/joining.h"
#include "lib/crypto.h"
#include "lib/err.h"
#include "lib/pem.h"

#define TOKEN_MAX 128
#define SKEW 60

static const struct body_member tpm_members[] = {
        { .name = "manufacturer", .type = BODY_TEXT, .max = DB_WORD_MAX },
        { .name = "vendor", .type = BODY_TEXT, .max = DB_WORD_MAX },
        { .name = "revision", .type = BODY_TEXT, .max = DB_WORD_MAX },
        { .name = "audit", .type = BODY_TEXT, .max = 16 },
        { .name = NULL },
};
const struct body_member join_members[] = {
        { .name = "host", .type = BODY_TEXT, .needed = true, .max = DB_HOST_MAX },
        { .name = "ek_public", .type = BODY_BYTES, .needed = true, .max = EVIDENCE_PUBLIC_MAX },
        { .name = "ek_certificates", .type = BODY_BYTES_LIST, .max = EVIDENCE_CERTIFICATE_MAX },
        { .name = "ak_public", .type = BODY_BYTES, .needed = true, .max = EVIDENCE_PUBLIC_MAX },
        { .name = "ak_certificates", .type = BODY_BYTES_LIST, .max = EVIDENCE_CERTIFICATE_MAX },
        { .name = "srk_public", .type = BODY_BYTES, .needed = true, .max = EVIDENCE_PUBLIC_MAX },
        { .name = "token", .type = BODY_TEXT, .max = TOKEN_MAX },
        { .name = "tpm", .type = BODY_OBJECT, .members = tpm_members },
        { .name = NULL },
};

void shown_clear(struct shown *s)
{
        body_free(&s->body);
        buf_clear(&s->ek);
        buf_clear(&s->ak);
        buf_clear(&s->srk);
        for (size_t i = 0; i < TRUST_CHAIN_MAX; i++) {
                buf_clear(&s->ek_chain[i]);
                buf_clear(&s->ak_chain[i]);
        }
}

static int read_chain(const json_t *body, const char *name, struct buf *ders, struct bytes *ret, size_t *ret_n)
{
        size_t n = body_count(body, name);
        int r = 0;

        /* No chain is longer; some TPMs hold more than one. */
        n = n < TRUST_CHAIN_MAX ? n : TRUST_CHAIN_MAX;
        for (size_t i = 0; r == 0 && i < n; i++) {
                r = body_bytes_at(body, name, i, &ders[i]);
                ret[i] = BYTES_OF(&ders[i]);
        }
        *ret_n = n;
        return r;
}

int join_read(struct call *c, struct bytes text, struct shown *s)
{
        struct trusted_host *h = &s->host;
        int r;

        r = body_read(text, join_members, &s->body);
        if (r == 0)
                r = check_host_name(body_text(s->body, "host"));
        if (r == 0)
                r = body_bytes(s->body, "ek_public", &s->ek);
        if (r == 0)
                r = body_bytes(s->body, "ak_public", &s->ak);
        if (r == 0)
                r = body_bytes(s->body, "srk_public", &s->srk);
        if (r == 0)
                r = read_chain(s->body, "ek_certificates", s->ek_chain, h->ek_chain, &h->n_ek_chain);
        if (r == 0)
                r = read_chain(s->body, "ak_certificates", s->ak_chain, h->ak_chain, &h->n_ak_chain);
        if (r != 0)
                return r;
        h->name = body_text(s->body, "host");
        h->ek = BYTES_OF(&s->ek);
        h->ak = BYTES_OF(&s->ak);
        h->srk = BYTES_OF(&s->srk);
        h->now = (int64_t)service_now(c->s);
        return 0;
}

static int db_name(struct db_name *ret, const struct buf *name)
{
        if (name->len > sizeof(ret->v))
                return err(ERR_FORMAT, "a Name of %zu octets", name->len);
        memcpy(ret->v, name->ptr, name->len);
        ret->len = name->len;
        return 0;
}

/* A maker's certificate says more than the host itself; only where there is none does its word count, and then for the inventory alone. */
static int describe(const struct shown *s, const struct trusted_verdict *v, struct db_host *ret)
{
        const json_t *tpm = body_object(s->body, "tpm");
        const char *texts[] = { "manufacturer", "vendor", "revision", "audit" };
        struct bytes said[ARRAY_LEN(texts)];
        char maker[5] = "";
        int r;

        for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
                const char *text = body_text(tpm, texts[i]);

                said[i] = text != NULL ? BYTES_STR(text) : BYTES(NULL, 0);
        }
        if (v->facts.manufacturer_id != 0)
                manufacturer_text(v->facts.manufacturer_id, maker);
        if (v->assurance == HF_ASSURANCE_HARDWARE || v->assurance == HF_ASSURANCE_SIMULATOR)
                said[0] = BYTES_STR(maker);
        r = DB_TEXT(ret->manufacturer, said[0]);
        if (r == 0)
                r = DB_TEXT(ret->vendor, said[1]);
        if (r == 0)
                r = DB_TEXT(ret->revision, said[2]);
        return r == 0 ? DB_TEXT(ret->audit, said[3]) : r;
}

static int fill_host(const struct shown *s, const struct trusted_verdict *v, struct db_host *ret)
{
        const struct bytes ek = BYTES_OF(&s->ek);
        int r;

        *ret = (struct db_host){ .assurance = v->assurance };
        r = DB_TEXT(ret->name, BYTES_STR(s->host.name));
        if (r == 0)
                r = crypto_hash(hash_by_name("SHA256"), &ek, 1, ret->ek_hash);
        if (r == 0)
                r = db_name(&ret->ek_name, &v->ek_name);
        if (r == 0)
                r = db_name(&ret->ak_name, &v->ak_name);
        if (r == 0)
                r = db_name(&ret->srk_name, &v->srk_name);
        return r == 0 ? describe(s, v, ret) : r;
}

/* Nothing is asked of a TPM that could not join in any case. The database says the same again, under its lock, when the answer is there. */
static int may_join(struct call *c, struct talk_join *j)
{
        const struct db_host *h = &j->host;
        struct db_host known;
        int r = db_host_get(c->s->db, h->name, &known);

        if (r == 0 && memcmp(known.ek_hash, h->ek_hash, DB_HASH_SIZE) != 0)
                return refused(c, "host-mismatch", err(ERR_FOREIGN, "the name %s belongs to a host with another endorsement key", h->name));
        if (r == 0 && known.state == DB_REVOKED)
                return refused(c, "revoked", err(ERR_DENIED, "the host %s was revoked", h->name));
        j->active = r == 0 && known.state == DB_ACTIVE;
        if (r != ERR_NOENT)
                return r;
        if (!j->vouched && !j->has_token && c->s->conf->first_use == FIRST_USE_NO)
                return refused(c, "first-use", err(ERR_DENIED, "the host %s is new, nobody has vouched for its keys, and it has no join token", h->name));
        return 0;
}

static int take_token(const char *token, struct talk_join *j)
{
        struct bytes text;

        if (token == NULL || token[0] == '\0')
                return 0;
        text = BYTES_STR(token);
        j->has_token = true;
        return crypto_hash(hash_by_name("SHA256"), &text, 1, j->token);
}

static json_t *challenge(struct bytes ek, const struct db_name *name, const uint8_t secret[TALK_SECRET], int *ret_r)
{
        CLEANUP(buf_clear) struct buf id_object = { 0 }, encrypted = { 0 };

        if (*ret_r == 0)
                *ret_r = makecred(ek, BYTES(name->v, name->len), BYTES(secret, TALK_SECRET), &id_object, &encrypted);
        return *ret_r == 0 ? json_pack("{s:o s:o}", "id_object", json_base64(BYTES_OF(&id_object)), "secret", json_base64(BYTES_OF(&encrypted))) : NULL;
}

int join_ask(const struct shown *s, struct talk_join *j, json_t **ret)
{
        json_t *ak, *srk;
        int r;

        r = crypto_random(j->ak_secret, sizeof(j->ak_secret));
        if (r == 0)
                r = crypto_random(j->srk_secret, sizeof(j->srk_secret));
        ak = challenge(s->host.ek, &j->host.ak_name, j->ak_secret, &r);
        srk = challenge(s->host.ek, &j->host.srk_name, j->srk_secret, &r);
        if (r == 0) {
                *ret = json_pack("{s:o s:o}", "ak", ak, "srk", srk);
                return *ret != NULL ? 0 : err(ERR_NOMEM, "out of memory");
        }
        json_decref(ak);
        json_decref(srk);
        return r;
}

static void copy_facts(const struct ek_facts *f, struct talk_join *j)
{
        memcpy(j->manufacturer, f->manufacturer, sizeof(j->manufacturer));
        memcpy(j->model, f->model, sizeof(j->model));
        memcpy(j->version, f->version, sizeof(j->version));
}

int join_judge(struct call *c, const struct shown *s, bool vouched, struct talk_join *j)
{
        CLEANUP(trusted_verdict_clear) struct trusted_verdict v = { 0 };
        const char *word = "ek";
        int r;

        r = trusted_judge(c->s->trusted, &s->host, &word, &v);
        if (r != 0)
                return refused(c, word, r);
        memcpy(j->why, v.why, sizeof(j->why));
        r = fill_host(s, &v, &j->host);
        if (r == 0)
                r = take_token(body_text(s->body, "token"), j);
        j->vouched = v.vouched || vouched;
        j->must_sign = v.must_sign;
        if (r == 0)
                r = may_join(c, j);
        copy_facts(&v.facts, j);
        buf_take(&v.ak_spki, &j->ak_spki);
        buf_take(&v.ek_spki, &j->ek_spki);
        return r;
}

static int join_refused(struct call *c, const char *host, const struct talk_join *j, bool anyones, int r)
{
        CLEANUP(buf_clear) struct buf more = { 0 };
        struct decision d = { .event = AUDIT_JOIN, .host = host, .operation = "join", .anyones = anyones };

        if (j->why[0] != '\0' && buf_printf(&more, "certificate=\"%s\"", j->why) == 0)
                d.more = buf_str(&more);
        metrics_count(c->s->metrics, METRIC_JOINS, c->word != NULL ? c->word : "trouble", NULL, 1);
        return decision_refused(c, &d, r);
}

int route_join(struct call *c)
{
        CLEANUP(shown_clear) struct shown s = { 0 };
        CLEANUP(talk_join_clear) struct talk_join j = { 0 };
        struct talk *talk = talk_of(c->q->state);
        json_t *o = NULL;
        int r;

        r = join_read(c, c->q->body, &s);
        if (r == 0 && talk == NULL)
                r = err(ERR_NOMEM, "out of memory");
        if (r != 0)
                return r;
        r = join_judge(c, &s, false, &j);
        if (r == 0)
                r = join_ask(&s, &j, &o);
        if (r != 0)
                return join_refused(c, s.host.name, &j, true, r);
        json_object_set_new(o, "expires_in", json_integer(TALK_SECONDS));
        r = reply_json(c, o);
        if (r != 0)
                return r;
        talk_join_put(talk, &j, service_ticks(c->s));
        return 0;
}

/* --- The answer --- */

static const struct body_member answer_members[] = {
        { .name = "ak_secret", .type = BODY_BYTES, .needed = true, .max = TALK_SECRET },
        { .name = "srk_secret", .type = BODY_BYTES, .needed = true, .max = TALK_SECRET },
        { .name = "evidence", .type = BODY_BYTES, .max = HF_EVIDENCE_MAX },
        { .name = NULL },
};

/* Of a key that is known by itself: a quote of PCR 0 in the bank of SHA-256, with the AK's secret as challenge. */
static int check_signed(struct call *c, const json_t *body, const struct talk_join *j)
{
        CLEANUP(buf_clear) struct buf evidence = { 0 };
        const struct hf_known_key ak = { { j->host.ak_name.v, j->host.ak_name.len }, HF_ASSURANCE_PINNED };
        const struct hf_evidence_policy p = {
                .flags = HF_WANT_HOST | HF_ALLOW_ANY_HIERARCHY | HF_ALLOW_CLOCK_UNSAFE, .challenge = { j->ak_secret, TALK_SECRET },
                .assurances = 1u << HF_ASSURANCE_PINNED, .known_keys = &ak, .n_known_keys = 1, .time = (int64_t)service_now(c->s),
                .pcr_hash = 0x000b, .pcrs = 1,
        };
        struct hf_evidence_result result;
        int r;

        if (!j->must_sign)
                return 0;
        r = body_bytes(body, "evidence", &evidence);
        if (r == 0 && evidence.len == 0)
                r = err(ERR_DENIED, "an attestation key that is known by itself has to sign: evidence is missing");
        if (r == 0 && hf_evidence_verify((struct hf_bytes){ evidence.ptr, evidence.len }, &p, &result) != 0)
                r = err(ERR_DENIED, "%s", result.reason);
        return refused(c, "answer", r);
}

static int check_answer(struct call *c, const json_t *body, const struct talk_join *j)
{
        CLEANUP(buf_clear) struct buf ak = { 0 }, srk = { 0 };
        bool good;
        int r;

        r = body_bytes(body, "ak_secret", &ak);
        if (r == 0)
                r = body_bytes(body, "srk_secret", &srk);
        if (r != 0)
                return r;
        good = bytes_equal_secret(BYTES_OF(&ak), BYTES(j->ak_secret, TALK_SECRET));
        good &= bytes_equal_secret(BYTES_OF(&srk), BYTES(j->srk_secret, TALK_SECRET));
        if (!good)
                return refused(c, "answer", err(ERR_AUTH, "the secrets are not those that were made for the host's TPM"));
        return check_signed(c, body, j);
}

/* Who comes with a token, or is vouched for, is in; of others the configuration says. */
static enum db_state state_for(const struct call *c, const struct talk_join *j)
{
        return j->active || j->vouched || j->has_token || c->s->conf->first_use == FIRST_USE_YES ? DB_ACTIVE : DB_PENDING;
}

/* As the database says it, which has decided under its lock. */
static const char *join_word(const struct talk_join *j, const struct db_host *known, int r)
{
        if (r == ERR_FOREIGN)
                return "host-mismatch";
        if (known->state == DB_REVOKED)
                return "revoked";
        return j->has_token ? "token" : "denied";
}

static int put_host(struct call *c, struct talk_join *j, struct db_host *ret)
{
        struct db_host known = { 0 };
        int r;

        r = db_host_join(c->s->db, &j->host, j->has_token ? j->token : NULL, ret);
        if (r == ERR_DENIED && db_host_get(c->s->db, j->host.name, &known) != 0)
                known.state = DB_ANY;
        return r == 0 ? 0 : refused(c, join_word(j, &known, r), r);
}

static int certify(struct call *c, const struct authority_view *v, const struct talk_join *j, struct buf *ret_pem)
{
        CLEANUP(buf_clear) struct buf der = { 0 };
        const uint64_t now = service_now(c->s);
        struct ek_facts facts = { 0 };
        struct cred_ak w = { .spki = BYTES_OF(&j->ak_spki), .ek_spki = BYTES_OF(&j->ek_spki), .facts = &facts, .not_before = now - SKEW,
                             .not_after = j->host.ak_until };
        int r;

        memcpy(facts.manufacturer, j->manufacturer, sizeof(facts.manufacturer));
        memcpy(facts.model, j->model, sizeof(facts.model));
        memcpy(facts.version, j->version, sizeof(facts.version));
        r = cred_ak(v->ak, &w, &der);
        if (r == 0)
                r = pem_encode("CERTIFICATE", BYTES(NULL, 0), BYTES_OF(&der), ret_pem);
        return r == 0 ? buf_append(ret_pem, v->ak_chain.ptr, v->ak_chain.len) : r;
}

static int tell_joined(struct call *c, const struct authority_view *v, const struct talk_join *j, const struct db_host *h, json_t **ret)
{
        CLEANUP(buf_clear) struct buf pem = { 0 };
        const uint64_t now = service_now(c->s);
        json_t *o;
        int r = 0;

        metrics_count(c->s->metrics, METRIC_JOINS, db_state_name(h->state), NULL, 1);
        o = json_pack("{s:s s:s s:s}", "host", h->name, "state", db_state_name(h->state), "assurance", hf_assurance_name(h->assurance));
        if (h->state == DB_ACTIVE) {
                r = certify(c, v, j, &pem);
                json_object_set_new(o, "ak_certificate", json_octets(BYTES_OF(&pem)));
                json_object_set_new(o, "not_after", json_integer((json_int_t)j->host.ak_until));
                json_object_set_new(o, "renew_after", json_integer((json_int_t)(now + (j->host.ak_until - now) / 3 * 2)));
        }
        if (r == 0)
                *ret = o;
        else
                json_decref(o);
        return r;
}

/* Log, then database, then answer. What the database refuses is in the log behind what was decided before. */
int join_enter(struct call *c, const struct authority_view *v, struct talk_join *j, struct db_host *ret_host, json_t **ret_joined)
{
        const uint64_t now = service_now(c->s), end = x509_ca_not_after(v->ak);
        CLEANUP(buf_clear) struct buf more = { 0 }, ek = { 0 };
        struct decision d = { .event = AUDIT_JOIN, .host = j->host.name, .operation = "join" };
        int r = x509_ca_check_time(v->ak, now);

        if (r != 0)
                return r;
        j->host.state = state_for(c, j);
        j->host.joined = now;
        j->host.ak_until = end - now < c->s->conf->ak_life ? end : now + c->s->conf->ak_life;
        r = hex_encode(BYTES(j->host.ek_hash, DB_HASH_SIZE), &ek);
        if (r == 0)
                r = buf_printf(&more, "assurance=%s state=%s ek=%.*s", hf_assurance_name(j->host.assurance), db_state_name(j->host.state), (int)ek.len,
                               (const char *)ek.ptr);
        if (r == 0 && j->why[0] != '\0')
                r = buf_printf(&more, " certificate=\"%s\"", j->why);
        if (r == 0 && (d.more = buf_str(&more)) == NULL)
                r = err(ERR_NOMEM, "out of memory");
        if (r == 0)
                r = decision_note(c, &d, 0, &j->host.record);
        if (r != 0)
                return r;
        r = put_host(c, j, ret_host);
        if (r != 0)
                return join_refused(c, j->host.name, j, false, r);
        return tell_joined(c, v, j, ret_host, ret_joined);
}

static int join(struct call *c, struct talk_join *j)
{
        CLEANUP(authority_releasep) const struct authority_view *v = authority_hold(c->s->authority);
        struct db_host known = { 0 };
        json_t *o = NULL;
        int r = join_enter(c, v, j, &known, &o);

        return r == 0 ? reply_json(c, o) : r;
}

int route_join_answer(struct call *c)
{
        CLEANUP(body_free) json_t *body = NULL;
        CLEANUP(talk_join_clear) struct talk_join j = { 0 };
        struct talk *talk = talk_of(c->q->state);
        int r;

        if (talk == NULL)
                return err(ERR_NOMEM, "out of memory");
        /* One try: whatever the body is, what it answers is gone. */
        r = talk_join_take(talk, service_ticks(c->s), &j);
        if (r != 0)
                return refused(c, "answer", r);
        r = body_read(c->q->body, answer_members, &body);
        if (r == 0)
                r = check_answer(c, body, &j);
        return r == 0 ? join(c, &j) : join_refused(c, j.host.name, &j, true, r);
}
