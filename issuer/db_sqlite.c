/* SPDX-License-Identifier: BSD-2-Clause */
/* The issuer's database as one file of SQLite's.
 *
 * One thread writes: it takes all operations that wait into one transaction, each in a savepoint, so that all share one sync and a refused one does not
 * undo the others. Nobody is answered before the commit. Readers have connections of their own, and with a write-ahead log wait for nobody. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "issuer/db_ops.h"
#include "lib/err.h"

#define BUSY_MS 5000            /* how long another process may hold the file */
#define BATCH_MAX 512           /* operations in one transaction */
#define READERS_MAX 16
#define TEXT_MAX 512

/* Beside those of issuer/db_sql.h. */
enum { BEGIN, COMMIT, ROLLBACK, SAVEPOINT, UNDO, RELEASE, CONTROLS };
static const char *const controls[CONTROLS] = { "BEGIN IMMEDIATE", "COMMIT", "ROLLBACK", "SAVEPOINT one", "ROLLBACK TO one", "RELEASE one" };

struct conn {
        struct conn *next;
        sqlite3 *h;
        sqlite3_stmt *statements[DB_STATEMENTS], *controls[CONTROLS];
};

/* An operation of a thread that waits. */
struct op {
        struct op *next;
        db_tx_fn *fn;
        void *ctx;
        int r;
        bool done;
        pthread_cond_t wake;
        char text[TEXT_MAX];    /* sentences are per thread, and the writer is another */
};

struct store {
        char *path;
        dev_t dev;
        ino_t ino;
        struct conn *writer;
        pthread_t thread;
        bool started;

        pthread_mutex_t lock;   /* of all below */
        pthread_cond_t work, reader;
        struct op *first, **last;
        bool stop;
        struct conn *idle;
        unsigned readers;
        struct db_stats stats;
};

struct tx {
        struct db_tx tx;
        struct conn *c;
};

/* ---- connections ---- */

static int failed(struct conn *c, int rc)
{
        const char *text = c->h ? sqlite3_errmsg(c->h) : sqlite3_errstr(rc);
        int sys = c->h ? sqlite3_system_errno(c->h) : 0;

        switch (rc & 0xff) {
        case SQLITE_NOMEM:
                return err(ERR_NOMEM, "SQLite is out of memory");
        case SQLITE_FULL:
                return err(ERR_NOSPC, "the disk of the database is full");
        case SQLITE_IOERR:
                if (sys == ENOSPC || sys == EDQUOT || sys == EFBIG)
                        return err(ERR_NOSPC, "the disk of the database is full");
                return err(ERR_IO, "the database cannot be read or written: %s (%d, errno %d)", text, rc, sys);
        case SQLITE_READONLY:
                return err(ERR_READONLY, "the database may not be written");
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
                return err(ERR_TIMEOUT, "another process keeps the database locked");
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
                return err(ERR_FORMAT, "the database's file is damaged or is none of SQLite's: %s", text);
        case SQLITE_CONSTRAINT:
                return err(ERR_EXIST, "the database has that already: %s", text);
        case SQLITE_PERM:
        case SQLITE_AUTH:
                return err(ERR_PERM, "the database may not be opened");
        default:
                return err(ERR_IO, "SQLite: %s (%d)", text, rc);
        }
}

static void conn_close(struct conn *c)
{
        if (!c)
                return;
        for (size_t i = 0; i < ARRAY_LEN(c->statements); i++)
                sqlite3_finalize(c->statements[i]);
        for (size_t i = 0; i < ARRAY_LEN(c->controls); i++)
                sqlite3_finalize(c->controls[i]);
        sqlite3_close(c->h);
        free(c);
}

static int conn_open(const char *path, const char *pragmas, struct conn **ret)
{
        struct conn *c = calloc(1, sizeof(*c));
        int rc, r;

        if (!c)
                return err(ERR_NOMEM, "out of memory");
        rc = sqlite3_open_v2(path, &c->h, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_EXRESCODE, NULL);
        if (rc == SQLITE_OK)
                rc = sqlite3_busy_timeout(c->h, BUSY_MS);
        if (rc == SQLITE_OK)
                rc = sqlite3_exec(c->h, pragmas, NULL, NULL, NULL);
        if (rc != SQLITE_OK) {
                r = failed(c, rc);
                conn_close(c);
                return r;
        }
        *ret = c;
        return 0;
}

