/* SPDX-License-Identifier: BSD-2-Clause */
/* Writes down what is granted, and then grants it. */
#include "issuer/issue.h"
#include <string.h>
#include <time.h>
#include "issuer/cred_jwt.h"
#include "issuer/cred_ssh.h"
#include "issuer/cred_x509.h"
#include "lib/crypto.h"
#include "lib/cryptoki.h"
#include "lib/err.h"
#include "lib/pem.h"

void issue_clear(struct issue *i)
{
        profile_grant_clear(&i->grant);
        buf_clear(&i->x509);
        buf_clear(&i->jwt);
        buf_clear(&i->ssh_user);
        buf_clear(&i->ssh_host);
}

json_t *issue_checks(const struct hf_evidence_result *r)
{
        static const char *const outcomes[] = { "none", "passed", "failed" };
        json_t *list = json_array();

        for (unsigned i = 0; list != NULL && i < HF_CHECKS; i++) {
                if (r->checks[i].outcome == HF_OUTCOME_NONE)
                        continue;
                if (json_array_append_new(list, json_pack("{s:s s:s s:s}", "check", hf_check_name((enum hf_check)i), "outcome", outcomes[r->checks[i].outcome],
                                                          "text", r->checks[i].text)) != 0) {
                        json_decref(list);
                        return NULL;
                }
        }
        return list;
}

int issue_grant(struct call *c, struct issue *i, unsigned want, const char *audience)
{
        const struct profile_who who = {
                .host = i->host, .agent = i->agent, .owner = BYTES(i->result.owner.ptr, i->result.owner.len),
                .spki = BYTES(i->result.key_spki, i->result.key_spki_len), .want = want, .audience = audience, .now = service_now(c->s),
        };
        int r;

        r = profile_grant(i->profile, &who, c->s->conf, &i->grant);
        if (r == 0)
                r = grant_serial(i->grant.g.serial);
        return r;
}

/* --- Record and database --- */

static int describe(const struct issue *i, const char *serial, struct buf *ret)
{
        const struct grant *g = &i->grant.g;
        int r;

        r = buf_printf(ret, "spiffe-id=%.*s serial=%s until=%llu assurance=%s", (int)g->spiffe_id.len, (const char *)g->spiffe_id.ptr, serial,
                       (unsigned long long)g->not_after, hf_assurance_name(i->result.assurance));
        for (size_t k = 0; r == 0 && k < CREDENTIALS; k++)
                if ((i->grant.credentials & 1u << k) != 0)
                        r = buf_printf(ret, " %s", profile_credential_name(k));
        if (r == 0 && g->audience.len > 0)
                r = buf_printf(ret, " audience=%.*s", (int)g->audience.len, (const char *)g->audience.ptr);
        return r == 0 && buf_str(ret) == NULL ? err(ERR_NOMEM, "out of memory") : r;
}

static int note(struct call *c, struct issue *i, int r, uint64_t *ret_record)
{
        CLEANUP(buf_clear) struct buf serial = { 0 }, more = { 0 };
        struct decision d = {
                .event = AUDIT_ISSUE, .host = i->host, .agent = i->agent, .operation = "issue", .rule = i->profile->name,
                .owner = i->grant.g.owner, .key_public = BYTES(i->result.key_public.ptr, i->result.key_public.len),
        };
        int rr;

        rr = hex_encode(BYTES(i->grant.g.serial, GRANT_SERIAL_SIZE), &serial);
        if (rr == 0 && buf_str(&serial) == NULL)
                rr = err(ERR_NOMEM, "out of memory");
        if (rr == 0)
                rr = describe(i, buf_str(&serial), &more);
        d.more = buf_str(&more);
        return rr == 0 ? decision_note(c, &d, r, ret_record) : rr;
}

