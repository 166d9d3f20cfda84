/* SPDX-License-Identifier: BSD-2-Clause */
/* F2, F3 for the log: its writer killed on entry to every call that changes it, and every such call failing. What was
 * acknowledged is there, in order, with nothing else but what was being written; and more can be written.
 *
 * Called as "audit_crash work DIR [direct]" it is the writer: over the change of a bundle, a checkpoint and a rotation. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "lib/err.h"
#include "tests/auditfix.h"
#include "tests/robust/robust.h"

/* Records there before, in the first log afterwards, and in the second. */
enum { BEFORE = 252, FIRST = 260, SECOND = 3, TRIES = 3 };

static char base[100], dir[120], program[] = "audit_crash";

static void ack(uint64_t log, uint64_t n)
{
        char text[64];
        int len = snprintf(text, sizeof(text), "%" PRIu64 ".%" PRIu64 "\n", log, n);

        if (write(1, text, (size_t)len) != len)
                _exit(3);
}

static int checkpoint(struct audit_log *l)
{
        struct audit_head h;
        int r;

        audit_log_head(l, &h);
        r = audit_log_put_checkpoint(l, &h, h.size, BYTES_STR("note"));
        /* The try before went as far as that. */
        return r == ERR_EXIST ? 0 : r;
}

static int rotate(struct audit_log *l)
{
        struct audit_record r = { .event = AUDIT_ROTATE, .time_ms = 1 };

        return audit_log_rotate(l, &r);
}

/* One step of the writer: what comes next in this log. */
static int step(struct audit_log *l, bool direct)
{
        struct audit_head h;
        uint64_t log;
        int r;

        audit_log_head(l, &h);
        log = audit_log_number(l);
        if (log == 1 && h.size == FIRST) {
                r = rotate(l);
                if (r == 0)
                        ack(2, 0);
                return r;
        }
        if (!direct && (h.size == 254 || h.size == 256 || h.size == 258) && checkpoint(l) != 0)
                return ERR_IO;
        r = audit_put_number(l, h.size);
        if (r == 0)
                ack(log, h.size);
        return r;
}

static int work(const char *where, bool direct)
{
        struct audit_log_options o = { .direct = direct };
        struct audit_recovery how;
        struct audit_log *l;
        struct audit_head h;
        unsigned failed = 0;

        if (audit_log_open(where, &o, &how, &l) != 0)
                return 1;
        do {
                failed = step(l, direct) == 0 ? 0 : failed + 1;
                audit_log_head(l, &h);
        } while (failed < TRIES && (audit_log_number(l) < 2 || h.size < SECOND));
        audit_log_close(l);
        return failed == 0 ? 0 : 1;
}

struct damage {
        unsigned runs, lost, extra, unusable, crashes, unfinished;
};

/* What is in a log; acked is a bit per record of it. */
static void judge_log(uint64_t number, const bool *acked, size_t n, unsigned may_be_more, struct damage *d)
{
        CLEANUP(audit_seen_clear) struct audit_seen seen = { 0 };
        uint64_t extra = 0;

        if (audit_read_all(dir, number, &seen) != 0) {
                for (size_t i = 0; i < n; i++)
                        d->lost += acked[i];
                return;
        }
        /* The first of a log that follows another names that. */
        for (size_t i = 0; i < n; i++)
                d->lost += acked[i] && (i >= seen.tree.size || strtoull(seen.detail[i], NULL, 10) != (i == 0 ? number - 1 : i));
        for (size_t i = 0; i < seen.tree.size; i++)
                extra += i >= n || !acked[i];
        d->extra += extra > may_be_more;
}

static void judge(const struct child *c, unsigned may_be_more, struct damage *d)
{
        struct audit_log_options o = { 0 };
        struct audit_recovery how;
        struct audit_log *l;
        bool acked[2][FIRST + 1] = { { false } };
        const char *p = c->text;
        unsigned log, n;

        for (unsigned i = 0; i < BEFORE; i++)
                acked[0][i] = true;
        for (; sscanf(p, "%u.%u\n", &log, &n) == 2 && strchr(p, '\n'); p = strchr(p, '\n') + 1)
                acked[log - 1][n] = true;
        d->runs++;
        judge_log(1, acked[0], FIRST + 1, may_be_more, d);
        judge_log(2, acked[1], FIRST + 1, may_be_more, d);
        if (audit_log_open(dir, &o, &how, &l) != 0) {
                fprintf(stderr, "%s\n", err_text());
                d->unusable++;
                return;
        }
        d->unusable += audit_put(l, AUDIT_STOP, "stop") != 0 || checkpoint(l) != 0;
        audit_log_close(l);
        judge_log(1, acked[0], FIRST + 1, may_be_more + 1, d);
        judge_log(2, acked[1], FIRST + 1, may_be_more + 1, d);
}

