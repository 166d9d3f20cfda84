/* SPDX-License-Identifier: BSD-2-Clause */
/* May this credential be given out, and what is taken back? */
#include <string.h>
#include "issuer/db_ops.h"
#include "lib/err.h"

/* ---- agents ---- */

struct agent_row {
        int64_t id;
        struct db_agent a;
};

static int agent_row(const struct db_value *v, void *ctx)
{
        struct agent_row *row = ctx;
        int r;

        memset(&row->a, 0, sizeof(row->a));
        row->id = v[0].i;
        r = DB_TEXT(row->a.host, v[1].b);
        return r != 0 ? r : db_get_agent(v + 2, &row->a);
}

static int agent_find(struct db_tx *tx, const char *host, const char *agent, struct agent_row *ret)
{
        struct db_query q = { .statement = DB_AGENT_GET };

        db_put_str(&q, host);
        db_put_str(&q, agent);
        return db_run_one(tx, &q, agent_row, ret);
}

static int agent_update(struct db_tx *tx, const struct agent_row *row)
{
        struct db_query q = { .statement = DB_AGENT_UPDATE };

        db_put_agent(&q, &row->a);
        db_put_int(&q, row->id);
        return db_run(tx, &q, NULL, NULL);
}

static int agent_insert(struct db_tx *tx, int64_t host, const struct db_agent *a, int64_t *ret_id)
{
        struct db_query q = { .statement = DB_AGENT_INSERT };

        db_put_int(&q, host);
        db_put_agent(&q, a);
        return db_run_number(tx, &q, ret_id);
}

static int no_agent(int r, const char *host, const char *agent)
{
        return r == ERR_NOENT ? err(r, "there is no agent %s on host %s", agent, host) : r;
}

static int check_names(const char *host, const char *agent)
{
        int r = db_check_name("the host's name", host, DB_HOST_MAX);

        return r != 0 ? r : db_check_name("the agent's name", agent, DB_AGENT_MAX);
}

struct agent_get {
        const char *host, *agent;
        enum db_state state;
        struct agent_row row;
};

static int agent_get_tx(struct db_tx *tx, void *ctx)
{
        struct agent_get *g = ctx;

        return agent_find(tx, g->host, g->agent, &g->row);
}

int db_agent_get(struct db *db, const char *host, const char *agent, struct db_agent *ret)
{
        struct agent_get g = { .host = host, .agent = agent };
        int r;

        r = check_names(host, agent);
        if (r == 0)
                r = no_agent(db_read(db, agent_get_tx, &g), host, agent);
        if (r == 0)
                *ret = g.row.a;
        return r;
}

static int agent_state_tx(struct db_tx *tx, void *ctx)
{
        struct agent_get *g = ctx;
        int r;

        r = db_hold_host(tx, g->host);
        if (r == 0)
                r = agent_find(tx, g->host, g->agent, &g->row);
        if (r != 0)
                return no_agent(r, g->host, g->agent);
        g->row.a.state = g->state;
        g->row.a.revoked = 0;
        g->row.a.reason = CRL_UNSPECIFIED;
        return agent_update(tx, &g->row);
}

int db_agent_state(struct db *db, const char *host, const char *agent, enum db_state state)
{
        struct agent_get g = { .host = host, .agent = agent, .state = state };
        int r;

        if (state != DB_PENDING && state != DB_ACTIVE)
                return err(ERR_INVAL, "an agent is revoked by a revocation");
        r = check_names(host, agent);
        return r != 0 ? r : db_write(db, agent_state_tx, &g);
}

/* ---- credentials ---- */

/* What stands in the way of a credential, or has to be written with it. */
struct look {
        int64_t host, agent;            /* ids; agent 0: none yet */
        enum db_state host_state, agent_state;
        struct db_name ak;
        bool stood;
        struct hf_standing standing;
};

static int look_row(const struct db_value *v, void *ctx)
{
        struct look *l = ctx;

        l->host = v[0].i;
        l->host_state = (enum db_state)v[1].i;
        if (v[2].b.len > sizeof(l->ak.v))
                return err(ERR_FORMAT, "the database holds a name of an AK that is too long");
        if (v[2].b.len > 0)
                memcpy(l->ak.v, v[2].b.ptr, v[2].b.len);
        l->ak.len = v[2].b.len;
        l->stood = v[3].i != 0;
        l->standing = (struct hf_standing){ .clock_ms = (uint64_t)v[4].i, .resets = (uint32_t)v[5].i, .restarts = (uint32_t)v[6].i };
        l->agent = v[7].i;
        l->agent_state = (enum db_state)v[8].i;
        return 0;
}

