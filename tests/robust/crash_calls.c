/* SPDX-License-Identifier: BSD-2-Clause */
/* F1-F4: killed at a random moment, killed on entry to every store-changing call, and every such call failing. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "tests/robust/ops.h"
#include "tests/robust/robust.h"

static char base[200], counted[200];
static char preload[4200], count_to[300], dir[300];

static void fresh(void)
{
        copy_tree(base, robust_store());
}

/* How many store-changing calls an operation makes. */
static long calls_of(const struct op *op)
{
        const char *env[] = { preload, dir, count_to, NULL };
        static struct child c;
        FILE *f;
        long n = 0;

        fresh();
        child_run(&c, op->argv, env, 60);
        f = fopen(counted, "r");
        if (!f || fscanf(f, "%ld", &n) != 1 || !op_acked(op, &c)) {
                fprintf(stderr, "%s cannot be counted: %s\n", op->name, c.text);
                exit(2);
        }
        fclose(f);
        return n;
}

/* One run with something happening at the nth call. True if the operation was acknowledged. */
static bool strike(const struct op *op, long n, const char *action, bool on, struct damage *d)
{
        char at[40], act[40];
        const char *env[] = { preload, dir, at, act, on ? "INJECT_ON=1" : NULL, NULL };
        static struct child c;
        bool acked;

        snprintf(at, sizeof(at), "INJECT_AT=%ld", n);
        snprintf(act, sizeof(act), "INJECT_ACTION=%s", action);
        fresh();
        child_run(&c, op->argv, env, 60);
        acked = op_acked(op, &c);
        if (c.hung || child_crashed(&c)) {
                d->crashes++;
                if (getenv("ROBUST_VERBOSE"))
                        fprintf(stderr, "%s, call %ld, %s: status 0x%x%s\n", op->name, n, action, (unsigned)c.status, c.hung ? " hung" : "");
        }
        op_judge(op, acked, NULL, d);
        return acked;
}

static void row(const char *id, const char *what, const struct damage *d)
{
        robust_row(damage_none(d), id, what, "%u runs: %u half, %u lost, %u unusable, %u crashed or hung", d->runs, d->halves, d->lost, d->unusable,
                   d->crashes);
}

static void killed_at_every_call(void)
{
        const struct op *op;
        char what[100];

        for (size_t i = 0; (op = op_at(i)); i++) {
                struct damage d = { 0 };
                long n = calls_of(op);

                for (long k = 1; k <= n; k++)
                        strike(op, k, "kill", false, &d);
                snprintf(what, sizeof(what), "%s killed at each of %ld store-changing calls", op->name, n);
                row("F2", what, &d);
        }
}

static void failing_at_every_call(const struct op *op, const char *error, bool on)
{
        struct damage d = { 0 };
        long n = calls_of(op);
        char what[100];

        for (long k = 1; k <= n; k++)
                strike(op, k, error, on, &d);
        snprintf(what, sizeof(what), "%s, each of %ld calls: %s%s", op->name, n, error, on ? " from there on" : "");
        row("F3", what, &d);
}

/* What every program must take without its user noticing. */
static void harmless_at_every_call(const struct op *op, const char *action)
{
        struct damage d = { 0 };
        long n = calls_of(op);
        char what[100];

        for (long k = 1; k <= n; k++)
                d.lost += !strike(op, k, action, false, &d);
        snprintf(what, sizeof(what), "%s, each of %ld calls: %s, must succeed", op->name, n, action);
        row("F3", what, &d);
}

static void all_failures(void)
{
        const struct op *op;

        for (size_t i = 0; (op = op_at(i)); i++) {
                failing_at_every_call(op, "ENOSPC", false);
                if (robust_count(0, 1) == 0)
                        return;
                failing_at_every_call(op, "ENOSPC", true);
                failing_at_every_call(op, "EIO", false);
                failing_at_every_call(op, "EIO", true);
                failing_at_every_call(op, "EROFS", true);
                harmless_at_every_call(op, "EINTR");
                harmless_at_every_call(op, "short");
        }
}

static void sleep_us(long us)
{
        struct timespec t = { us / 1000000, us % 1000000 * 1000 };

        nanosleep(&t, NULL);
}