static void run(bool direct, long at, const char *action, bool on, struct child *c)
{
        char preload[4200], inject[200], number[40], act[40], count[200];
        const char *argv[] = { program, "work", dir, direct ? "direct" : NULL, NULL };
        const char *env[] = { preload, inject, number, act, count, on ? "INJECT_ON=1" : NULL, NULL };

        snprintf(preload, sizeof(preload), "LD_PRELOAD=%s", robust_path(".libs/inject.so"));
        snprintf(inject, sizeof(inject), "INJECT_DIR=%s", dir);
        snprintf(number, sizeof(number), "INJECT_AT=%ld", at);
        snprintf(act, sizeof(act), "INJECT_ACTION=%s", action);
        snprintf(count, sizeof(count), "INJECT_COUNT=%s.count", base);
        copy_tree(base, dir);
        child_run(c, argv, env, 60);
}

static long calls_of(bool direct)
{
        static struct child c;
        char path[120];
        long n = 0;
        FILE *f;

        run(direct, 0, "", false, &c);
        snprintf(path, sizeof(path), "%s.count", base);
        f = fopen(path, "r");
        if (!child_ok(&c) || !f || fscanf(f, "%ld", &n) != 1)
                abort();
        fclose(f);
        return n;
}

/* succeeds: the writer must get over it. */
static void at_every_call(const char *id, bool direct, const char *action, bool on, bool succeeds)
{
        struct damage d = { 0 };
        long n = calls_of(direct);
        static struct child c;
        char what[120];

        for (long k = 1; k <= n; k++) {
                run(direct, k, action, on, &c);
                d.crashes += c.hung || child_crashed(&c);
                d.unfinished += succeeds && !child_ok(&c);
                /* The record in the middle of which it ended. */
                judge(&c, child_ok(&c) ? 0 : 1, &d);
        }
        snprintf(what, sizeof(what), "the log%s, each of %ld calls: %s%s", direct ? ", direct" : "", n, action, on ? " from there on" : "");
        robust_row(d.lost + d.extra + d.unusable + d.crashes + d.unfinished == 0 && n > 40, id, what,
                   "%u runs: %u lost, %u not acknowledged but there, %u unusable, %u crashed or hung, %u given up", d.runs, d.lost, d.extra, d.unusable,
                   d.crashes, d.unfinished);
}

static void prepare(void)
{
        struct audit_log_options o = { 0 };
        struct audit_recovery how;
        struct audit_log *l;

        if (audit_log_open(base, &o, &how, &l) != 0)
                abort();
        for (uint64_t i = 0; i < BEFORE; i++)
                if (audit_put_number(l, i) != 0)
                        abort();
        audit_log_close(l);
}

int main(int argc, char **argv)
{
        /* Where a sync costs nothing, if there is such a place. */
        char command[200], shm[] = "/dev/shm/hf-audit-XXXXXX", tmp[] = "/tmp/hf-audit-XXXXXX", *top = shm;
        int r;

#ifdef HF_SANITIZED
        /* The sanitizers want to be the first library. */
        return 77;
#endif
        if (argc >= 3 && strcmp(argv[1], "work") == 0)
                return work(argv[2], argc > 3);
        setvbuf(stdout, NULL, _IOLBF, 0);
        if (!mkdtemp(top) && !mkdtemp(top = tmp))
                abort();
        snprintf(base, sizeof(base), "%s/base", top);
        snprintf(dir, sizeof(dir), "%s/audit", top);
        prepare();
        at_every_call("F2", false, "kill", false, false);
        at_every_call("F2", true, "kill", false, false);
        at_every_call("F3", false, "EIO", false, false);
        at_every_call("F3", false, "ENOSPC", true, false);
        at_every_call("F3", false, "short", true, true);
        if (robust_count(0, 1)) {
                at_every_call("F3", false, "EIO", true, false);
                at_every_call("F3", false, "ENOSPC", false, false);
                at_every_call("F3", true, "EIO", false, false);
                at_every_call("F3", true, "ENOSPC", true, false);
        }
        snprintf(command, sizeof(command), "rm -rf '%s'", top);
        r = system(command);
        return robust_end() != 0 || r != 0;
}