static int control(struct conn *c, int which)
{
        int rc = SQLITE_OK;

        if (!c->controls[which])
                rc = sqlite3_prepare_v3(c->h, controls[which], -1, SQLITE_PREPARE_PERSISTENT, &c->controls[which], NULL);
        if (rc == SQLITE_OK) {
                rc = sqlite3_step(c->controls[which]);
                sqlite3_reset(c->controls[which]);
        }
        return rc == SQLITE_DONE ? 0 : failed(c, rc);
}

/* ---- statements ---- */

/* $1 is ?1 here: SQLite counts the former by where they stand. */
static int prepare(struct conn *c, enum db_statement s, sqlite3_stmt **ret)
{
        char text[2048];
        size_t i;
        int rc;

        if (!c->statements[s]) {
                for (i = 0; i < sizeof(text) - 1 && db_sql[s].sqlite[i]; i++)
                        text[i] = db_sql[s].sqlite[i] == '$' ? '?' : db_sql[s].sqlite[i];
                text[i] = 0;
                rc = sqlite3_prepare_v3(c->h, text, -1, SQLITE_PREPARE_PERSISTENT, &c->statements[s], NULL);
                if (rc != SQLITE_OK)
                        return failed(c, rc);
        }
        *ret = c->statements[s];
        return 0;
}

static int bind(sqlite3_stmt *st, int i, const struct db_value *v)
{
        switch (v->type) {
        case DB_INT:
                return sqlite3_bind_int64(st, i, v->i);
        case DB_STR:
                return sqlite3_bind_text(st, i, (const char *)v->b.ptr, (int)v->b.len, SQLITE_STATIC);
        default:
                return sqlite3_bind_blob(st, i, v->b.ptr, (int)v->b.len, SQLITE_STATIC);
        }
}

static void column(sqlite3_stmt *st, int i, struct db_value *ret)
{
        const void *p;

        switch (sqlite3_column_type(st, i)) {
        case SQLITE_INTEGER:
                *ret = (struct db_value){ .type = DB_INT, .i = sqlite3_column_int64(st, i) };
                return;
        case SQLITE_TEXT:
                p = sqlite3_column_text(st, i);
                *ret = (struct db_value){ .type = DB_STR, .b = BYTES(p, (size_t)sqlite3_column_bytes(st, i)) };
                return;
        default:
                p = sqlite3_column_blob(st, i);
                *ret = (struct db_value){ .type = DB_BLOB, .b = BYTES(p, (size_t)sqlite3_column_bytes(st, i)) };
        }
}

static int rows(struct conn *c, sqlite3_stmt *st, db_row_fn *row, void *ctx)
{
        struct db_value v[DB_COLUMNS_MAX] = { 0 };
        int rc, r;

        while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
                if (!row)
                        continue;
                for (int i = 0; i < sqlite3_column_count(st) && i < DB_COLUMNS_MAX; i++)
                        column(st, i, &v[i]);
                r = row(v, ctx);
                if (r != 0)
                        return r;
        }
        return rc == SQLITE_DONE ? 0 : failed(c, rc);
}

static int run(struct db_tx *tx, const struct db_query *q, db_row_fn *row, void *ctx)
{
        struct conn *c = ((struct tx *)tx)->c;
        sqlite3_stmt *st = NULL;
        int rc = SQLITE_OK, r;

        if (!db_sql[q->statement].sqlite)
                return 0;
        r = prepare(c, q->statement, &st);
        if (r != 0)
                return r;
        for (size_t i = 0; rc == SQLITE_OK && i < q->n; i++)
                rc = bind(st, (int)i + 1, &q->v[i]);
        r = rc == SQLITE_OK ? rows(c, st, row, ctx) : failed(c, rc);
        sqlite3_reset(st);
        return r;
}

static int exec(struct db_tx *tx, const char *sql)
{
        struct conn *c = ((struct tx *)tx)->c;
        int rc = sqlite3_exec(c->h, sql, NULL, NULL, NULL);

        return rc == SQLITE_OK ? 0 : failed(c, rc);
}

/* ---- writing ---- */

/* What is written to a file that nobody can find any more is not kept. */
static int still_there(const struct store *s)
{
        struct stat st;

        if (stat(s->path, &st) != 0)
                return err(ERR_IO, "the database %s was removed: put it back, or start the issuer anew", s->path);
        if (st.st_dev != s->dev || st.st_ino != s->ino)
                return err(ERR_IO, "the database %s was replaced: start the issuer anew", s->path);
        return 0;
}

