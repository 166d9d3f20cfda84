/* SPDX-License-Identifier: BSD-2-Clause */
/* GET /v1/admin/hosts, /agents, /credentials: what the issuer knows, as one array each. */
#include <stdio.h>
#include <string.h>
#include "issuer/http_target.h"
#include "issuer/profile.h"
#include "issuer/route.h"
#include "lib/err.h"

/* Query parameters that narrow a list: ?host=, ?agent=. */
struct narrow {
        struct buf host, agent;
        struct db_filter filter;
};

static void narrow_clear(struct narrow *n)
{
        buf_clear(&n->host);
        buf_clear(&n->agent);
}

static int narrow_read(const struct http_request *q, struct narrow *n)
{
        int r = http_query_get(q->query, "host", &n->host);

        if (r == 0)
                n->filter.host = buf_str(&n->host);
        if (r == 0 || r == ERR_NOENT)
                r = http_query_get(q->query, "agent", &n->agent);
        if (r == 0)
                n->filter.agent = buf_str(&n->agent);
        if (r != 0 && r != ERR_NOENT)
                return r;
        if (n->filter.agent != NULL && n->filter.host == NULL)
                return err(ERR_FORMAT, "an agent is named together with its host");
        return 0;
}

static json_t *hex(struct bytes b)
{
        CLEANUP(buf_clear) struct buf text = { 0 };

        return hex_encode(b, &text) == 0 ? json_octets(BYTES_OF(&text)) : NULL;
}

static json_t *kinds(unsigned what)
{
        json_t *list = json_array();

        for (size_t i = 0; i < CREDENTIALS; i++)
                if ((what & 1u << i) != 0)
                        json_array_append_new(list, json_string(profile_credential_name(i)));
        return list;
}

/* A list that is being written. */
struct listing {
        struct service *s;
        json_t *list;
};

static int append(const struct listing *l, json_t *o)
{
        return json_array_append_new(l->list, o) == 0 ? 0 : err(ERR_NOMEM, "out of memory");
}

static int add_host(const struct db_host *h, void *ctx)
{
        char firmware[20] = "";

        if (h->stood)
                snprintf(firmware, sizeof(firmware), "0x%016llx", (unsigned long long)h->standing.firmware);
        return append(ctx, json_pack("{s:s s:s s:s s:s s:s s:s s:s s:o s:o s:s s:I s:I s:I s:I s:s s:I}", "host", h->name, "state", db_state_name(h->state),
                                     "assurance", hf_assurance_name(h->assurance), "manufacturer", h->manufacturer, "vendor", h->vendor, "revision", h->revision,
                                     "audit", h->audit, "ek", hex(BYTES(h->ek_hash, DB_HASH_SIZE)), "ak_name", hex(BYTES(h->ak_name.v, h->ak_name.len)),
                                     "firmware", firmware, "joined", (json_int_t)h->joined, "seen", (json_int_t)h->seen,
                                     "ak_until", (json_int_t)h->ak_until, "revoked", (json_int_t)h->revoked, "reason", reason_word(h->reason),
                                     "record", (json_int_t)h->record));
}

static int add_kinds(const struct db_credential *c, void *ctx)
{
        *(unsigned *)ctx |= c->what;
        return 0;
}

/* What an agent has that is still good: the newest credential may be but one of them. */
static int good_kinds(struct service *s, const struct db_agent *a, unsigned *ret)
{
        const struct db_filter f = { .host = a->host, .agent = a->name, .state = DB_ACTIVE, .ends_after = service_now(s) };

        *ret = 0;
        return db_credential_list(s->db, &f, add_kinds, ret);
}

static int add_agent(const struct db_agent *a, void *ctx)
{
        const struct listing *l = ctx;
        unsigned what;
        int r = good_kinds(l->s, a, &what);

        if (r != 0)
                return r;
        return append(l, json_pack("{s:s s:s s:s s:s s:s s:o s:s s:s s:I s:I s:I s:o s:I s:s s:I}", "host", a->host, "agent", a->name,
                                     "state", db_state_name(a->state), "owner", a->owner, "key_kind", a->key_kind, "key_sha256", hex(BYTES(a->key_hash, DB_HASH_SIZE)),
                                     "profile", a->profile, "spiffe_id", a->spiffe_id, "first", (json_int_t)a->first, "last", (json_int_t)a->last,
                                     "not_after", (json_int_t)a->not_after, "credentials", kinds(what), "revoked", (json_int_t)a->revoked,
                                     "reason", reason_word(a->reason), "record", (json_int_t)a->record));
}

static int add_credential(const struct db_credential *c, void *ctx)
{
        return append(ctx, json_pack("{s:o s:s s:s s:o s:I s:I s:I s:I s:s}", "serial", hex(BYTES(c->serial, GRANT_SERIAL_SIZE)), "host", c->host,
                                     "agent", c->agent, "credentials", kinds(c->what), "record", (json_int_t)c->record, "issued", (json_int_t)c->issued,
                                     "not_after", (json_int_t)c->not_after, "revoked", (json_int_t)c->revoked, "reason", reason_word(c->reason)));
}

typedef int lister(struct db *db, const struct db_filter *f, struct listing *l);

static int list_hosts(struct db *db, const struct db_filter *f, struct listing *l)
{
        return db_host_list(db, f, add_host, l);
}

static int list_agents(struct db *db, const struct db_filter *f, struct listing *l)
{
        return db_agent_list(db, f, add_agent, l);
}

static int list_credentials(struct db *db, const struct db_filter *f, struct listing *l)
{
        return db_credential_list(db, f, add_credential, l);
}

static int reply_list(struct call *c, lister *list)
{
        CLEANUP(narrow_clear) struct narrow n = { .filter.ends_after = service_now(c->s) };
        struct listing l = { .s = c->s };
        int r = narrow_read(c->q, &n);

        if (r != 0)
                return r;
        l.list = json_array();
        r = list(c->s->db, &n.filter, &l);
        if (r == 0)
                return reply_json(c, l.list);
        json_decref(l.list);
        return r;
}

int route_admin_hosts(struct call *c)
{
        return reply_list(c, list_hosts);
}

int route_admin_agents(struct call *c)
{
        return reply_list(c, list_agents);
}

int route_admin_credentials(struct call *c)
{
        return reply_list(c, list_credentials);
}
