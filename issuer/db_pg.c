/* SPDX-License-Identifier: BSD-2-Clause */
/* The issuer's database at a PostgreSQL server, maybe together with other issuers.
 *
 * An operation goes in as few round trips as it has answers to wait for: what returns no rows is sent along with what comes next. A connection that was
 * lost, or a conflict with another transaction, is tried again; and if the connection was lost at COMMIT, the function is told that it may have been done. */
#include <endian.h>
#include <libpq-fe.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "issuer/db_ops.h"
#include "lib/err.h"

#define CONNECTIONS_MAX 32
#define ANSWER_MS 12000         /* for the server, which itself gives up before */
#define AWAY_MS 500             /* how long nobody tries to connect after that failed */
#define TRIES 4
#define PENDING_MAX 16
#define TEXT_MAX 512

#define STRING(x) #x
#define NUMBER(x) STRING(x)
#define STATEMENT_MS 10000

/* Where the server or libpq's defaults would let an answered operation be lost, or a dead client keep a row. */
static const char settings[] =
        "SET statement_timeout = " NUMBER(STATEMENT_MS) "; SET idle_in_transaction_session_timeout = " NUMBER(STATEMENT_MS) ";"
        "SET default_transaction_isolation = 'read committed'; SET bytea_output = 'hex';"
        "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'";

struct conn {
        struct conn *next;
        PGconn *pg;
        bool prepared[DB_STATEMENTS];
};

struct pool {
        char *url;
        pthread_mutex_t lock;   /* of all below */
        pthread_cond_t given;
        struct conn *idle;
        unsigned n;             /* open, or being opened */
        int64_t away_until;
        char away[TEXT_MAX];
        struct db_stats stats;
};

struct tx {
        struct db_tx tx;
        struct conn *c;
        int pending[PENDING_MAX];       /* sent and not answered: a statement that is prepared with it, or -1 */
        unsigned n;
        bool lost;                      /* the connection */
        bool conflict;                  /* with another transaction */
};

static int64_t now_ms(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* ---- what went wrong ---- */

enum { CONNECTION_LOST = 1, CONFLICT = 2 };

/* SQLSTATE by its beginning (PostgreSQL documentation, appendix A). */
static const struct {
        const char *state;
        int code, also;
} states[] = {
        { "23505", ERR_EXIST },                         /* unique_violation */
        { "40001", ERR_TIMEOUT, CONFLICT },             /* serialization_failure */
        { "40P01", ERR_TIMEOUT, CONFLICT },             /* deadlock_detected */
        { "55P03", ERR_TIMEOUT },                       /* lock_not_available */
        { "57014", ERR_TIMEOUT },                       /* query_canceled: statement_timeout */
        { "53100", ERR_NOSPC },                         /* disk_full */
        { "25006", ERR_READONLY, CONNECTION_LOST },     /* read_only_sql_transaction: no longer the primary */
        { "42501", ERR_PERM },                          /* insufficient_privilege */
        { "0A000", ERR_IO, CONNECTION_LOST },           /* a cached plan that another issuer's new schema made void */
        { "26000", ERR_IO, CONNECTION_LOST },           /* invalid_sql_statement_name */
        { "08", ERR_IO, CONNECTION_LOST },              /* connection_exception */
        { "57P", ERR_IO, CONNECTION_LOST },             /* shutdown, cannot_connect_now, idle_session_timeout */
        { "25P03", ERR_IO, CONNECTION_LOST },           /* idle_in_transaction_session_timeout */
        { "", ERR_IO },
};

/* libpq's sentences end, and have, lines. */
static int say(int code, const char *what, const char *text)
{
        char line[256];
        size_t n = 0;

        for (; *text && n < sizeof(line) - 1; text++)
                line[n++] = *text == '\n' || *text == '\t' ? ' ' : *text;
        while (n > 0 && line[n - 1] == ' ')
                n--;
        line[n] = 0;
        return err(code, "%s: %s", what, line);
}

static int lose(struct tx *tx, const char *why)
{
        tx->lost = true;
        return say(ERR_IO, "the connection to the database was lost", why);
}

static int refused(struct tx *tx, const PGresult *res)
{
        const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE), *text = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
        size_t i = 0;

        if (!state || PQstatus(tx->c->pg) == CONNECTION_BAD)
                return lose(tx, text ? text : PQresultErrorMessage(res));
        while (strncmp(state, states[i].state, strlen(states[i].state)) != 0)
                i++;
        tx->lost |= states[i].also == CONNECTION_LOST;
        tx->conflict |= states[i].also == CONFLICT;
        return say(states[i].code, "PostgreSQL", text ? text : state);
}

