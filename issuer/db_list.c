/* SPDX-License-Identifier: BSD-2-Clause */
/* What is there, page by page: while a row is looked at, no connection and no transaction waits for it. */
#include <stdlib.h>
#include <string.h>
#include "issuer/db_ops.h"
#include "lib/err.h"

/* Where a row is in its list, in the database's own numbers: pages go on behind it. */
struct place {
        int64_t group;                          /* agents: the host's id; credentials: the agent's */
        char name[DB_HOST_MAX + 1];             /* hosts and agents */
        uint8_t key[DB_HASH_SIZE];              /* credentials, tokens */
        size_t key_len;
};

struct page {
        const struct list *list;
        const struct db_filter *f;
        struct place place;
        int64_t group_last, host;               /* agents, credentials: no further than this; credentials of this host */
        size_t want, n;
        uint8_t *rows;
};

/* What can be listed: one row of it to a structure, and where the row is. */
struct list {
        size_t size;
        int (*ask)(struct db_tx *tx, struct page *p, db_row_fn *row);
        int (*get)(const struct db_value *v, void *ret, struct place *place);
        int (*show)(const void *row, const void *fn, void *ctx);
};

static int page_row(const struct db_value *v, void *ctx)
{
        struct page *p = ctx;
        int r;

        if (p->n == p->want)
                return 0;
        memset(p->rows + p->n * p->list->size, 0, p->list->size);
        r = p->list->get(v, p->rows + p->n * p->list->size, &p->place);
        p->n += r == 0;
        return r;
}

static int page_tx(struct db_tx *tx, void *ctx)
{
        struct page *p = ctx;
        const struct place start = p->place;
        int r;

        p->n = 0;
        r = p->list->ask(tx, p, page_row);
        if (r != 0)
                p->place = start;       /* for another try */
        return r;
}

/* fn: a pointer to the caller's function, whatever it takes. */
static int walk(struct db *db, struct page *p, const void *fn, void *ctx)
{
        size_t left = p->f->limit == 0 ? SIZE_MAX : p->f->limit;
        int r = 0;

        p->rows = calloc(DB_PAGE_ROWS, p->list->size);
        if (!p->rows)
                return err(ERR_NOMEM, "out of memory");
        do {
                p->want = left < DB_PAGE_ROWS ? left : DB_PAGE_ROWS;
                r = db_read(db, page_tx, p);
                for (size_t i = 0; r == 0 && i < p->n; i++)
                        r = p->list->show(p->rows + i * p->list->size, fn, ctx);
                left -= p->n;
        } while (r == 0 && p->n == p->want && left > 0);
        free(p->rows);
        return r;
}

static const struct db_filter everything;

/* ---- hosts ---- */

typedef int host_fn(const struct db_host *h, void *ctx);

static int host_ask(struct db_tx *tx, struct page *p, db_row_fn *row)
{
        struct db_query q = { .statement = DB_HOST_PAGE };

        db_put_str(&q, p->place.name);
        db_put_int(&q, p->f->state);
        return db_run(tx, &q, row, p);
}

static int host_get(const struct db_value *v, void *ret, struct place *place)
{
        struct db_host *h = ret;
        int r = db_get_host(v + 1, h);

        if (r == 0)
                memcpy(place->name, h->name, sizeof(h->name));
        return r;
}

static int host_show(const void *row, const void *fn, void *ctx)
{
        return (*(host_fn *const *)fn)(row, ctx);
}

int db_host_list(struct db *db, const struct db_filter *f, int (*fn)(const struct db_host *h, void *ctx), void *ctx)
{
        static const struct list list = { sizeof(struct db_host), host_ask, host_get, host_show };
        struct page p = { .list = &list, .f = f ? f : &everything };
        struct db_host one;
        int r;

        if (p.f->host) {
                r = db_host_get(db, p.f->host, &one);
                if (r == ERR_NOENT)
                        return 0;
                if (r == 0 && (p.f->state == DB_ANY || p.f->state == one.state))
                        r = fn(&one, ctx);
                return r;
        }
        if (p.f->after_host) {
                r = DB_TEXT(p.place.name, BYTES_STR(p.f->after_host));
                if (r != 0)
                        return r;
        }
        return walk(db, &p, &fn, ctx);
}

