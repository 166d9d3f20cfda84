/* SPDX-License-Identifier: BSD-2-Clause */
/* Who is a host, and which join token makes one? */
#include <inttypes.h>
#include <string.h>
#include "issuer/db_ops.h"
#include "lib/err.h"

/* ---- one host ---- */

struct host_row {
        int64_t id;
        struct db_host h;
};

static int host_row(const struct db_value *v, void *ctx)
{
        struct host_row *row = ctx;

        memset(&row->h, 0, sizeof(row->h));
        row->id = v[0].i;
        return db_get_host(v + 1, &row->h);
}

static int host_find(struct db_tx *tx, enum db_statement s, const char *name, struct host_row *ret)
{
        struct db_query q = { .statement = s };

        db_put_str(&q, name);
        return db_run_one(tx, &q, host_row, ret);
}

static int host_update(struct db_tx *tx, const struct host_row *row)
{
        struct db_query q = { .statement = DB_HOST_UPDATE };

        db_put_host(&q, &row->h);
        db_put_int(&q, row->id);
        return db_run(tx, &q, NULL, NULL);
}

static int no_host(int r, const char *name)
{
        return r == ERR_NOENT ? err(r, "there is no host %s", name) : r;
}

struct host_get {
        const char *name;
        struct host_row row;
};

static int host_get_tx(struct db_tx *tx, void *ctx)
{
        struct host_get *g = ctx;

        return host_find(tx, DB_HOST_GET, g->name, &g->row);
}

int db_host_get(struct db *db, const char *name, struct db_host *ret)
{
        struct host_get g = { .name = name };
        int r;

        r = db_check_name("the host's name", name, DB_HOST_MAX);
        if (r == 0)
                r = no_host(db_read(db, host_get_tx, &g), name);
        if (r == 0)
                *ret = g.row.h;
        return r;
}

struct host_look {
        const char *name, *agent;
        struct host_row row;
        enum db_state state;
};

static int look_row(const struct db_value *v, void *ctx)
{
        struct host_look *l = ctx;

        l->state = (enum db_state)v[DB_HOST_FIELDS + 1].i;
        return host_row(v, &l->row);
}

static int host_look_tx(struct db_tx *tx, void *ctx)
{
        struct host_look *l = ctx;
        struct db_query q = { .statement = DB_HOST_LOOK };

        db_put_str(&q, l->name);
        db_put_str(&q, l->agent);
        return db_run_one(tx, &q, look_row, l);
}

int db_host_look(struct db *db, const char *name, const char *agent, struct db_host *ret, enum db_state *ret_agent)
{
        struct host_look l = { .name = name, .agent = agent };
        int r;

        r = db_check_name("the host's name", name, DB_HOST_MAX);
        if (r == 0)
                r = db_check_name("the agent's name", agent, DB_AGENT_MAX);
        if (r == 0)
                r = no_host(db_read(db, host_look_tx, &l), name);
        if (r != 0)
                return r;
        *ret = l.row.h;
        *ret_agent = l.state;
        return 0;
}

struct host_state {
        const char *name;
        enum db_state state;
};

static int host_state_tx(struct db_tx *tx, void *ctx)
{
        const struct host_state *s = ctx;
        struct host_row row;
        int r;

        r = host_find(tx, DB_HOST_LOCK, s->name, &row);
        if (r != 0)
                return no_host(r, s->name);
        row.h.state = s->state;
        row.h.revoked = 0;
        row.h.reason = CRL_UNSPECIFIED;
        return host_update(tx, &row);
}

int db_host_state(struct db *db, const char *name, enum db_state state)
{
        struct host_state s = { .name = name, .state = state };
        int r;

        if (state != DB_PENDING && state != DB_ACTIVE)
                return err(ERR_INVAL, "a host is revoked by a revocation");
        r = db_check_name("the host's name", name, DB_HOST_MAX);
        return r != 0 ? r : db_write(db, host_state_tx, &s);
}

/* ---- tokens ---- */

struct token_row {
        char host[DB_HOST_MAX + 1];
        uint64_t until, used;
};

static int token_row(const struct db_value *v, void *ctx)
{
        struct token_row *t = ctx;
        int r;

        r = DB_TEXT(t->host, v[0].b);
        t->until = (uint64_t)v[1].i;
        t->used = (uint64_t)v[2].i;
        return r;
}

static int token_find(struct db_tx *tx, enum db_statement s, const uint8_t *hash, struct token_row *ret)
{
        struct db_query q = { .statement = s };

        db_put_blob(&q, hash, DB_HASH_SIZE);
        return db_run_one(tx, &q, token_row, ret);
}

static int token_insert_tx(struct db_tx *tx, void *ctx)
{
        const struct db_token *t = ctx;
        struct db_query q = { .statement = DB_TOKEN_INSERT };
        struct token_row have;
        int r;

        db_put_token(&q, t);
        r = db_run_one(tx, &q, NULL, NULL);
        if (r == ERR_NOENT && tx->again && token_find(tx, DB_TOKEN_GET, t->hash, &have) == 0 && strcmp(have.host, t->host) == 0 && have.until == t->until)
                return 0;
        return r == ERR_NOENT ? err(ERR_EXIST, "there is such a token already") : r;
}

int db_token_add(struct db *db, const struct db_token *t)
{
        struct db_token copy;
        int r = db_check_token(t);

        if (r != 0)
                return r;
        copy = *t;
        return db_write(db, token_insert_tx, &copy);
}

static int token_remove_tx(struct db_tx *tx, void *ctx)
{
        struct db_query q = { .statement = DB_TOKEN_DELETE };
        int r;

        db_put_blob(&q, ctx, DB_HASH_SIZE);
        r = db_run_one(tx, &q, NULL, NULL);
        /* It is gone, whoever did it. */
        if (r == ERR_NOENT)
                return tx->again ? 0 : err(r, "there is no such token");
        return r;
}