/* ---- answers ---- */

/* NULL in *ret: the end of what one statement gave. A server that was stopped in the middle is not waited for. */
static int next_result(struct tx *tx, PGresult **ret)
{
        PGconn *pg = tx->c->pg;
        const int64_t until = now_ms() + ANSWER_MS;

        while (PQisBusy(pg)) {
                struct pollfd fd = { .fd = PQsocket(pg), .events = POLLIN };
                const int64_t left = until - now_ms();

                if (left <= 0)
                        return lose(tx, "no answer");
                if (poll(&fd, 1, (int)left) > 0 && PQconsumeInput(pg) == 0)
                        return lose(tx, PQerrorMessage(pg));
        }
        *ret = PQgetResult(pg);
        return 0;
}

static int value(const PGresult *res, int row, int col, struct db_value *ret)
{
        const struct bytes b = BYTES(PQgetvalue(res, row, col), (size_t)PQgetlength(res, row, col));
        uint64_t v8;
        uint32_t v4;

        switch (PQftype(res, col)) {
        case 20: /* int8 */
                memcpy(&v8, b.ptr, sizeof(v8));
                *ret = (struct db_value){ .type = DB_INT, .i = (int64_t)be64toh(v8) };
                return b.len == sizeof(v8) ? 0 : ERR_FORMAT;
        case 23: /* int4 */
                memcpy(&v4, b.ptr, sizeof(v4));
                *ret = (struct db_value){ .type = DB_INT, .i = (int32_t)be32toh(v4) };
                return b.len == sizeof(v4) ? 0 : ERR_FORMAT;
        case 17: /* bytea */
                *ret = (struct db_value){ .type = DB_BLOB, .b = b };
                return 0;
        case 25: /* text */
                *ret = (struct db_value){ .type = DB_STR, .b = b };
                return 0;
        default:
                return ERR_FORMAT;
        }
}

static int rows(const PGresult *res, db_row_fn *row, void *ctx)
{
        struct db_value v[DB_COLUMNS_MAX] = { 0 };
        int r;

        for (int i = 0; row && i < PQntuples(res); i++) {
                for (int k = 0; k < PQnfields(res) && k < DB_COLUMNS_MAX; k++)
                        if (value(res, i, k, &v[k]) != 0)
                                return err(ERR_FORMAT, "the database has a column of a type that this program did not make");
                r = row(v, ctx);
                if (r != 0)
                        return r;
        }
        return 0;
}

/* All that one statement of the pipeline gives. */
static int answer(struct tx *tx, int prepares, db_row_fn *row, void *ctx)
{
        PGresult *res = NULL;
        int r = 0, rr;

        while ((rr = next_result(tx, &res)) == 0 && res) {
                switch (PQresultStatus(res)) {
                case PGRES_TUPLES_OK:
                        if (r == 0)
                                r = rows(res, row, ctx);
                        break;
                case PGRES_COMMAND_OK:
                        break;
                case PGRES_PIPELINE_ABORTED: /* the one before it has said why */
                        r = ERR_IO;
                        break;
                default:
                        r = refused(tx, res);
                }
                PQclear(res);
        }
        if (rr != 0)
                return rr;
        if (r != 0 && prepares >= 0)
                tx->c->prepared[prepares] = false;
        return r;
}

/* Waits for all that was sent; rows are of the last. The first error counts. */
static int settle(struct tx *tx, db_row_fn *row, void *ctx)
{
        PGresult *res = NULL;
        int r = 0, rr;

        if (PQpipelineSync(tx->c->pg) != 1)
                return lose(tx, PQerrorMessage(tx->c->pg));
        for (unsigned i = 0; i < tx->n && !tx->lost; i++) {
                rr = answer(tx, tx->pending[i], i + 1 == tx->n ? row : NULL, ctx);
                /* What comes behind an error was not tried, and says nothing. */
                if (r == 0)
                        r = rr;
        }
        tx->n = 0;
        if (tx->lost)
                return r;
        /* The mark of the pipeline's end. */
        rr = next_result(tx, &res);
        if (rr == 0 && PQresultStatus(res) != PGRES_PIPELINE_SYNC)
                rr = lose(tx, "unexpected answer");
        PQclear(res);
        return r != 0 ? r : rr;
}

