/* SPDX-License-Identifier: BSD-2-Clause */
/* What is taken back? By an operator on the Unix socket, whatever he names; by a host (POST /v1/revoke), what an agent of its own was given. */
#include <string.h>
#include "attest/evidence.h"
#include "attest/nonce.h"
#include "issuer/route.h"
#include "lib/err.h"

static const struct {
        const char *word;
        enum crl_reason reason;
} reasons[] = {
        { "unspecified", CRL_UNSPECIFIED }, { "key-compromise", CRL_KEY_COMPROMISE }, { "superseded", CRL_SUPERSEDED },
        { "cessation", CRL_CESSATION }, { "withdrawn", CRL_PRIVILEGE_WITHDRAWN },
};

const char *reason_word(enum crl_reason reason)
{
        for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
                if (reasons[i].reason == reason)
                        return reasons[i].word;
        return "";
}

static const struct body_member admin_members[] = {
        { .name = "host", .type = BODY_TEXT, .max = DB_HOST_MAX },
        { .name = "agent", .type = BODY_TEXT, .max = DB_AGENT_MAX },
        { .name = "serial", .type = BODY_TEXT, .max = 2 * GRANT_SERIAL_SIZE },
        { .name = "reason", .type = BODY_TEXT, .max = 32 },
        { .name = NULL },
};

/* Whom is it about: a serial number alone, or a host, or an agent of a host? */
static int read_whom(const json_t *body, struct buf *serial, struct db_whom *ret)
{
        const char *text = body_text(body, "serial");
        int r = 0;

        ret->host = body_text(body, "host");
        ret->agent = body_text(body, "agent");
        if ((text != NULL) == (ret->host != NULL) || (ret->agent != NULL && ret->host == NULL))
                return err(ERR_FORMAT, "either serial, or host, or host and agent say what to revoke");
        if (text != NULL)
                r = hex_decode(text, strlen(text), serial);
        if (r == 0 && text != NULL && serial->len != GRANT_SERIAL_SIZE)
                r = err(ERR_FORMAT, "a serial number has %d octets", GRANT_SERIAL_SIZE);
        ret->serial = text != NULL ? serial->ptr : NULL;
        return r;
}

static int read_reason(const json_t *body, enum crl_reason *ret)
{
        const char *word = body_text(body, "reason");

        *ret = CRL_UNSPECIFIED;
        for (size_t i = 0; i < ARRAY_LEN(reasons); i++) {
                if (word == NULL || strcmp(word, reasons[i].word) == 0) {
                        *ret = reasons[i].reason;
                        return 0;
                }
        }
        return err(ERR_FORMAT, "a reason is one of unspecified, key-compromise, superseded, cessation and withdrawn");
}

/* In the log first: whenever it ends, what is in the lists is in there. But what is to be revoked is so even if the log cannot be written: it is told as
 * failed, and may be asked for again. */
static int take_back(struct call *c, const struct decision *d, const struct db_whom *whom, enum crl_reason reason)
{
        const int logged = decision_note(c, d, 0, NULL);
        size_t n = 0;
        int r, rr;

        r = db_revoke(c->s->db, whom, reason, service_now(c->s), &n);
        if (r != 0)
                return decision_refused(c, d, r);
        metrics_count(c->s->metrics, METRIC_REVOCATIONS, whom->serial != NULL ? "credential" : whom->agent != NULL ? "agent" : "host", NULL, 1);
        rr = authority_refresh(c->s->authority);
        r = logged != 0 ? err(logged, "it is revoked, but the log could not be written") : rr;
        return r == 0 ? reply_json(c, json_pack("{s:I}", "revoked", (json_int_t)n)) : r;
}

int route_admin_revoke(struct call *c)
{
        CLEANUP(body_free) json_t *body = NULL;
        CLEANUP(buf_clear) struct buf serial = { 0 }, more = { 0 };
        struct decision d = { .event = AUDIT_REVOKE, .operation = "revoke" };
        struct db_whom whom = { 0 };
        enum crl_reason reason;
        int r;

        r = body_read(c->q->body, admin_members, &body);
        if (r == 0)
                r = read_whom(body, &serial, &whom);
        if (r == 0)
                r = read_reason(body, &reason);
        if (r == 0)
                r = buf_printf(&more, "serial=%s reason=%d", whom.serial != NULL ? body_text(body, "serial") : "-", (int)reason);
        if (r != 0)
                return r;
        d.host = whom.host;
        d.agent = whom.agent;
        d.more = buf_str(&more);
        return take_back(c, &d, &whom, reason);
}

