/* SPDX-License-Identifier: BSD-2-Clause */
/* What a database is to issuer/db.c: a place where a function can be run as one transaction. */
#ifndef HOLDFAST_ISSUER_DB_OPS_H
#define HOLDFAST_ISSUER_DB_OPS_H

#include "issuer/db.h"
#include "issuer/db_sql.h"
#include "issuer/schema.h"
#include "lib/buf.h"

#define DB_PARAMS_MAX 24
#define DB_COLUMNS_MAX 24

/* A parameter or a column. */
enum db_type { DB_INT, DB_STR, DB_BLOB };
struct db_value {
        enum db_type type;
        int64_t i;
        struct bytes b;
};

/* One of the statements of a transaction, with its parameters. */
struct db_query {
        enum db_statement statement;
        size_t n;
        struct db_value v[DB_PARAMS_MAX];
};

/* Called for each row; v has DB_COLUMNS_MAX values, those that the statement has not being 0; borrowed. What is not 0 ends the transaction. */
typedef int db_row_fn(const struct db_value *v, void *ctx);

/* A transaction. */
struct db_tx {
        const struct db_ops *ops;
        bool again;             /* the same function may have been committed already: its outcome got lost */
};

/* Run in a transaction, maybe more than once: what it is to return it writes anew each time. Not 0: nothing of it is done. */
typedef int db_tx_fn(struct db_tx *tx, void *ctx);

struct db_ops {
        const char *kind;
        enum schema_dialect dialect;
        int (*open)(const char *where, void **ret);
        void (*close)(void *self);
        /* Durable when it returns 0. */
        int (*write)(void *self, db_tx_fn *fn, void *ctx);
        /* One question; sees all that was committed before. */
        int (*read)(void *self, db_tx_fn *fn, void *ctx);
        /* Inside. Without row the statement may be kept until the next one that has one, or the end; its error then shows there.
         * ERR_EXIST: a unique index. */
        int (*run)(struct db_tx *tx, const struct db_query *q, db_row_fn *row, void *ctx);
        /* A statement that is in no table, for the schema. */
        int (*exec)(struct db_tx *tx, const char *sql);
        void (*stats)(void *self, struct db_stats *ret);
};

extern const struct db_ops db_sqlite_ops, db_pg_ops;

struct db {
        const struct db_ops *ops;
        void *self;
};

/* Brings the schema up to date. */
int db_migrate(struct db *db);

/* ---- for the operations ---- */

static inline int db_run(struct db_tx *tx, const struct db_query *q, db_row_fn *row, void *ctx)
{
        return tx->ops->run(tx, q, row, ctx);
}
/* ERR_NOENT without a sentence if there is no row. */
int db_run_one(struct db_tx *tx, const struct db_query *q, db_row_fn *row, void *ctx);
/* ... and the one number in it. */
int db_run_number(struct db_tx *tx, const struct db_query *q, int64_t *ret);
/* Until the end nobody else changes that host, its agents or their credentials. */
int db_hold_host(struct db_tx *tx, const char *name);
/* It was done or refused; else the database is to blame. */
bool db_answered(int r);
int db_read(struct db *db, db_tx_fn *fn, void *ctx);
int db_write(struct db *db, db_tx_fn *fn, void *ctx);

void db_put_int(struct db_query *q, int64_t v);
void db_put_str(struct db_query *q, const char *v);
void db_put_blob(struct db_query *q, const void *v, size_t len);

/* A structure of issuer/db.h as columns: the tables of fields are in issuer/db_row.c. */
void db_put_host(struct db_query *q, const struct db_host *h);
void db_put_agent(struct db_query *q, const struct db_agent *a);
void db_put_credential(struct db_query *q, const struct db_credential *c);
void db_put_token(struct db_query *q, const struct db_token *t);
/* v: the first column of HOST_COLUMNS, ... ERR_FORMAT: no such thing was ever written by us. */
int db_get_host(const struct db_value *v, struct db_host *ret);
int db_get_agent(const struct db_value *v, struct db_agent *ret);
int db_get_credential(const struct db_value *v, struct db_credential *ret);
int db_get_token(const struct db_value *v, struct db_token *ret);
/* May they be written? ERR_FORMAT, ERR_RANGE, ERR_INVAL. */
int db_check_host(const struct db_host *h);
int db_check_agent(const struct db_agent *a);
int db_check_credential(const struct db_credential *c);
int db_check_token(const struct db_token *t);
/* A name that is looked for. */
int db_check_name(const char *what, const char *name, size_t max);

#endif