int db_token_remove(struct db *db, const uint8_t hash[DB_HASH_SIZE])
{
        uint8_t copy[DB_HASH_SIZE];

        memcpy(copy, hash, sizeof(copy));
        return db_write(db, token_remove_tx, copy);
}

/* ---- joining ---- */

struct join {
        const struct db_host *h;
        const uint8_t *token;
        struct host_row row;            /* as it is then */
};

/* ERR_NOENT: somebody has used it since we looked, maybe this very host. */
static int token_use(struct db_tx *tx, const struct join *j, bool known)
{
        struct db_query q = { .statement = DB_TOKEN_USE };
        struct token_row t;
        int r;

        r = token_find(tx, DB_TOKEN_LOCK, j->token, &t);
        if (r == ERR_NOENT)
                return err(ERR_DENIED, "host %s came with a join token that is not known", j->h->name);
        if (r != 0)
                return r;
        if (strcmp(t.host, j->h->name) != 0)
                return err(ERR_DENIED, "host %s came with the join token of %s", j->h->name, t.host);
        if (t.used != 0 && known)
                return 0;
        if (t.used != 0)
                return err(ERR_NOENT, "host %s came with a join token that was used up at %" PRIu64, j->h->name, t.used);
        if (j->h->joined >= t.until)
                return err(ERR_DENIED, "host %s came with a join token that ended at %" PRIu64, j->h->name, t.until);
        db_put_blob(&q, j->token, DB_HASH_SIZE);
        db_put_int(&q, (int64_t)j->h->joined);
        return db_run(tx, &q, NULL, NULL);
}

static bool same_name(const struct db_name *a, const struct db_name *b)
{
        return a->len == b->len && memcmp(a->v, b->v, a->len) == 0;
}

static int join_known(struct db_tx *tx, struct join *j)
{
        const struct db_host *h = j->h;
        struct db_host *now = &j->row.h;
        const struct db_host before = *now;
        int r;

        if (memcmp(before.ek_hash, h->ek_hash, DB_HASH_SIZE) != 0)
                return err(ERR_FOREIGN, "host %s is known with the endorsement key of another TPM", h->name);
        if (before.state == DB_REVOKED)
                return err(ERR_DENIED, "host %s is revoked", h->name);
        if (before.state == DB_PENDING && j->token) {
                r = token_use(tx, j, true);
                if (r != 0)
                        return r;
        }
        *now = *h;
        now->joined = before.joined;
        now->seen = h->joined > before.seen ? h->joined : before.seen;
        now->state = before.state == DB_ACTIVE ? DB_ACTIVE : h->state;
        now->revoked = 0;
        now->reason = CRL_UNSPECIFIED;
        now->stood = before.stood && same_name(&before.ak_name, &h->ak_name);
        now->standing = now->stood ? before.standing : (struct hf_standing){ 0 };
        return host_update(tx, &j->row);
}

static int name_row(const struct db_value *v, void *ctx)
{
        struct db_host *h = ctx;

        return DB_TEXT(h->name, v[0].b);
}

/* ERR_NOENT: somebody else joins at the same time, under the name or with the EK or the token. */
static int join_new(struct db_tx *tx, struct join *j)
{
        struct db_query ek = { .statement = DB_HOST_BY_EK }, q = { .statement = DB_HOST_INSERT };
        struct db_host *now = &j->row.h, same;
        int r;

        db_put_blob(&ek, j->h->ek_hash, DB_HASH_SIZE);
        r = db_run_one(tx, &ek, name_row, &same);
        if (r == 0 && strcmp(same.name, j->h->name) == 0)
                return err(ERR_NOENT, "host %s joins from many sides at once", j->h->name);
        if (r == 0)
                return err(ERR_FOREIGN, "the TPM of host %s is known as host %s", j->h->name, same.name);
        if (r != ERR_NOENT)
                return r;
        if (j->token) {
                r = token_use(tx, j, false);
                if (r != 0)
                        return r;
        }
        *now = *j->h;
        now->seen = now->joined;
        now->stood = false;
        now->standing = (struct hf_standing){ 0 };
        now->revoked = 0;
        now->reason = CRL_UNSPECIFIED;
        db_put_host(&q, now);
        r = db_run_one(tx, &q, NULL, NULL);
        return r == ERR_NOENT ? err(r, "host %s was joined by somebody else at the same time", j->h->name) : r;
}

static int join_tx(struct db_tx *tx, void *ctx)
{
        struct join *j = ctx;
        int r;

        /* Who came in between is committed, so that the second look finds him. */
        for (unsigned look = 0; look < 2; look++) {
                r = host_find(tx, DB_HOST_LOCK, j->h->name, &j->row);
                if (r == 0)
                        return join_known(tx, j);
                if (r != ERR_NOENT)
                        return r;
                r = join_new(tx, j);
                if (r != ERR_NOENT)
                        return r;
        }
        return err(ERR_DENIED, "%s", err_text());
}

int db_host_join(struct db *db, const struct db_host *h, const uint8_t *token, struct db_host *ret)
{
        struct join j = { .h = h, .token = token };
        int r;

        r = db_check_host(h);
        if (r == 0 && h->state != DB_PENDING && h->state != DB_ACTIVE)
                r = err(ERR_INVAL, "a host joins as active or pending");
        if (r == 0 && h->joined == 0)
                r = err(ERR_INVAL, "host %s joins at no time", h->name);
        if (r == 0)
                r = db_write(db, join_tx, &j);
        if (r == 0 && ret)
                *ret = j.row.h;
        return r;
}