/* ---- questions ---- */

static int sent(struct tx *tx, int ok, int prepares)
{
        if (!ok)
                return lose(tx, PQerrorMessage(tx->c->pg));
        tx->pending[tx->n++] = prepares;
        return 0;
}

static int send_text(struct tx *tx, const char *sql)
{
        return sent(tx, PQsendQueryParams(tx->c->pg, sql, 0, NULL, NULL, NULL, NULL, 1), -1);
}

static const Oid oids[] = { [DB_INT] = 20, [DB_STR] = 25, [DB_BLOB] = 17 };

static int send_query(struct tx *tx, const struct db_query *q)
{
        const char *values[DB_PARAMS_MAX];
        int lengths[DB_PARAMS_MAX], formats[DB_PARAMS_MAX];
        Oid types[DB_PARAMS_MAX];
        uint64_t numbers[DB_PARAMS_MAX];
        char name[16];
        int r;

        for (size_t i = 0; i < q->n; i++) {
                const struct db_value *v = &q->v[i];

                numbers[i] = htobe64((uint64_t)v->i);
                types[i] = oids[v->type];
                formats[i] = 1;
                values[i] = v->type == DB_INT ? (const char *)&numbers[i] : (const char *)v->b.ptr;
                lengths[i] = v->type == DB_INT ? (int)sizeof(numbers[i]) : (int)v->b.len;
        }
        snprintf(name, sizeof(name), "s%u", (unsigned)q->statement);
        if (!tx->c->prepared[q->statement]) {
                r = sent(tx, PQsendPrepare(tx->c->pg, name, db_sql[q->statement].pg, (int)q->n, types), (int)q->statement);
                if (r != 0)
                        return r;
                tx->c->prepared[q->statement] = true;
        }
        return sent(tx, PQsendQueryPrepared(tx->c->pg, name, (int)q->n, values, lengths, formats, 1), -1);
}

static int run(struct db_tx *t, const struct db_query *q, db_row_fn *row, void *ctx)
{
        struct tx *tx = (struct tx *)t;
        int r;

        r = send_query(tx, q);
        if (r == 0 && (row || tx->n + 2 > PENDING_MAX))
                r = settle(tx, row, ctx);
        return r;
}

static int exec(struct db_tx *t, const char *sql)
{
        struct tx *tx = (struct tx *)t;
        int r = send_text(tx, sql);

        return r != 0 ? r : settle(tx, NULL, NULL);
}

/* ---- connections ---- */

static void no_notice(void *arg, const PGresult *res)
{
        (void)arg;
        (void)res;
}

static void conn_close(struct conn *c)
{
        if (!c)
                return;
        PQfinish(c->pg);
        free(c);
}

/* Settings, and whether another issuer has made the schema newer meanwhile. */
static int conn_setup(struct conn *c)
{
        struct tx tx = { .c = c };
        PGresult *res = NULL;
        int r, rr = 0;

        if (PQsendQuery(c->pg, settings) != 1)
                return lose(&tx, PQerrorMessage(c->pg));
        while ((r = next_result(&tx, &res)) == 0 && res) {
                if (rr == 0 && PQresultStatus(res) != PGRES_COMMAND_OK && PQresultStatus(res) != PGRES_TUPLES_OK)
                        rr = refused(&tx, res);
                PQclear(res);
        }
        if (r != 0 || rr != 0)
                return r != 0 ? r : rr;
        if (PQsendQuery(c->pg, "SELECT value FROM numbers WHERE name = 'schema' AND value > " NUMBER(SCHEMA_VERSION)) != 1)
                return lose(&tx, PQerrorMessage(c->pg));
        while ((r = next_result(&tx, &res)) == 0 && res) {
                const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);

                /* undefined_table: nobody has been here yet. */
                if (PQntuples(res) > 0)
                        rr = err(ERR_NOTSUP, "the database has a newer schema than this program knows: another issuer has brought it up to date");
                else if (rr == 0 && PQresultStatus(res) != PGRES_TUPLES_OK && !(state && strcmp(state, "42P01") == 0))
                        rr = refused(&tx, res);
                PQclear(res);
        }
        if (r == 0 && rr == 0 && PQenterPipelineMode(c->pg) != 1)
                rr = lose(&tx, PQerrorMessage(c->pg));
        return r != 0 ? r : rr;
}

