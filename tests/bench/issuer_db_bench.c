/* SPDX-License-Identifier: BSD-2-Clause */
/* What does a credential cost the issuer's database?
 *
 *   issuer_db_bench DIRECTORY [HOSTS [AGENTS-PER-HOST [THREADS [SECONDS]]]]
 *
 * Both databases in DIRECTORY, with the syncs of its disk: credentials added by threads at once, after so many agents are there already. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include "lib/err.h"
#include "tests/dbfix.h"
#include "tests/pgfix.h"

#define LATENCIES_MAX 2000000

struct bench {
        struct db *db;
        unsigned hosts, agents, threads;
        atomic_uint next;
        unsigned end;           /* of the numbers, while filling */
        double until;
        float *latency;
        atomic_uint n;
};

static double now(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static double processor(void)
{
        struct rusage u;

        getrusage(RUSAGE_SELF, &u);
        return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1e-6;
}

static void add_one(struct bench *b, unsigned n)
{
        char host[32], agent[32];
        const unsigned which = n % (b->hosts * b->agents);

        snprintf(host, sizeof(host), "host-%06u", which % b->hosts);
        snprintf(agent, sizeof(agent), "agent-%05u", which / b->hosts);
        if (dbfix_add(b->db, host, agent, n) != 0) {
                fprintf(stderr, "%s\n", err_text());
                exit(1);
        }
}

static void join_some(unsigned i, void *ctx)
{
        struct bench *b = ctx;
        char host[32];

        for (unsigned h = i; h < b->hosts; h += b->threads) {
                snprintf(host, sizeof(host), "host-%06u", h);
                dbfix_join(b->db, host, h + 1);
        }
}

static void fill_some(unsigned i, void *ctx)
{
        struct bench *b = ctx;
        unsigned n;

        (void)i;
        while ((n = atomic_fetch_add(&b->next, 1)) < b->end)
                add_one(b, n);
}

static void add_some(unsigned i, void *ctx)
{
        struct bench *b = ctx;

        (void)i;
        while (now() < b->until) {
                const double start = now();
                unsigned n;

                add_one(b, atomic_fetch_add(&b->next, 1));
                n = atomic_fetch_add(&b->n, 1);
                if (n < LATENCIES_MAX)
                        b->latency[n] = (float)(now() - start);
        }
}

static int by_size(const void *a, const void *b)
{
        const float x = *(const float *)a, y = *(const float *)b;

        return (x > y) - (x < y);
}

static int no_agent(const struct db_agent *a, void *ctx)
{
        (void)a;
        ++*(unsigned *)ctx;
        return 0;
}

static void measure(const char *where, struct bench b, double seconds)
{
        struct db_stats before, after;
        struct rusage u;
        struct db_host h;
        double start, cpu, took;
        unsigned listed = 0, n;

        b.db = dbfix_open(where);
        b.latency = calloc(LATENCIES_MAX, sizeof(*b.latency));
        if (!b.latency)
                exit(1);
        start = now();
        dbfix_threads(b.threads, join_some, &b);
        b.end = b.hosts * b.agents;
        dbfix_threads(b.threads, fill_some, &b);
        printf("%s: %u hosts and %u agents filled in at %.0f/s\n", db_kind(b.db), b.hosts, b.end, (b.hosts + b.end) / (now() - start));

        b.next = b.end;
        db_stats(b.db, &before);
        start = now();
        cpu = processor();
        b.until = start + seconds;
        dbfix_threads(b.threads, add_some, &b);
        took = now() - start;
        cpu = processor() - cpu;
        db_stats(b.db, &after);
        n = b.n < LATENCIES_MAX ? b.n : LATENCIES_MAX;
        qsort(b.latency, n, sizeof(*b.latency), by_size);
        printf("  %u threads: %.0f credentials/s, %.1f us of this process's processor each, %.1f in one transaction, p50 %.2f ms, p99 %.2f ms\n", b.threads, b.n / took,
               cpu * 1e6 / b.n, b.n / (double)(after.commits - before.commits), b.latency[n / 2] * 1e3, b.latency[n * 99 / 100] * 1e3);

        cpu = processor();
        for (unsigned i = 0; i < 20000; i++) {
                char host[32];

                snprintf(host, sizeof(host), "host-%06u", i % b.hosts);
                if (db_host_get(b.db, host, &h) != 0)
                        exit(1);
        }
        printf("  db_host_get: %.1f us of processor\n", (processor() - cpu) * 1e6 / 20000);
        start = now();
        if (db_agent_list(b.db, NULL, no_agent, &listed) != 0)
                exit(1);
        getrusage(RUSAGE_SELF, &u);
        printf("  all %u agents listed in %.2f s; this process had %ld MB at most\n", listed, now() - start, u.ru_maxrss / 1024);
        free(b.latency);
        db_close(b.db);
}

int main(int argc, char **argv)
{
        struct bench b = { .hosts = argc > 2 ? (unsigned)atoi(argv[2]) : 100, .agents = argc > 3 ? (unsigned)atoi(argv[3]) : 100, .threads = argc > 4 ? (unsigned)atoi(argv[4]) : 8 };
        const double seconds = argc > 5 ? atof(argv[5]) : 3;
        char where[512], dir[64];
        struct pgfix pg;
        struct stat st;

        if (argc < 2 || strlen(argv[1]) > 40) {
                fprintf(stderr, "Usage: issuer_db_bench DIRECTORY [HOSTS [AGENTS-PER-HOST [THREADS [SECONDS]]]]\n");
                return 2;
        }
        setvbuf(stdout, NULL, _IOLBF, 0);
        snprintf(dir, sizeof(dir), "%s/XXXXXX", argv[1]);
        if (!mkdtemp(dir))
                return 1;
        snprintf(where, sizeof(where), "%s/issuer.db", dir);
        measure(where, b, seconds);
        if (stat(where, &st) == 0)
                printf("  %.0f MB\n", (double)st.st_size / 1048576);
        if (pgfix_there()) {
                pgfix_make(&pg, dir, true);
                measure(pg.url, b, seconds);
                printf("  %s MB\n", pgfix_ask(&pg, "SELECT pg_database_size(current_database()) / 1048576"));
                pgfix_stop(&pg);
        }
        snprintf(where, sizeof(where), "rm -rf '%s'", dir);
        return system(where) != 0;
}