static int fill_rows(const struct issue *i, const struct granted *granted, struct db_credential *credential, struct db_agent *agent)
{
        const struct grant *g = &i->grant.g;
        const struct bytes spki = g->spki;
        char kind[DB_WORD_MAX];
        int r;

        *credential = (struct db_credential){ .what = i->grant.credentials, .record = g->record, .issued = g->issued, .not_after = g->not_after };
        memcpy(credential->serial, g->serial, GRANT_SERIAL_SIZE);
        *agent = (struct db_agent){ .state = DB_ACTIVE };
        if (granted->key.ckk == CKK_RSA)
                snprintf(kind, sizeof(kind), "RSA-%zu", pk_bits(BYTES_OF(&granted->key.n)));
        else
                snprintf(kind, sizeof(kind), "%s", granted->key.curve->name);
        r = DB_TEXT(agent->host, BYTES_STR(i->host));
        if (r == 0)
                r = DB_TEXT(agent->name, BYTES_STR(i->agent));
        if (r == 0)
                r = DB_TEXT(agent->owner, g->owner);
        if (r == 0)
                r = DB_TEXT(agent->key_kind, BYTES_STR(kind));
        if (r == 0)
                r = DB_TEXT(agent->profile, BYTES_STR(i->profile->name));
        if (r == 0)
                r = DB_TEXT(agent->spiffe_id, g->spiffe_id);
        return r == 0 ? crypto_hash(hash_by_name("SHA256"), &spki, 1, agent->key_hash) : r;
}

static int put(struct call *c, struct issue *i, const struct granted *granted)
{
        struct db_credential credential;
        struct db_agent agent;
        struct timespec start;
        int r;

        r = fill_rows(i, granted, &credential, &agent);
        if (r != 0)
                return r;
        clock_gettime(CLOCK_MONOTONIC, &start);
        r = db_credential_add(c->s->db, &credential, &agent, &i->known.ak_name, &i->result.standing);
        metrics_seconds(c->s->metrics, METRIC_COMMIT_SECONDS, "database", seconds_since(&start));
        if (r == ERR_NOENT)
                return refused(c, "host-unknown", r);
        return r == ERR_DENIED ? refused(c, "revoked", r) : r;
}

/* --- The credentials --- */

static int write_x509(const struct authority_view *v, const struct granted *g, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf der = { 0 };
        int r = cred_x509(v->x509, g, &der);

        return r == 0 ? pem_encode("CERTIFICATE", BYTES(NULL, 0), BYTES_OF(&der), ret) : r;
}

static int write_all(const struct authority_view *v, const struct granted *g, struct issue *i)
{
        const unsigned what = i->grant.credentials;
        int r = 0;

        if ((what & CREDENTIAL_X509) != 0)
                r = write_x509(v, g, &i->x509);
        if (r == 0 && (what & CREDENTIAL_JWT) != 0)
                r = cred_jwt(v->jwt, g, &i->jwt);
        if (r == 0 && (what & CREDENTIAL_SSH_USER) != 0)
                r = cred_ssh(v->ssh, g, SSH_CERT_USER, &i->ssh_user);
        if (r == 0 && (what & CREDENTIAL_SSH_HOST) != 0)
                r = cred_ssh(v->ssh, g, SSH_CERT_HOST, &i->ssh_host);
        return r;
}

int issue_give(struct call *c, struct issue *i, const struct authority_view *v)
{
        CLEANUP(granted_clear) struct granted granted = { 0 };
        const uint64_t end = x509_ca_not_after(v->x509);
        struct grant *g = &i->grant.g;
        int r;

        r = x509_ca_check_time(v->x509, g->issued);
        if (r != 0)
                return r;
        g->not_after = g->not_after < end ? g->not_after : end;
        r = grant_check(g, BYTES_STR(c->s->conf->trust_domain), &granted);
        if (r != 0)
                return refused(c, "profile", r);
        r = note(c, i, 0, &g->record);
        if (r != 0)
                return r;
        r = put(c, i, &granted);
        if (r == 0)
                r = write_all(v, &granted, i);
        /* What was decided is in the log: that nothing came of it must be, too. */
        if (r != 0) {
                note(c, i, r, NULL);
                return r;
        }
        for (size_t k = 0; k < CREDENTIALS; k++)
                if ((i->grant.credentials & 1u << k) != 0)
                        metrics_count(c->s->metrics, METRIC_ISSUED, profile_credential_name(k), NULL, 1);
        return 0;
}