static long now_us(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* Starts a program, kills it after a random part of the time it takes, judges as `op`. */
static void killed_at_random(const char *id, const char *what, const char *const argv[], const struct op *op, int runs)
{
        struct damage d = { 0 };
        static struct child c;
        unsigned killed = 0;
        char text[120];
        long took;

        fresh();
        took = now_us();
        child_run(&c, argv, NULL, 60);
        took = now_us() - took;
        /* Left alone it does what it is to be killed at. */
        op_judge(op, child_ok(&c), NULL, &d);
        d.lost += !child_ok(&c);
        for (int i = 0; i < runs; i++) {
                fresh();
                child_start(&c, argv, NULL);
                sleep_us((long)((double)random() / RAND_MAX * (double)took));
                kill(c.pid, SIGKILL);
                child_wait(&c, 60);
                killed += WIFSIGNALED(c.status);
                op_judge(op, strstr(c.text, "ack new") != NULL, NULL, &d);
        }
        snprintf(text, sizeof(text), "%s killed at a random moment (%u of %d really killed)", what, killed, runs);
        row(id, text, &d);
}

/* A second init mends whatever the first one left. */
static void init_killed_at_every_call(void)
{
        char parent[100], inject[300], store[300], at[40], what[300];
        const char *env[] = { store, preload, inject, count_to, at, "INJECT_ACTION=kill", NULL };
        const char *plain[] = { store, NULL };
        unsigned not_mended = 0, unusable = 0;
        static struct child c;
        long n = 1, k;
        FILE *f;

        snprintf(parent, sizeof(parent), "%.90s.init", robust_scratch());
        snprintf(inject, sizeof(inject), "INJECT_DIR=%s", parent);
        snprintf(store, sizeof(store), "HOLDFAST_STORE=%s/store", parent);
        for (k = 0; k <= n; k++) {
                snprintf(what, sizeof(what), "rm -rf %s && mkdir %s", parent, parent);
                if (system(what) != 0)
                        exit(2);
                snprintf(at, sizeof(at), "INJECT_AT=%ld", k);
                child_run(&c, (const char *const[]){ "holdfast", "init", NULL }, env, 60);
                /* The first time nothing happens, and the calls are counted. */
                f = k == 0 ? fopen(counted, "r") : NULL;
                if (f && (fscanf(f, "%ld", &n) != 1 || !child_ok(&c)))
                        unusable++;
                if (f)
                        fclose(f);
                child_run(&c, (const char *const[]){ "holdfast", "init", NULL }, plain, 60);
                not_mended += !child_ok(&c);
                child_run(&c, (const char *const[]){ "holdfast", "agent", "create", "a", "--owner", "dana", NULL }, plain, 60);
                unusable += !child_ok(&c);
                child_run(&c, (const char *const[]){ "worker", "check", NULL }, plain, 60);
                unusable += !child_ok(&c) || !strstr(c.text, "usable yes\n");
        }
        snprintf(what, sizeof(what), "init killed at each of %ld store-changing calls, then run again", n);
        robust_row(n > 1 && not_mended + unusable == 0, "F2", what, "%ld runs: %u not mended, %u unusable", k, not_mended, unusable);
}

int main(void)
{
        robust_start();
        snprintf(base, sizeof(base), "%s.base", robust_scratch());
        snprintf(counted, sizeof(counted), "%s.count", robust_scratch());
        snprintf(preload, sizeof(preload), "LD_PRELOAD=%s", robust_path(".libs/inject.so"));
        snprintf(count_to, sizeof(count_to), "INJECT_COUNT=%s", counted);
        snprintf(dir, sizeof(dir), "INJECT_DIR=%s", robust_store());
        srandom((unsigned)getpid());
        ops_prepare(base);

        killed_at_random("F1", "C_GenerateKeyPair", (const char *const[]){ "worker", "generate", "new", NULL }, op_at(0), robust_count(10, 200));
        killed_at_every_call();
        all_failures();
        if (robust_has_holdfast())
                killed_at_random("F4", "holdfast key create", (const char *const[]){ "holdfast", "key", "create", "a/new", NULL }, op_at(0),
                                 robust_count(3, 200));
        if (robust_has_holdfast())
                init_killed_at_every_call();
        return robust_end();
}
