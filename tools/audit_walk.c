/* SPDX-License-Identifier: BSD-2-Clause */
/* Which record comes next, also where one log ends and the next begins, and where something cannot be read? */
#include <stdlib.h>
#include <string.h>
#include "audit/tree.h"
#include "tools/audit.h"

struct audit_walk {
        char *dir;
        struct audit_reader *rd;
        struct audit_at at;
        uint64_t missing;
        bool passed;                    /* what could not be read is one record, and behind us */
};

/* The first log that is there from this number on. */
static int log_from(const char *dir, uint64_t number, uint64_t *ret)
{
        CLEANUP(free_ptr) uint64_t *logs = NULL;
        size_t n = 0;
        int r;

        r = audit_logs(dir, &logs, &n);
        if (r != 0)
                return r;
        for (size_t i = 0; i < n; ++i) {
                if (logs[i] >= number) {
                        *ret = logs[i];
                        return 0;
                }
        }
        return ERR_NOENT;
}

static int go_to(struct audit_walk *w, struct audit_at at)
{
        struct audit_reader *rd;
        int r;

        r = audit_reader_open(w->dir, at.log, &rd);
        if (r != 0)
                return r;
        audit_reader_close(w->rd);
        w->rd = rd;
        w->at = at;
        return audit_reader_seek(rd, at.seq);
}

int audit_walk_open(const char *dir, struct audit_at from, struct audit_walk **ret)
{
        struct audit_walk *w = calloc(1, sizeof *w);
        uint64_t log = 0;
        int r = 0;

        if (w == NULL || (w->dir = strdup(dir)) == NULL)
                r = err(ERR_NOMEM, "out of memory");
        if (r == 0)
                r = log_from(dir, from.log, &log);
        if (r == ERR_NOENT && from.log > 1)
                r = err(ERR_NOENT, "there is no log %llu in %s, and none behind it", (unsigned long long)from.log, dir);
        else if (r == ERR_NOENT)
                r = err(ERR_NOENT, "there is no log in %s", dir);
        if (r == 0)
                r = go_to(w, log == from.log ? from : (struct audit_at){ .log = log });
        if (r != 0) {
                audit_walk_close(w);
                return r;
        }
        w->missing = from.log > 0 ? log - from.log : 0;
        *ret = w;
        return 0;
}

void audit_walk_close(struct audit_walk *w)
{
        if (w == NULL)
                return;
        audit_reader_close(w->rd);
        free(w->dir);
        free(w);
}

/* When the next log is there, nothing is written to this one any more. */
static int next_raw(struct audit_walk *w, struct bytes *ret)
{
        int r;

        for (;;) {
                uint64_t next;

                r = audit_reader_next(w->rd, ret);
                if (r != ERR_NOENT || log_from(w->dir, w->at.log + 1, &next) != 0)
                        return r;
                r = audit_reader_next(w->rd, ret);
                if (r != ERR_NOENT)
                        return r;
                w->missing += next - w->at.log - 1;
                r = go_to(w, (struct audit_at){ .log = next });
                if (r != 0)
                        return r;
        }
}

int audit_walk_next(struct audit_walk *w, struct audit_entry *ret)
{
        int r;

        r = next_raw(w, &ret->raw);
        if (r != 0)
                return r;
        ret->at = w->at;
        w->at.seq++;
        r = audit_record_decode(ret->raw, &ret->record);
        w->passed = r == ERR_FORMAT;
        return r;
}

int audit_walk_skip(struct audit_walk *w, uint64_t *ret_n)
{
        struct audit_at behind = { w->at.log, (w->at.seq / TILE_WIDTH + 1) * TILE_WIDTH };
        struct bytes raw;
        uint64_t next;
        int r;

        if (w->passed) {
                w->passed = false;
                *ret_n = 1;
                return 0;
        }
        audit_reader_seek(w->rd, behind.seq);
        r = audit_reader_next(w->rd, &raw);
        if (r == 0) {
                *ret_n = behind.seq - w->at.seq;
                w->at = behind;
                return audit_reader_seek(w->rd, behind.seq);
        }
        audit_reader_seek(w->rd, w->at.seq);
        if (log_from(w->dir, w->at.log + 1, &next) != 0)
                return err(ERR_FORMAT, "log %llu cannot be read from record %llu on", (unsigned long long)w->at.log, (unsigned long long)w->at.seq);
        w->missing += next - w->at.log - 1;
        *ret_n = UINT64_MAX;
        return go_to(w, (struct audit_at){ .log = next });
}

struct audit_at audit_walk_at(const struct audit_walk *w)
{
        return w->at;
}

uint64_t audit_walk_missing(const struct audit_walk *w)
{
        return w->missing;
}