/* --- By the host --- */

static const struct body_member host_members[] = {
        { .name = "host", .type = BODY_TEXT, .needed = true, .max = DB_HOST_MAX },
        { .name = "agent", .type = BODY_TEXT, .needed = true, .max = DB_AGENT_MAX },
        { .name = "evidence", .type = BODY_BYTES, .needed = true, .max = HF_EVIDENCE_MAX },
        { .name = "reason", .type = BODY_TEXT, .max = 32 },
        { .name = NULL },
};

/* A quote of PCR 0 in the bank of SHA-256 is enough: it says whose TPM asks, and for what. How that TPM stands is of no interest here. */
static int verify(struct call *c, const struct db_host *h, struct bytes evidence, const uint8_t challenge[NONCE_CHALLENGE])
{
        const struct hf_known_key ak = { { h->ak_name.v, h->ak_name.len }, h->assurance };
        const struct hf_evidence_policy p = {
                .flags = HF_WANT_HOST | HF_ALLOW_ANY_HIERARCHY | HF_ALLOW_CLOCK_UNSAFE, .challenge = { challenge, NONCE_CHALLENGE },
                .assurances = 1u << h->assurance, .known_keys = &ak, .n_known_keys = 1, .time = (int64_t)service_now(c->s),
                .pcr_hash = 0x000b, .pcrs = 1,
        };
        struct hf_evidence_result result;
        int r = hf_evidence_verify((struct hf_bytes){ evidence.ptr, evidence.len }, &p, &result);

        return is_refusal(r) ? err(ERR_DENIED, "%s", result.reason) : r;
}

/* Is it that host, and does it want this agent revoked? */
static int check_host(struct call *c, const json_t *body)
{
        CLEANUP(buf_clear) struct buf evidence = { 0 };
        const char *host = body_text(body, "host");
        uint8_t nonce[TALK_SECRET], challenge[NONCE_CHALLENGE];
        struct talk *talk = talk_of(c->q->state);
        struct db_host known;
        int r;

        r = body_bytes(body, "evidence", &evidence);
        if (r == 0 && talk == NULL)
                r = err(ERR_NOMEM, "out of memory");
        if (r != 0)
                return r;
        /* Whatever becomes of it, the nonce is used. */
        r = talk_nonce_take(talk, host, service_ticks(c->s), nonce);
        if (r != 0)
                return refused(c, "nonce", r);
        r = db_host_get(c->s->db, host, &known);
        if (r != 0)
                return refused(c, "host-unknown", r);
        if (known.state == DB_REVOKED)
                return refused(c, "revoked", err(ERR_DENIED, "the host %s was revoked, and all that it had", host));
        if (known.state != DB_ACTIVE)
                return refused(c, "host-pending", err(ERR_DENIED, "the host %s waits for an operator's approval", host));
        r = nonce_revoke_challenge(BYTES_STR(c->s->conf->url), BYTES_STR(body_text(body, "agent")), BYTES(nonce, sizeof(nonce)), challenge);
        return r == 0 ? refused(c, "evidence", verify(c, &known, BYTES_OF(&evidence), challenge)) : r;
}

int route_revoke(struct call *c)
{
        CLEANUP(body_free) json_t *body = NULL;
        CLEANUP(buf_clear) struct buf more = { 0 };
        struct decision d = { .event = AUDIT_REVOKE, .operation = "revoke", .anyones = true };
        struct db_whom whom = { 0 };
        enum crl_reason reason;
        int r;

        r = body_read(c->q->body, host_members, &body);
        if (r == 0)
                r = check_host_name(body_text(body, "host"));
        if (r == 0)
                r = check_agent_name(body_text(body, "agent"));
        if (r == 0)
                r = read_reason(body, &reason);
        if (r == 0)
                r = buf_printf(&more, "by=host reason=%d", (int)reason);
        if (r != 0)
                return r;
        d.host = whom.host = body_text(body, "host");
        d.agent = whom.agent = body_text(body, "agent");
        d.more = buf_str(&more);
        r = check_host(c, body);
        if (r != 0)
                return decision_refused(c, &d, r);
        d.anyones = false;
        return take_back(c, &d, &whom, reason);
}
