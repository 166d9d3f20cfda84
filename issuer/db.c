/* SPDX-License-Identifier: BSD-2-Clause */
/* Which database is it, is its schema ours, and what is not about hosts, agents and credentials? */
#include <stdlib.h>
#include <string.h>
#include "issuer/db_ops.h"
#include "lib/err.h"

static const struct {
        const char *prefix;
        const struct db_ops *ops;
} kinds[] = {
        { "/", &db_sqlite_ops },
        { "postgresql://", &db_pg_ops },
        { "postgres://", &db_pg_ops },
};

static const struct db_ops *kind_of(const char *where)
{
        for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
                if (strncmp(where, kinds[i].prefix, strlen(kinds[i].prefix)) == 0)
                        return kinds[i].ops;
        return NULL;
}

int db_open(const char *where, struct db **ret)
{
        struct db *db;
        int r;

        /* It may have a password in it. */
        if (!kind_of(where))
                return err(ERR_INVAL, "the database is neither a path from the root nor begins with postgresql://");
        db = calloc(1, sizeof(*db));
        if (!db)
                return err(ERR_NOMEM, "out of memory");
        db->ops = kind_of(where);
        r = db->ops->open(where, &db->self);
        if (r == 0)
                r = db_migrate(db);
        if (r != 0) {
                db_close(db);
                return r;
        }
        *ret = db;
        return 0;
}

void db_close(struct db *db)
{
        if (!db)
                return;
        if (db->self)
                db->ops->close(db->self);
        free(db);
}

const char *db_kind(const struct db *db)
{
        return db->ops->kind;
}

void db_stats(struct db *db, struct db_stats *ret)
{
        db->ops->stats(db->self, ret);
}

const char *db_state_name(enum db_state s)
{
        static const char *const names[] = { [DB_PENDING] = "pending", [DB_ACTIVE] = "active", [DB_REVOKED] = "revoked" };

        return (size_t)s < ARRAY_LEN(names) ? names[s] : NULL;
}

/* ---- for the operations ---- */

bool db_answered(int r)
{
        return r == 0 || r == ERR_DENIED || r == ERR_EXIST || r == ERR_NOENT || r == ERR_STALE || r == ERR_FOREIGN || r == ERR_INVAL;
}

int db_read(struct db *db, db_tx_fn *fn, void *ctx)
{
        return db->ops->read(db->self, fn, ctx);
}

int db_write(struct db *db, db_tx_fn *fn, void *ctx)
{
        return db->ops->write(db->self, fn, ctx);
}

struct one {
        db_row_fn *row;
        void *ctx;
        bool found;
};

static int one_row(const struct db_value *v, void *ctx)
{
        struct one *one = ctx;

        one->found = true;
        return one->row ? one->row(v, one->ctx) : 0;
}

int db_run_one(struct db_tx *tx, const struct db_query *q, db_row_fn *row, void *ctx)
{
        struct one one = { .row = row, .ctx = ctx };
        int r;

        r = db_run(tx, q, one_row, &one);
        if (r != 0)
                return r;
        return one.found ? 0 : ERR_NOENT;
}

static int number_row(const struct db_value *v, void *ctx)
{
        *(int64_t *)ctx = v[0].i;
        return 0;
}

int db_run_number(struct db_tx *tx, const struct db_query *q, int64_t *ret)
{
        return db_run_one(tx, q, number_row, ret);
}

int db_hold_host(struct db_tx *tx, const char *name)
{
        struct db_query q = { .statement = DB_HOST_HOLD };

        db_put_str(&q, name);
        return db_run(tx, &q, NULL, NULL);
}

/* ---- schema ---- */

/* 0: there is none. */
static int version(struct db_tx *tx, int64_t *ret)
{
        struct db_query there = { .statement = DB_SCHEMA_THERE }, q = { .statement = DB_NUMBER_GET };
        int r;

        *ret = 0;
        r = db_run_one(tx, &there, NULL, NULL);
        if (r != 0)
                return r == ERR_NOENT ? 0 : r;
        db_put_str(&q, "schema");
        r = db_run_number(tx, &q, ret);
        if (r == ERR_NOENT || (r == 0 && *ret < 1))
                return err(ERR_FORMAT, "the database has a table of numbers that is not the issuer's");
        return r;
}

static int judge(int64_t have)
{
        if (have > SCHEMA_VERSION)
                return err(ERR_NOTSUP, "the database has version %lld of the schema and this program knows %d: a newer one has been here", (long long)have, SCHEMA_VERSION);
        return 0;
}

static int migrate_tx(struct db_tx *tx, void *ctx)
{
        const struct db *db = ctx;
        struct db_query lock = { .statement = DB_SCHEMA_LOCK }, set = { .statement = DB_SCHEMA_SET };
        int64_t have;
        int r;

        r = db_run_one(tx, &lock, NULL, NULL);
        if (r == 0)
                r = version(tx, &have);
        if (r == 0)
                r = judge(have);
        if (r != 0 || have == SCHEMA_VERSION)
                return r;
        for (unsigned v = (unsigned)have + 1; v <= SCHEMA_VERSION; v++)
                for (const char *const *step = schema_steps(v, db->ops->dialect); *step; step++) {
                        r = tx->ops->exec(tx, *step);
                        if (r != 0)
                                return r;
                }
        db_put_int(&set, SCHEMA_VERSION);
        return db_run(tx, &set, NULL, NULL);
}

