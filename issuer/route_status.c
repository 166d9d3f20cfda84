/* SPDX-License-Identifier: BSD-2-Clause */
/* GET /v1/admin/status: is the issuer well, and how much does it know? */
#include <string.h>
#include "config.h"
#include "issuer/route.h"
#include "lib/err.h"

static int add_key(void *ctx, const struct authority_key *k)
{
        json_t *o = json_pack("{s:s s:i s:s s:I s:I s:I s:I}", "use", authority_use_name(k->use), "number", (int)k->number, "where", k->where,
                              "published", (json_int_t)k->published, "from", (json_int_t)k->from, "until", (json_int_t)k->until, "ends", (json_int_t)k->ends);

        return json_array_append_new(ctx, o) == 0 ? 0 : err(ERR_NOMEM, "out of memory");
}

int route_admin_status(struct call *c)
{
        const struct authority_options o = { .dir = c->s->conf->directory, .longest_life = c->s->conf->ak_life };
        const int ready = service_ready(c->s);
        json_t *why = ready == 0 ? NULL : json_string(err_text());
        struct ledger_state log;
        struct db_counts n = { 0 };
        json_t *keys = json_array(), *doc;
        int r = authority_keys(&o, add_key, keys);

        if (r == 0 && ready == 0)
                r = db_count(c->s->db, &n);
        if (r != 0) {
                json_decref(keys);
                return r;
        }
        ledger_state(c->s->ledger, &log);
        doc = json_pack("{s:s s:s s:s s:b s:o* s:s s:{s:I s:I s:I} s:o s:{s:I s:I s:I} s:{s:I s:I} s:I}", "version", PACKAGE_VERSION, "trust_domain",
                        c->s->conf->trust_domain, "url", c->s->conf->url, "ready", ready == 0, "why", why, "db", db_kind(c->s->db), "log", "number",
                        (json_int_t)log.log, "records", (json_int_t)log.records, "since_checkpoint", (json_int_t)log.since, "keys", keys, "hosts", "all",
                        (json_int_t)n.hosts, "pending", (json_int_t)n.hosts_pending, "revoked", (json_int_t)n.hosts_revoked, "agents", "all",
                        (json_int_t)n.agents, "revoked", (json_int_t)n.agents_revoked, "credentials", (json_int_t)n.credentials);
        return reply_json(c, doc);
}