static int conn_open(const struct pool *p, struct conn **ret)
{
        /* The last of a name counts: what is in front of the URL are defaults. */
        const char *const keys[] = { "connect_timeout", "tcp_user_timeout", "keepalives_idle", "keepalives_interval", "keepalives_count",
                                     "target_session_attrs", "fallback_application_name", "dbname", "client_encoding", NULL };
        const char *const values[] = { "5", "10000", "10", "5", "3", "read-write", "holdfast-issuer", p->url, "UTF8", NULL };
        struct conn *c = calloc(1, sizeof(*c));
        int r = 0;

        if (!c)
                return err(ERR_NOMEM, "out of memory");
        c->pg = PQconnectdbParams(keys, values, 1);
        if (PQstatus(c->pg) != CONNECTION_OK)
                r = say(ERR_IO, "cannot reach the database", PQerrorMessage(c->pg));
        if (r == 0) {
                PQsetNoticeReceiver(c->pg, no_notice, NULL);
                r = conn_setup(c);
        }
        if (r != 0) {
                conn_close(c);
                return r;
        }
        *ret = c;
        return 0;
}

static int pool_wait(struct pool *p)
{
        struct timespec ts;

        clock_gettime(CLOCK_REALTIME, &ts);
        ts.tv_sec += ANSWER_MS / 1000;
        if (pthread_cond_timedwait(&p->given, &p->lock, &ts) != 0)
                return err(ERR_TIMEOUT, "all %u connections to the database are busy", CONNECTIONS_MAX);
        return 0;
}

static int pool_connect(struct pool *p, struct conn **ret)
{
        int r = conn_open(p, ret);

        pthread_mutex_lock(&p->lock);
        if (r == 0) {
                p->stats.connects++;
        } else {
                p->n--;
                p->away_until = now_ms() + AWAY_MS;
                snprintf(p->away, sizeof(p->away), "%s", err_text());
                pthread_cond_signal(&p->given);
        }
        pthread_mutex_unlock(&p->lock);
        return r;
}

static int pool_take(struct pool *p, struct conn **ret)
{
        int r = 0;

        pthread_mutex_lock(&p->lock);
        while (r == 0 && !p->idle && p->n >= CONNECTIONS_MAX)
                r = pool_wait(p);
        if (r == 0 && p->idle) {
                *ret = p->idle;
                p->idle = p->idle->next;
                pthread_mutex_unlock(&p->lock);
                return 0;
        }
        if (r == 0 && now_ms() < p->away_until)
                r = err(ERR_IO, "%s", p->away);
        if (r == 0)
                p->n++;
        pthread_mutex_unlock(&p->lock);
        return r != 0 ? r : pool_connect(p, ret);
}

/* What was lost with one connection is lost with those that wait, too: the server was started anew. */
static void pool_give(struct pool *p, struct conn *c, bool lost)
{
        struct conn *gone = NULL;

        pthread_mutex_lock(&p->lock);
        if (lost) {
                c->next = p->idle;
                p->idle = NULL;
                for (gone = c; c; c = c->next)
                        p->n--;
                pthread_cond_broadcast(&p->given);
        } else {
                c->next = p->idle;
                p->idle = c;
                pthread_cond_signal(&p->given);
        }
        pthread_mutex_unlock(&p->lock);
        while (gone) {
                c = gone;
                gone = c->next;
                conn_close(c);
        }
}

/* ---- transactions ---- */