static int version_tx(struct db_tx *tx, void *ctx)
{
        return version(tx, ctx);
}

int db_migrate(struct db *db)
{
        int64_t have;
        int r;

        r = db_read(db, version_tx, &have);
        if (r == 0)
                r = judge(have);
        if (r != 0 || have == SCHEMA_VERSION)
                return r;
        return db_write(db, migrate_tx, db);
}

int db_ping(struct db *db)
{
        int64_t have;
        int r;

        r = db_read(db, version_tx, &have);
        if (r == 0 && have == 0)
                return err(ERR_IO, "the issuer's tables are not in the database any more");
        return r != 0 ? r : judge(have);
}

/* ---- numbers ---- */

struct number {
        const char *name;
        int64_t at_least, value;
};

static int number_get_tx(struct db_tx *tx, void *ctx)
{
        struct number *n = ctx;
        struct db_query q = { .statement = DB_NUMBER_GET };

        db_put_str(&q, n->name);
        return db_run_number(tx, &q, &n->value);
}

static int number_rise_tx(struct db_tx *tx, void *ctx)
{
        struct number *n = ctx;
        struct db_query q = { .statement = DB_NUMBER_RISE };

        db_put_str(&q, n->name);
        db_put_int(&q, n->at_least);
        return db_run_number(tx, &q, &n->value);
}

int db_change_counter(struct db *db, uint64_t *ret)
{
        struct number n = { .name = "changes" };
        int r;

        r = db_read(db, number_get_tx, &n);
        if (r == ERR_NOENT)
                return err(ERR_IO, "the issuer's counter is not in the database any more");
        if (r == 0)
                *ret = (uint64_t)n.value;
        return r;
}

int db_number_next(struct db *db, const char *name, uint64_t at_least, uint64_t *ret)
{
        struct number n = { .name = name, .at_least = (int64_t)at_least };
        int r;

        r = db_check_name("the number's name", name, DB_WORD_MAX);
        /* They are the database's own. */
        if (r == 0 && (strcmp(name, "schema") == 0 || strcmp(name, "changes") == 0))
                r = err(ERR_INVAL, "there is no number %s to take", name);
        if (r == 0 && at_least > INT64_MAX / 2)
                r = err(ERR_INVAL, "the number %s is too large", name);
        if (r == 0)
                r = db_write(db, number_rise_tx, &n);
        if (r == 0)
                *ret = (uint64_t)n.value;
        return r;
}

/* ---- upkeep ---- */

#define SWEEP_ROWS 1000

struct sweep {
        enum db_statement statement;
        uint64_t before;
        size_t n;
};

static int sweep_row(const struct db_value *v, void *ctx)
{
        (void)v;
        ((struct sweep *)ctx)->n++;
        return 0;
}

static int sweep_tx(struct db_tx *tx, void *ctx)
{
        struct sweep *s = ctx;
        struct db_query q = { .statement = s->statement };

        s->n = 0;
        db_put_int(&q, (int64_t)s->before);
        db_put_int(&q, SWEEP_ROWS);
        return db_run(tx, &q, sweep_row, s);
}

int db_sweep(struct db *db, uint64_t before, size_t *ret_n)
{
        static const enum db_statement tables[] = { DB_CREDENTIAL_SWEEP, DB_TOKEN_SWEEP, DB_CHALLENGE_SWEEP };
        size_t all = 0;

        if (before > INT64_MAX)
                return err(ERR_INVAL, "there is no such time");
        for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
                struct sweep s = { .statement = tables[i], .before = before };

                do {
                        int r = db_write(db, sweep_tx, &s);

                        if (r != 0)
                                return r;
                        all += s.n;
                } while (s.n == SWEEP_ROWS);
        }
        if (ret_n)
                *ret_n = all;
        return 0;
}

static int count_row(const struct db_value *v, void *ctx)
{
        *(struct db_counts *)ctx = (struct db_counts){ .hosts = (uint64_t)v[0].i, .hosts_pending = (uint64_t)v[1].i, .hosts_revoked = (uint64_t)v[2].i,
                                                       .agents = (uint64_t)v[3].i, .agents_revoked = (uint64_t)v[4].i, .credentials = (uint64_t)v[5].i };
        return 0;
}

static int count_tx(struct db_tx *tx, void *ctx)
{
        struct db_query q = { .statement = DB_COUNT };

        return db_run_one(tx, &q, count_row, ctx);
}

int db_count(struct db *db, struct db_counts *ret)
{
        struct db_counts c;
        int r = db_read(db, count_tx, &c);

        if (r == 0)
                *ret = c;
        return r;
}