static void answer(struct op *op, int r)
{
        op->r = r;
        if (r != 0)
                snprintf(op->text, sizeof(op->text), "%s", err_text());
}

/* Not 0: the whole transaction is lost. */
static int run_op(struct conn *c, struct op *op)
{
        struct tx tx = { .tx.ops = &db_sqlite_ops, .c = c };
        int r;

        r = control(c, SAVEPOINT);
        if (r != 0)
                return r;
        answer(op, op->fn(&tx.tx, op->ctx));
        /* SQLite has undone all of it by itself, as it does when the disk is full. */
        if (sqlite3_get_autocommit(c->h))
                return op->r != 0 ? op->r : err(ERR_IO, "SQLite gave up a transaction");
        if (op->r != 0) {
                r = control(c, UNDO);
                if (r != 0)
                        return r;
        }
        return control(c, RELEASE);
}

static void run_batch(struct store *s, struct op *batch)
{
        struct conn *c = s->writer;
        int r;

        r = still_there(s);
        if (r == 0)
                r = control(c, BEGIN);
        for (struct op *op = batch; r == 0 && op; op = op->next)
                r = run_op(c, op);
        if (r == 0)
                r = control(c, COMMIT);
        if (r == 0)
                return;
        /* Refusals too: they may be for what another operation of the batch did. */
        for (struct op *op = batch; op; op = op->next)
                answer(op, r);
        if (!sqlite3_get_autocommit(c->h))
                control(c, ROLLBACK);
}

static struct op *take_batch(struct store *s)
{
        struct op *batch = s->first, **end = &batch;

        for (unsigned n = 0; *end && n < BATCH_MAX; n++)
                end = &(*end)->next;
        s->first = *end;
        if (!s->first)
                s->last = &s->first;
        *end = NULL;
        return batch;
}

static void *write_thread(void *arg)
{
        struct store *s = arg;

        pthread_mutex_lock(&s->lock);
        for (;;) {
                struct op *batch, *next;

                while (!s->first && !s->stop)
                        pthread_cond_wait(&s->work, &s->lock);
                if (!s->first)
                        break;
                batch = take_batch(s);
                pthread_mutex_unlock(&s->lock);
                run_batch(s, batch);
                pthread_mutex_lock(&s->lock);
                s->stats.commits++;
                for (struct op *op = batch; op; op = next) {
                        next = op->next;
                        *(db_answered(op->r) ? &s->stats.operations : &s->stats.failures) += 1;
                        op->done = true;
                        pthread_cond_signal(&op->wake);
                }
        }
        pthread_mutex_unlock(&s->lock);
        return NULL;
}

static int write_op(void *self, db_tx_fn *fn, void *ctx)
{
        struct store *s = self;
        struct op op = { .fn = fn, .ctx = ctx, .wake = PTHREAD_COND_INITIALIZER };

        pthread_mutex_lock(&s->lock);
        *s->last = &op;
        s->last = &op.next;
        pthread_cond_signal(&s->work);
        while (!op.done)
                pthread_cond_wait(&op.wake, &s->lock);
        pthread_mutex_unlock(&s->lock);
        pthread_cond_destroy(&op.wake);
        return op.r == 0 ? 0 : err(op.r, "%s", op.text);
}

/* ---- reading ---- */

static int reader_take(struct store *s, struct conn **ret)
{
        struct conn *c = NULL;
        int r;

        pthread_mutex_lock(&s->lock);
        while (!s->idle && s->readers >= READERS_MAX)
                pthread_cond_wait(&s->reader, &s->lock);
        c = s->idle;
        if (c)
                s->idle = c->next;
        else
                s->readers++;
        pthread_mutex_unlock(&s->lock);
        if (c) {
                *ret = c;
                return 0;
        }

        r = conn_open(s->path, "PRAGMA query_only = ON", ret);
        pthread_mutex_lock(&s->lock);
        if (r == 0) {
                s->stats.connects++;
        } else {
                s->readers--;
                pthread_cond_signal(&s->reader);
        }
        pthread_mutex_unlock(&s->lock);
        return r;
}