/* ---- the numbers that agents and credentials are listed by ---- */

struct id {
        const char *host, *agent;
        int64_t id;
};

static int id_tx(struct db_tx *tx, void *ctx)
{
        struct id *id = ctx;
        struct db_query q = { .statement = id->agent ? DB_AGENT_ID : DB_HOST_ID };

        db_put_str(&q, id->host);
        if (id->agent)
                db_put_str(&q, id->agent);
        return db_run_number(tx, &q, &id->id);
}

static int find_id(struct db *db, const char *host, const char *agent, int64_t *ret)
{
        struct id id = { .host = host, .agent = agent };
        int r;

        r = db_check_name("the host's name", host, DB_HOST_MAX);
        if (r == 0 && agent)
                r = db_check_name("the agent's name", agent, DB_AGENT_MAX);
        if (r == 0)
                r = db_read(db, id_tx, &id);
        if (r == 0)
                *ret = id.id;
        return r == ERR_NOENT ? err(r, "there is no %s %s to list from", agent ? "agent" : "host", agent ? agent : host) : r;
}

/* ---- agents ---- */

typedef int agent_fn(const struct db_agent *a, void *ctx);

static int agent_ask(struct db_tx *tx, struct page *p, db_row_fn *row)
{
        struct db_query q = { .statement = DB_AGENT_PAGE };

        db_put_int(&q, p->place.group);
        db_put_str(&q, p->place.name);
        db_put_int(&q, p->group_last);
        db_put_int(&q, p->f->state);
        return db_run(tx, &q, row, p);
}

static int agent_get(const struct db_value *v, void *ret, struct place *place)
{
        struct db_agent *a = ret;
        int r;

        r = DB_TEXT(a->host, v[1].b);
        if (r == 0)
                r = db_get_agent(v + 2, a);
        if (r != 0)
                return r;
        memcpy(place->name, a->name, sizeof(a->name));
        place->group = v[17].i;
        return 0;
}

static int agent_show(const void *row, const void *fn, void *ctx)
{
        return (*(agent_fn *const *)fn)(row, ctx);
}

static int one_agent(struct db *db, const struct db_filter *f, agent_fn *fn, void *ctx)
{
        struct db_agent a;
        int r = db_agent_get(db, f->host, f->agent, &a);

        if (r == ERR_NOENT)
                return 0;
        if (r == 0 && (f->state == DB_ANY || f->state == a.state))
                r = fn(&a, ctx);
        return r;
}

int db_agent_list(struct db *db, const struct db_filter *f, int (*fn)(const struct db_agent *a, void *ctx), void *ctx)
{
        static const struct list list = { sizeof(struct db_agent), agent_ask, agent_get, agent_show };
        struct page p = { .list = &list, .f = f ? f : &everything, .group_last = INT64_MAX };
        int r = 0;

        if (p.f->agent && !p.f->host)
                return err(ERR_INVAL, "an agent is listed with its host");
        if (p.f->agent)
                return one_agent(db, p.f, fn, ctx);
        if (p.f->host) {
                r = find_id(db, p.f->host, NULL, &p.group_last);
                if (r == ERR_NOENT)
                        return 0;
                p.place.group = p.group_last;
        } else if (p.f->after_host && p.f->after_agent) {
                r = find_id(db, p.f->after_host, NULL, &p.place.group);
        }
        if (r == 0 && p.f->after_agent)
                r = DB_TEXT(p.place.name, BYTES_STR(p.f->after_agent));
        return r != 0 ? r : walk(db, &p, &fn, ctx);
}

/* ---- credentials ---- */

typedef int credential_fn(const struct db_credential *c, void *ctx);

static int credential_ask(struct db_tx *tx, struct page *p, db_row_fn *row)
{
        struct db_query q = { .statement = p->host != 0 ? DB_CREDENTIAL_PAGE_HOST : DB_CREDENTIAL_PAGE };

        db_put_int(&q, p->place.group);
        db_put_blob(&q, p->place.key, p->place.key_len);
        db_put_int(&q, p->host != 0 ? p->host : p->group_last);
        db_put_int(&q, p->f->state);
        db_put_int(&q, (int64_t)p->f->ends_after);
        return db_run(tx, &q, row, p);
}