static int look(struct db_tx *tx, const char *host, const char *agent, struct look *ret)
{
        struct db_query q = { .statement = DB_CREDENTIAL_LOOK };
        int r;

        db_put_str(&q, host);
        db_put_str(&q, agent);
        r = db_hold_host(tx, host);
        if (r == 0)
                r = db_run_one(tx, &q, look_row, ret);
        return r == ERR_NOENT ? err(r, "there is no host %s", host) : r;
}

/* <0: a is before b. Restarts count from the last reset; with one the clock may lose time (TPM 2.0 Part 1, 36). */
static int earlier(const struct hf_standing *a, const struct hf_standing *b)
{
        if (a->resets != b->resets)
                return a->resets < b->resets ? -1 : 1;
        if (a->restarts != b->restarts)
                return a->restarts < b->restarts ? -1 : 1;
        return a->clock_ms < b->clock_ms ? -1 : a->clock_ms > b->clock_ms;
}

struct credential_add {
        const struct db_credential *c;
        const struct db_agent *a;
        const struct db_name *ak;
        const struct hf_standing *standing;
};

static int refuse(const struct credential_add *add, const struct look *l)
{
        const struct hf_standing *now = add->standing, *then = &l->standing;
        const struct db_agent *a = add->a;

        if (l->host_state != DB_ACTIVE)
                return err(ERR_DENIED, "host %s %s", a->host, l->host_state == DB_REVOKED ? "is revoked" : "waits for approval");
        if (l->agent != 0 && l->agent_state != DB_ACTIVE)
                return err(ERR_DENIED, "agent %s on host %s %s", a->name, a->host, l->agent_state == DB_REVOKED ? "is revoked" : "waits for approval");
        if (add->ak && (add->ak->len != l->ak.len || memcmp(add->ak->v, l->ak.v, l->ak.len) != 0))
                return err(ERR_STALE, "host %s has joined with another attestation key meanwhile", a->host);
        if (!now || !l->stood || earlier(now, then) >= 0)
                return 0;
        if (now->resets == then->resets && now->restarts == then->restarts && then->clock_ms - now->clock_ms <= DB_OVERTAKE_MS)
                return 0;
        return err(ERR_STALE, "the TPM of host %s stands before where it stood already: it was set back, or is another", a->host);
}

/* The agent's row as this credential leaves it. */
static int put_agent(struct db_tx *tx, const struct credential_add *add, const struct look *l, int64_t *ret_id)
{
        struct db_query q = { .statement = DB_AGENT_RENEW };
        const struct db_credential *c = add->c;
        struct db_agent a;

        if (l->agent == 0) {
                a = *add->a;
                a.state = DB_ACTIVE;
                a.first = a.last = c->issued;
                a.not_after = c->not_after;
                a.what = c->what;
                a.record = c->record;
                a.revoked = 0;
                a.reason = CRL_UNSPECIFIED;
                return agent_insert(tx, l->host, &a, ret_id);
        }
        *ret_id = l->agent;
        db_put_int(&q, l->agent);
        db_put_str(&q, add->a->owner);
        db_put_str(&q, add->a->key_label);
        db_put_str(&q, add->a->key_kind);
        db_put_blob(&q, add->a->key_hash, DB_HASH_SIZE);
        db_put_str(&q, add->a->profile);
        db_put_str(&q, add->a->spiffe_id);
        db_put_int(&q, (int64_t)c->issued);
        db_put_int(&q, (int64_t)c->not_after);
        db_put_int(&q, c->what);
        db_put_int(&q, (int64_t)c->record);
        return db_run(tx, &q, NULL, NULL);
}

static int put_standing(struct db_tx *tx, const struct credential_add *add, const struct look *l)
{
        const struct hf_standing *now = add->standing;
        const bool later = now && (!l->stood || earlier(now, &l->standing) > 0);
        struct db_query q = { .statement = later ? DB_HOST_STANDS : DB_HOST_SEEN };

        db_put_int(&q, l->host);
        db_put_int(&q, (int64_t)add->c->issued);
        if (later) {
                db_put_int(&q, (int64_t)now->clock_ms);
                db_put_int(&q, now->resets);
                db_put_int(&q, now->restarts);
                db_put_int(&q, (int64_t)now->firmware);
        }
        return db_run(tx, &q, NULL, NULL);
}