static void reader_give(struct store *s, struct conn *c)
{
        pthread_mutex_lock(&s->lock);
        c->next = s->idle;
        s->idle = c;
        pthread_cond_signal(&s->reader);
        pthread_mutex_unlock(&s->lock);
}

static int read_op(void *self, db_tx_fn *fn, void *ctx)
{
        struct store *s = self;
        struct tx tx = { .tx.ops = &db_sqlite_ops };
        int r;

        r = reader_take(s, &tx.c);
        if (r != 0)
                return r;
        r = fn(&tx.tx, ctx);
        reader_give(s, tx.c);
        return r;
}

/* ---- opening ---- */

/* An existing file is not opened here: to close it would give up SQLite's locks of this process. */
static int make_file(struct store *s)
{
        struct stat st;
        int fd;

        fd = open(s->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0 && errno != EEXIST)
                return err_errno("cannot make the database %s", s->path);
        if (fd >= 0)
                close(fd);
        if (stat(s->path, &st) != 0)
                return err_errno("cannot see the database %s", s->path);
        if (!S_ISREG(st.st_mode))
                return err(ERR_FORMAT, "the database %s is no file", s->path);
        if (st.st_mode & (S_IWGRP | S_IWOTH))
                return err(ERR_PERM, "others than its owner may write the database %s", s->path);
        s->dev = st.st_dev;
        s->ino = st.st_ino;
        return 0;
}

/* WAL and a sync with each commit. */
static const char writer_pragmas[] =
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; "
        "PRAGMA cache_size = -16384; PRAGMA wal_autocheckpoint = 2000; PRAGMA journal_size_limit = 67108864";

static int is_wal(struct conn *c)
{
        sqlite3_stmt *st = NULL;
        bool wal;

        wal = sqlite3_prepare_v2(c->h, "PRAGMA journal_mode", -1, &st, NULL) == SQLITE_OK && sqlite3_step(st) == SQLITE_ROW &&
              strcmp((const char *)sqlite3_column_text(st, 0), "wal") == 0;
        sqlite3_finalize(st);
        return wal ? 0 : err(ERR_NOTSUP, "the file system of the database cannot have SQLite's write-ahead log: is it a network's?");
}

static void store_close(void *self)
{
        struct store *s = self;

        if (s->started) {
                pthread_mutex_lock(&s->lock);
                s->stop = true;
                pthread_cond_signal(&s->work);
                pthread_mutex_unlock(&s->lock);
                pthread_join(s->thread, NULL);
        }
        while (s->idle) {
                struct conn *c = s->idle;

                s->idle = c->next;
                conn_close(c);
        }
        /* Last: who closes last brings the log into the database. */
        conn_close(s->writer);
        pthread_cond_destroy(&s->work);
        pthread_cond_destroy(&s->reader);
        pthread_mutex_destroy(&s->lock);
        free(s->path);
        free(s);
}

static int store_open(const char *where, void **ret)
{
        struct store *s = calloc(1, sizeof(*s));
        int r;

        if (!s)
                return err(ERR_NOMEM, "out of memory");
        pthread_mutex_init(&s->lock, NULL);
        pthread_cond_init(&s->work, NULL);
        pthread_cond_init(&s->reader, NULL);
        s->last = &s->first;
        s->path = strdup(where);
        r = s->path ? make_file(s) : err(ERR_NOMEM, "out of memory");
        if (r == 0)
                r = conn_open(s->path, writer_pragmas, &s->writer);
        if (r == 0)
                r = is_wal(s->writer);
        if (r == 0) {
                s->stats.connects = 1;
                s->started = pthread_create(&s->thread, NULL, write_thread, s) == 0;
                if (!s->started)
                        r = err(ERR_NOMEM, "cannot start a thread for the database");
        }
        if (r != 0) {
                store_close(s);
                return r;
        }
        *ret = s;
        return 0;
}

static void store_stats(void *self, struct db_stats *ret)
{
        struct store *s = self;

        pthread_mutex_lock(&s->lock);
        *ret = s->stats;
        ret->connections = 1 + s->readers;
        pthread_mutex_unlock(&s->lock);
}

const struct db_ops db_sqlite_ops = {
        .kind = "SQLite",
        .dialect = SCHEMA_SQLITE,
        .open = store_open,
        .close = store_close,
        .write = write_op,
        .read = read_op,
        .run = run,
        .exec = exec,
        .stats = store_stats,
};