static int revoked_ask(struct db_tx *tx, struct page *p, db_row_fn *row)
{
        struct db_query q = { .statement = DB_CREDENTIAL_PAGE_REVOKED };

        db_put_blob(&q, p->place.key, p->place.key_len);
        db_put_int(&q, (int64_t)p->f->ends_after);
        return db_run(tx, &q, row, p);
}

static int credential_get(const struct db_value *v, void *ret, struct place *place)
{
        struct db_credential *c = ret;
        int r;

        r = DB_TEXT(c->host, v[0].b);
        if (r == 0)
                r = DB_TEXT(c->agent, v[1].b);
        if (r == 0)
                r = db_get_credential(v + 2, c);
        if (r != 0)
                return r;
        memcpy(place->key, c->serial, sizeof(c->serial));
        place->key_len = sizeof(c->serial);
        place->group = v[9].i;
        return 0;
}

static int credential_show(const void *row, const void *fn, void *ctx)
{
        return (*(credential_fn *const *)fn)(row, ctx);
}

/* Of an agent, of a host, or all; then from where. */
static int credential_range(struct db *db, struct page *p)
{
        const struct db_filter *f = p->f;
        int r = 0;

        if (f->agent) {
                r = find_id(db, f->host, f->agent, &p->group_last);
                p->place.group = p->group_last;
        } else if (f->host) {
                r = find_id(db, f->host, NULL, &p->host);
        }
        if (r == 0 && f->after_serial && !f->agent && f->after_host && f->after_agent) {
                r = find_id(db, f->after_host, f->after_agent, &p->place.group);
                if (r == ERR_NOENT)
                        return err(ERR_INVAL, "%s", err_text());
        }
        if (r == 0 && f->after_serial && p->place.group != 0) {
                memcpy(p->place.key, f->after_serial, GRANT_SERIAL_SIZE);
                p->place.key_len = GRANT_SERIAL_SIZE;
        }
        return r;
}

int db_credential_list(struct db *db, const struct db_filter *f, int (*fn)(const struct db_credential *c, void *ctx), void *ctx)
{
        static const struct list list = { sizeof(struct db_credential), credential_ask, credential_get, credential_show };
        struct page p = { .list = &list, .f = f ? f : &everything, .group_last = INT64_MAX };
        int r;

        if (p.f->agent && !p.f->host)
                return err(ERR_INVAL, "an agent's credentials are listed with its host");
        if (p.f->state == DB_PENDING || p.f->ends_after > INT64_MAX)
                return err(ERR_INVAL, "there are no such credentials");
        r = credential_range(db, &p);
        if (r == ERR_NOENT)
                return 0;
        return r != 0 ? r : walk(db, &p, &fn, ctx);
}

int db_revoked_each(struct db *db, uint64_t ends_after, int (*fn)(const struct db_credential *c, void *ctx), void *ctx)
{
        static const struct list list = { sizeof(struct db_credential), revoked_ask, credential_get, credential_show };
        const struct db_filter f = { .ends_after = ends_after };
        struct page p = { .list = &list, .f = &f };

        if (ends_after > INT64_MAX)
                return err(ERR_INVAL, "there is no such time");
        return walk(db, &p, &fn, ctx);
}

/* ---- tokens ---- */

typedef int token_fn(const struct db_token *t, void *ctx);

static int token_ask(struct db_tx *tx, struct page *p, db_row_fn *row)
{
        struct db_query q = { .statement = DB_TOKEN_PAGE };

        db_put_blob(&q, p->place.key, p->place.key_len);
        return db_run(tx, &q, row, p);
}

static int token_get(const struct db_value *v, void *ret, struct place *place)
{
        struct db_token *t = ret;
        int r = db_get_token(v, t);

        if (r != 0)
                return r;
        memcpy(place->key, t->hash, sizeof(t->hash));
        place->key_len = sizeof(t->hash);
        return 0;
}

static int token_show(const void *row, const void *fn, void *ctx)
{
        return (*(token_fn *const *)fn)(row, ctx);
}

int db_token_list(struct db *db, int (*fn)(const struct db_token *t, void *ctx), void *ctx)
{
        static const struct list list = { sizeof(struct db_token), token_ask, token_get, token_show };
        struct page p = { .list = &list, .f = &everything };

        return walk(db, &p, &fn, ctx);
}
