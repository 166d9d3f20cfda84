/* SPDX-License-Identifier: BSD-2-Clause */
/* GET /v1/host/HOST/agent/AGENT/policy: what evidence would have to hold, so that a host need not guess. */
#include "issuer/http_target.h"
#include "issuer/joining.h"
#include "issuer/profile.h"
#include "lib/alg.h"
#include "lib/err.h"

enum { SEGMENT_HOST = 2, SEGMENT_AGENT = 4 };

static json_t *words(const struct words *w)
{
        json_t *list = json_array();

        for (size_t i = 0; i < w->n; i++)
                json_array_append_new(list, json_string(w->v[i]));
        return list;
}

static json_t *pcrs(uint32_t bits)
{
        json_t *list = json_array();

        for (int i = 0; i < HF_PCRS; i++)
                if ((bits & UINT32_C(1) << i) != 0)
                        json_array_append_new(list, json_integer(i));
        return list;
}

static json_t *credentials(unsigned bits)
{
        json_t *list = json_array();

        for (size_t i = 0; i < CREDENTIALS; i++)
                if ((bits & 1u << i) != 0)
                        json_array_append_new(list, json_string(profile_credential_name(i)));
        return list;
}

static const char *hash_word(const struct profile *p)
{
        static const char *const names[] = { "sha256", "sha384", "sha512" };

        return names[p->pcr_hash];
}

json_t *policy_json(const struct profile *p)
{
        struct hf_evidence_policy policy;

        profile_policy(p, &policy);
        return json_pack("{s:s s:s s:o s:b s:b s:b s:b s:o s:o s:I s:I}", "profile", p->name, "pcr_hash", hash_word(p), "pcrs", pcrs(p->pcrs),
                         "event_log", policy.replayed != 0, "ima", policy.ima_pcr != 0, "process", (policy.flags & HF_WANT_PROCESS) != 0,
                         "log", p->log, "credentials", credentials(p->credentials), "audiences", words(&p->audiences),
                         "life", (json_int_t)p->life, "grace", (json_int_t)p->grace);
}

int route_policy(struct call *c)
{
        CLEANUP(buf_clear) struct buf host = { 0 }, agent = { 0 }, name = { 0 };
        const struct profile *p = NULL;
        struct db_host known;
        int r;

        r = http_path_segment(c->q->path, SEGMENT_HOST, &host);
        if (r == 0)
                r = http_path_segment(c->q->path, SEGMENT_AGENT, &agent);
        if (r == 0 && (buf_str(&host) == NULL || buf_str(&agent) == NULL))
                r = err(ERR_NOMEM, "out of memory");
        if (r == 0)
                r = check_host_name(buf_str(&host));
        if (r == 0)
                r = check_agent_name(buf_str(&agent));
        if (r != 0)
                return r;
        r = http_query_get(c->q->query, "profile", &name);
        if (r != 0 && r != ERR_NOENT)
                return r;
        r = db_host_get(c->s->db, buf_str(&host), &known);
        if (r != 0)
                return refused(c, "host-unknown", r);
        r = profile_find(c->s->conf, buf_str(&host), buf_str(&agent), known.assurance, name.len > 0 ? buf_str(&name) : NULL, &p);
        return r == 0 ? reply_json(c, policy_json(p)) : refused(c, "profile", r);
}