/* The function has failed, or the commit: nothing of it stays, and the connection is as it was. */
static void undo(struct tx *tx)
{
        char text[TEXT_MAX];

        snprintf(text, sizeof(text), "%s", err_text());
        if (!tx->lost && tx->n > 0)
                settle(tx, NULL, NULL);
        if (!tx->lost && PQtransactionStatus(tx->c->pg) != PQTRANS_IDLE && send_text(tx, "ROLLBACK") == 0)
                settle(tx, NULL, NULL);
        if (!tx->lost && PQtransactionStatus(tx->c->pg) != PQTRANS_IDLE)
                tx->lost = true;
        err(0, "%s", text);
}

/* *again: if it is lost now, it may have been done. */
static int try_write(struct tx *tx, db_tx_fn *fn, void *ctx, bool *again)
{
        int r;

        r = send_text(tx, "BEGIN");
        if (r == 0)
                r = fn(&tx->tx, ctx);
        if (r == 0)
                r = send_text(tx, "COMMIT");
        if (r == 0) {
                *again = true;
                r = settle(tx, NULL, NULL);
                if (r == 0)
                        return 0;
                *again = tx->tx.again || tx->lost;
        }
        undo(tx);
        return r;
}

static void count(struct pool *p, int r)
{
        pthread_mutex_lock(&p->lock);
        *(db_answered(r) ? &p->stats.operations : &p->stats.failures) += 1;
        p->stats.commits += db_answered(r);
        pthread_mutex_unlock(&p->lock);
}

static int write_op(void *self, db_tx_fn *fn, void *ctx)
{
        struct pool *p = self;
        bool again = false;
        int r = 0;

        for (unsigned i = 0; i < TRIES; i++) {
                struct tx tx = { .tx.ops = &db_pg_ops, .tx.again = again };

                r = pool_take(p, &tx.c);
                if (r != 0)
                        break;
                r = try_write(&tx, fn, ctx, &again);
                pool_give(p, tx.c, tx.lost);
                if (r == 0 || (!tx.lost && !tx.conflict)) {
                        again = false;
                        break;
                }
        }
        count(p, r);
        return r != 0 && again ? err(ERR_IO, "%s; whether the last change was kept is not known", err_text()) : r;
}

static int read_op(void *self, db_tx_fn *fn, void *ctx)
{
        struct pool *p = self;
        int r = 0;

        for (unsigned i = 0; i < TRIES; i++) {
                struct tx tx = { .tx.ops = &db_pg_ops };

                r = pool_take(p, &tx.c);
                if (r != 0)
                        return r;
                r = fn(&tx.tx, ctx);
                if (r != 0)
                        undo(&tx);
                pool_give(p, tx.c, tx.lost);
                if (!tx.lost && !tx.conflict)
                        return r;
        }
        return r;
}

/* ---- opening ---- */

static void pool_close(void *self)
{
        struct pool *p = self;

        while (p->idle) {
                struct conn *c = p->idle;

                p->idle = c->next;
                conn_close(c);
        }
        pthread_cond_destroy(&p->given);
        pthread_mutex_destroy(&p->lock);
        /* There may be a password in it. */
        if (p->url)
                wipe(p->url, strlen(p->url));
        free(p->url);
        free(p);
}

static int pool_open(const char *where, void **ret)
{
        PQconninfoOption *parsed = PQconninfoParse(where, NULL);
        struct pool *p;

        if (!parsed)
                return err(ERR_INVAL, "libpq does not understand the database's URL");
        PQconninfoFree(parsed);
        p = calloc(1, sizeof(*p));
        if (!p)
                return err(ERR_NOMEM, "out of memory");
        pthread_mutex_init(&p->lock, NULL);
        pthread_cond_init(&p->given, NULL);
        p->url = strdup(where);
        if (!p->url) {
                pool_close(p);
                return err(ERR_NOMEM, "out of memory");
        }
        *ret = p;
        return 0;
}

static void pool_stats(void *self, struct db_stats *ret)
{
        struct pool *p = self;

        pthread_mutex_lock(&p->lock);
        *ret = p->stats;
        ret->connections = p->n;
        pthread_mutex_unlock(&p->lock);
}

const struct db_ops db_pg_ops = {
        .kind = "PostgreSQL",
        .dialect = SCHEMA_PG,
        .open = pool_open,
        .close = pool_close,
        .write = write_op,
        .read = read_op,
        .run = run,
        .exec = exec,
        .stats = pool_stats,
};
