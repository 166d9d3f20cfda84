/* SPDX-License-Identifier: BSD-2-Clause */
/* How does the issuer's log go on where it ended, get its checkpoints, and end well? */
#include "issuer/ledger.h"
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "audit/checkpoint.h"
#include "audit/notekey.h"
#include "lib/err.h"

struct ledger {
        struct audit_log *log;
        char *name;
        unsigned every_records, every_seconds;
        /* Who appends shares it; alone is who rotates: no record comes between a log's last checkpoint and its end. */
        pthread_rwlock_t turn;

        pthread_mutex_t checkpointing;  /* what follows */
        const struct ca_key *key;
        uint64_t batch;                 /* of the next checkpoint */
        struct audit_head head;         /* of the one that could not be stored yet */
        struct buf unstored;
        _Atomic uint64_t covered;       /* records of this log that a checkpoint covers */
        atomic_bool failed;             /* the newest record could not be written */
        uint64_t waits_since;           /* when tick first saw one that none covers; 0: there is none */

        pthread_mutex_t refusing;       /* what follows */
        uint64_t credit;                /* thousandths of a refusal that may be written now */
        uint64_t credit_at;             /* when that was so, milliseconds */
        uint64_t unwritten;             /* refusals that nothing tells of yet */
};

static uint64_t now_ms(clockid_t id)
{
        struct timespec t;

        clock_gettime(id, &t);
        return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* With the turn. */
static int append(struct ledger *l, struct audit_record *r, uint64_t *ret_record)
{
        int e;

        if (r->time_ms == 0)
                r->time_ms = now_ms(CLOCK_REALTIME);
        e = audit_append(l->log, r);
        if (e == 0 || e == ERR_NOSPC || e == ERR_READONLY || e == ERR_IO)
                atomic_store(&l->failed, e != 0);
        if (e == 0 && ret_record != NULL)
                *ret_record = (audit_log_number(l->log) - 1) * LEDGER_LOG + r->seq;
        return e;
}

int ledger_append(struct ledger *l, struct audit_record *r, uint64_t *ret_record)
{
        int e;

        pthread_rwlock_rdlock(&l->turn);
        e = append(l, r, ret_record);
        pthread_rwlock_unlock(&l->turn);
        return e;
}

/* --- Refusals --- */

/* May one more be written? It then tells of those that were not. */
static bool take_credit(struct ledger *l, uint64_t *ret_unwritten)
{
        const uint64_t now = now_ms(CLOCK_MONOTONIC), most = UINT64_C(1000) * LEDGER_REFUSALS_AT_ONCE;
        bool may;

        pthread_mutex_lock(&l->refusing);
        l->credit += (now - l->credit_at) * LEDGER_REFUSALS_A_SECOND;
        l->credit = l->credit < most ? l->credit : most;
        l->credit_at = now;
        may = l->credit >= 1000;
        *ret_unwritten = may ? l->unwritten : 0;
        l->credit -= may ? 1000 : 0;
        l->unwritten = may ? 0 : l->unwritten + 1;
        pthread_mutex_unlock(&l->refusing);
        return may;
}

int ledger_append_refusal(struct ledger *l, struct audit_record *r)
{
        CLEANUP(buf_clear) struct buf detail = { 0 };
        const struct bytes before = r->detail;
        uint64_t unwritten;
        int e;

        if (!take_credit(l, &unwritten))
                return 0;
        e = buf_append(&detail, before.ptr, before.len);
        if (e == 0 && unwritten > 0)
                e = buf_printf(&detail, "%sunwritten=%" PRIu64, before.len > 0 ? " " : "", unwritten);
        r->detail = BYTES_OF(&detail);
        if (e == 0)
                e = ledger_append(l, r, NULL);
        r->detail = before;
        if (e != 0) {
                pthread_mutex_lock(&l->refusing);
                l->unwritten += unwritten + 1;
                pthread_mutex_unlock(&l->refusing);
        }
        return e;
}

/* --- Checkpoints --- */

static int store(struct ledger *l)
{
        int e = audit_log_put_checkpoint(l->log, &l->head, l->batch, BYTES_OF(&l->unstored));

        if (e != 0)
                return e;
        buf_clear(&l->unstored);
        atomic_store(&l->covered, l->head.size);
        l->batch++;
        l->waits_since = 0;
        return 0;
}

static int sign(struct ledger *l)
{
        CLEANUP(checkpoint_clear) struct checkpoint c = { .mode = AUDIT_MODE_SOFTWARE, .batch = l->batch, .time_ms = now_ms(CLOCK_REALTIME) };
        CLEANUP(buf_clear) struct buf text = { 0 }, signature = { 0 }, note = { 0 };
        int e;

        audit_log_head(l->log, &c.head);
        e = buf_printf(&c.origin, "holdfast-issuer/%s/%" PRIu64, l->name, audit_log_number(l->log));
        if (e == 0)
                e = checkpoint_text(&c, &text);
        if (e == 0)
                e = ca_key_sign(l->key, BYTES_OF(&text), &signature);
        if (e == 0)
                e = notekey_line(BYTES_OF(&c.origin), ca_key_spki(l->key), BYTES_OF(&signature), &c.software);
        if (e == 0)
                e = checkpoint_format(&c, NULL, &note);
        if (e != 0)
                return e;
        l->head = c.head;
        buf_take(&note, &l->unstored);
        return 0;
}

/* One that was not stored may be there in part: it is the same that goes there now, and the next has another number. */
static int checkpoint(struct ledger *l)
{
        int e = l->unstored.len > 0 ? store(l) : 0;

        if (e == 0)
                e = sign(l);
        return e == 0 ? store(l) : e;
}

int ledger_checkpoint(struct ledger *l)
{
        int e;

        pthread_mutex_lock(&l->checkpointing);
        e = checkpoint(l);
        pthread_mutex_unlock(&l->checkpointing);
        return e;
}

int ledger_ready(struct ledger *l)
{
        int e = atomic_load(&l->failed) ? ledger_checkpoint(l) : 0;

        if (e == 0)
                atomic_store(&l->failed, false);
        return e;
}

int ledger_use(struct ledger *l, const struct ca_key *key)
{
        int e;

        pthread_mutex_lock(&l->checkpointing);
        e = checkpoint(l);
        if (e == 0)
                l->key = key;
        pthread_mutex_unlock(&l->checkpointing);
        return e;
}

/* A checkpoint covers all of the old log, and the first record of the next names its root. */
static int rotate(struct ledger *l)
{
        struct audit_record rec = { .event = AUDIT_ROTATE, .time_ms = now_ms(CLOCK_REALTIME) };
        int e;

        pthread_rwlock_wrlock(&l->turn);
        e = checkpoint(l);
        if (e == 0)
                e = audit_log_rotate(l->log, &rec);
        if (e == 0)
                atomic_store(&l->covered, 0);
        pthread_rwlock_unlock(&l->turn);
        return e == 0 ? checkpoint(l) : e;
}

static bool due(struct ledger *l)
{
        struct ledger_state s;
        uint64_t now = now_ms(CLOCK_MONOTONIC);

        ledger_state(l, &s);
        if (s.since == 0)
                return false;
        if (l->waits_since == 0)
                l->waits_since = now;
        return (l->every_records > 0 && s.since >= l->every_records) ||
               (l->every_seconds > 0 && now - l->waits_since >= l->every_seconds * UINT64_C(1000));
}

int ledger_tick(struct ledger *l)
{
        int e = 0;

        pthread_mutex_lock(&l->checkpointing);
        if (audit_log_full(l->log))
                e = rotate(l);
        else if (due(l))
                e = checkpoint(l);
        pthread_mutex_unlock(&l->checkpointing);
        return e;
}

void ledger_state(struct ledger *l, struct ledger_state *ret)
{
        struct audit_head head;
        uint64_t covered;

        pthread_rwlock_rdlock(&l->turn);
        covered = atomic_load(&l->covered);
        audit_log_head(l->log, &head);
        *ret = (struct ledger_state){ .log = audit_log_number(l->log), .records = head.size, .since = head.size - covered };
        pthread_rwlock_unlock(&l->turn);
}

/* --- Beginning and end --- */

static void destroy(struct ledger *l)
{
        audit_log_close(l->log);
        buf_clear(&l->unstored);
        free(l->name);
        pthread_rwlock_destroy(&l->turn);
        pthread_mutex_destroy(&l->checkpointing);
        pthread_mutex_destroy(&l->refusing);
        free(l);
}

/* The newest checkpoint of the newest log that has one. */
static int newest_batch(const char *dir, uint64_t *ret)
{
        CLEANUP(free_ptr) uint64_t *logs = NULL;
        size_t n = 0;
        int e = audit_logs(dir, &logs, &n);

        *ret = 0;
        while (e == 0 && *ret == 0 && n > 0) {
                CLEANUP(checkpoint_clear) struct checkpoint c = { 0 };
                CLEANUP(buf_clear) struct buf note = { 0 };
                struct audit_reader *rd;

                e = audit_reader_open(dir, logs[--n], &rd);
                if (e != 0)
                        return e;
                e = audit_reader_newest(rd, &note);
                audit_reader_close(rd);
                if (e == 0)
                        e = checkpoint_parse(BYTES_OF(&note), &c);
                if (e == 0)
                        *ret = c.batch;
                else if (e == ERR_NOENT)
                        e = 0;
        }
        return e;
}

static int tell_start(struct ledger *l, const struct ledger_options *o, const struct audit_recovery *how)
{
        struct audit_record rec = { .event = AUDIT_START };
        CLEANUP(buf_clear) struct buf detail = { 0 };
        int e;

        e = buf_printf(&detail, "%s%saudit software", o->detail != NULL ? o->detail : "", o->detail != NULL ? "; " : "");
        if (e == 0 && how->created)
                e = buf_printf(&detail, "; a new log");
        if (e == 0 && how->unclean)
                e = buf_printf(&detail, "; the writer before did not end well");
        if (e == 0 && how->torn > 0)
                e = buf_printf(&detail, ", %" PRIu64 " octets of an unfinished record were cut off", how->torn);
        rec.detail = BYTES_OF(&detail);
        return e == 0 ? ledger_append(l, &rec, NULL) : e;
}

static int make(const struct ledger_options *o, const struct ca_key *key, struct ledger **ret)
{
        struct ledger *l = calloc(1, sizeof(*l));
        pthread_rwlockattr_t fair;

        if (l == NULL)
                return err(ERR_NOMEM, "out of memory");
        pthread_rwlockattr_init(&fair);
        pthread_rwlockattr_setkind_np(&fair, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
        pthread_rwlock_init(&l->turn, &fair);
        pthread_rwlockattr_destroy(&fair);
        pthread_mutex_init(&l->checkpointing, NULL);
        pthread_mutex_init(&l->refusing, NULL);
        l->key = key;
        l->every_records = o->every_records;
        l->every_seconds = o->every_seconds;
        l->name = strdup(o->name);
        if (l->name == NULL) {
                destroy(l);
                return err(ERR_NOMEM, "out of memory");
        }
        *ret = l;
        return 0;
}

int ledger_open(const struct ledger_options *o, const struct ca_key *key, struct ledger **ret)
{
        const struct audit_log_options log = { .rotate_size = o->rotate_size };
        struct audit_recovery how;
        struct ledger *l = NULL;
        int e;

        e = make(o, key, &l);
        if (e != 0)
                return e;
        e = audit_log_open(o->dir, &log, &how, &l->log);
        if (e == 0)
                e = newest_batch(o->dir, &l->batch);
        /* One more may have been made of which the file "checkpoint" does not tell yet. */
        l->batch += 2;
        if (e == 0)
                e = tell_start(l, o, &how);
        if (e == 0)
                e = ledger_checkpoint(l);
        if (e == 0)
                *ret = l;
        else
                destroy(l);
        return e;
}

void ledger_close(struct ledger *l)
{
        struct audit_record rec = { .event = AUDIT_STOP };
        CLEANUP(buf_clear) struct buf detail = { 0 };

        if (l == NULL)
                return;
        if (l->unwritten > 0 && buf_printf(&detail, "unwritten=%" PRIu64, l->unwritten) == 0)
                rec.detail = BYTES_OF(&detail);
        if (ledger_append(l, &rec, NULL) == 0)
                ledger_checkpoint(l);
        destroy(l);
}