static int find_serial(struct db_tx *tx, const uint8_t *serial, db_row_fn *row, void *ctx)
{
        struct db_query q = { .statement = DB_CREDENTIAL_GET };

        db_put_blob(&q, serial, GRANT_SERIAL_SIZE);
        return db_run_one(tx, &q, row, ctx);
}

static int credential_add_tx(struct db_tx *tx, void *ctx)
{
        const struct credential_add *add = ctx;
        struct db_query q = { .statement = DB_CREDENTIAL_INSERT };
        struct db_credential c = *add->c;
        struct look l;
        int64_t agent;
        int r;

        r = look(tx, add->a->host, add->a->name, &l);
        /* Serial numbers are random: if it is there, it is from the try whose outcome got lost, and which no longer holds the host's row. */
        if (r == 0 && tx->again) {
                r = find_serial(tx, c.serial, NULL, NULL);
                if (r != ERR_NOENT)
                        return r;
                r = 0;
        }
        if (r == 0)
                r = refuse(add, &l);
        if (r == 0)
                r = put_agent(tx, add, &l, &agent);
        if (r != 0)
                return r;
        c.revoked = 0;
        c.reason = CRL_UNSPECIFIED;
        db_put_int(&q, agent);
        db_put_credential(&q, &c);
        r = db_run(tx, &q, NULL, NULL);
        return r != 0 ? r : put_standing(tx, add, &l);
}

int db_credential_add(struct db *db, const struct db_credential *c, const struct db_agent *a, const struct db_name *ak, const struct hf_standing *standing)
{
        struct credential_add add = { .c = c, .a = a, .ak = ak, .standing = standing };
        struct db_agent checked;
        int r;

        /* The caller need not fill in what is c's and ours. */
        checked = *a;
        checked.state = DB_ACTIVE;
        checked.first = checked.last = checked.not_after = checked.record = checked.revoked = 0;
        r = db_check_agent(&checked);
        if (r == 0)
                r = check_names(a->host, a->name);
        if (r == 0)
                r = db_check_credential(c);
        if (r == 0 && c->issued == 0)
                r = err(ERR_INVAL, "a credential for agent %s is issued at no time", a->name);
        return r != 0 ? r : db_write(db, credential_add_tx, &add);
}

static int credential_row(const struct db_value *v, void *ctx)
{
        struct db_credential *c = ctx;
        int r;

        memset(c, 0, sizeof(*c));
        r = DB_TEXT(c->host, v[0].b);
        if (r == 0)
                r = DB_TEXT(c->agent, v[1].b);
        return r != 0 ? r : db_get_credential(v + 2, c);
}

static int credential_get_tx(struct db_tx *tx, void *ctx)
{
        struct db_credential *c = ctx;
        uint8_t serial[GRANT_SERIAL_SIZE];

        memcpy(serial, c->serial, sizeof(serial));
        return find_serial(tx, serial, credential_row, c);
}

int db_credential_get(struct db *db, const uint8_t serial[GRANT_SERIAL_SIZE], struct db_credential *ret)
{
        struct db_credential c;
        int r;

        memcpy(c.serial, serial, sizeof(c.serial));
        r = db_read(db, credential_get_tx, &c);
        if (r == ERR_NOENT)
                return err(r, "there is no credential with this serial number, or it ended long ago");
        if (r == 0)
                *ret = c;
        return r;
}

/* ---- an agent before its first credential ---- */

static int agent_put_tx(struct db_tx *tx, void *ctx)
{
        struct agent_get *g = ctx;
        struct db_agent *a = &g->row.a;
        struct look l;
        int64_t id;
        int r;

        r = look(tx, a->host, a->name, &l);
        if (r != 0)
                return r;
        g->state = l.agent_state;
        if (l.agent != 0)
                return 0;
        g->state = a->state;
        return agent_insert(tx, l.host, a, &id);
}

int db_agent_put(struct db *db, const struct db_agent *a, enum db_state *ret_state)
{
        struct agent_get g = { .row.a = *a };
        int r;

        if (a->state != DB_PENDING && a->state != DB_ACTIVE)
                return err(ERR_INVAL, "an agent is put as active or pending");
        g.row.a.revoked = 0;
        g.row.a.reason = CRL_UNSPECIFIED;
        r = db_check_agent(a);
        if (r == 0)
                r = check_names(a->host, a->name);
        if (r == 0)
                r = db_write(db, agent_put_tx, &g);
        if (r == 0 && ret_state)
                *ret_state = g.state;
        return r;
}
