/* SPDX-License-Identifier: BSD-2-Clause */
/* What do tests put into the issuer's database? */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "lib/err.h"
#include "tests/dbfix.h"

#define THREADS_MAX 32
#define WRITERS 4

extern char **environ;

struct db *dbfix_open(const char *where)
{
        struct db *db;

        if (db_open(where, &db) != 0)
                fail_msg("%s", err_text());
        return db;
}

static void set(char *ret, size_t size, const char *text)
{
        if (db_text(ret, size, BYTES_STR(text)) != 0)
                abort();
}

static struct db_name name_of(unsigned kind, unsigned tpm)
{
        struct db_name n = { .len = 34 };

        memset(n.v, (int)kind, n.len);
        memcpy(n.v, &tpm, sizeof(tpm));
        return n;
}

struct db_host dbfix_host(const char *name, unsigned tpm)
{
        struct db_host h = { .state = DB_ACTIVE, .assurance = HF_ASSURANCE_HARDWARE, .joined = DBFIX_NOW, .ak_until = DBFIX_NOW + 86400, .record = 17 };

        set(h.name, sizeof(h.name), name);
        memset(h.ek_hash, 0xee, sizeof(h.ek_hash));
        memcpy(h.ek_hash, &tpm, sizeof(tpm));
        h.ek_name = name_of(0xe1, tpm);
        h.ak_name = name_of(0xa1, tpm);
        h.srk_name = name_of(0x51, tpm);
        set(h.manufacturer, sizeof(h.manufacturer), "IBM");
        set(h.vendor, sizeof(h.vendor), "SW   TPM");
        set(h.revision, sizeof(h.revision), "1.59");
        set(h.audit, sizeof(h.audit), "command");
        return h;
}

void dbfix_join(struct db *db, const char *name, unsigned tpm)
{
        const struct db_host h = dbfix_host(name, tpm);

        if (db_host_join(db, &h, NULL, NULL) != 0)
                fail_msg("%s", err_text());
}

struct db_agent dbfix_agent(const char *host, const char *name)
{
        struct db_agent a = { .state = DB_ACTIVE };
        char id[600];

        set(a.host, sizeof(a.host), host);
        set(a.name, sizeof(a.name), name);
        set(a.owner, sizeof(a.owner), "Grace Hopper <grace@example.org>");
        set(a.key_label, sizeof(a.key_label), "tls");
        set(a.key_kind, sizeof(a.key_kind), "P-256");
        memset(a.key_hash, 0x4b, sizeof(a.key_hash));
        set(a.profile, sizeof(a.profile), "default");
        snprintf(id, sizeof(id), "spiffe://example.org/host/%s/agent/%s", host, name);
        set(a.spiffe_id, sizeof(a.spiffe_id), id);
        return a;
}

void dbfix_serial(unsigned n, uint8_t ret[GRANT_SERIAL_SIZE])
{
        uint64_t mixed = (n + 1u) * UINT64_C(0x9e3779b97f4a7c15);

        memset(ret, 0x40, GRANT_SERIAL_SIZE);
        memcpy(ret, &mixed, sizeof(mixed));
        memcpy(ret + 12, &n, sizeof(n));
}

struct db_credential dbfix_credential(unsigned n)
{
        struct db_credential c = { .what = DB_X509 | DB_JWT, .record = n + 1u, .issued = DBFIX_NOW, .not_after = DBFIX_NOW + 3600 };

        dbfix_serial(n, c.serial);
        return c;
}

int dbfix_add(struct db *db, const char *host, const char *agent, unsigned n)
{
        const struct db_agent a = dbfix_agent(host, agent);
        const struct db_credential c = dbfix_credential(n);

        return db_credential_add(db, &c, &a, NULL, NULL);
}

/* ---- threads ---- */

struct thread {
        pthread_t thread;
        unsigned i;
        void (*fn)(unsigned i, void *ctx);
        void *ctx;
};

static void *run_thread(void *arg)
{
        struct thread *t = arg;

        t->fn(t->i, t->ctx);
        return NULL;
}

void dbfix_threads(unsigned n, void (*fn)(unsigned i, void *ctx), void *ctx)
{
        struct thread t[THREADS_MAX];

        assert_true(n <= THREADS_MAX);
        for (unsigned i = 0; i < n; i++) {
                t[i] = (struct thread){ .i = i, .fn = fn, .ctx = ctx };
                assert_int_equal(pthread_create(&t[i].thread, NULL, run_thread, &t[i]), 0);
        }
        for (unsigned i = 0; i < n; i++)
                pthread_join(t[i].thread, NULL);
}

/* ---- who is killed while it writes ---- */

struct writer {
        struct db *db;
        unsigned first;
};

static void write_on(unsigned i, void *ctx)
{
        const struct writer *w = ctx;
        char agent[16], line[16];

        snprintf(agent, sizeof(agent), "agent-%u", i);
        for (unsigned n = w->first + i;; n += WRITERS) {
                int len = snprintf(line, sizeof(line), "%10u\n", n);

                if (dbfix_add(w->db, "host", agent, n) != 0) {
                        fprintf(stderr, "%s\n", err_text());
                        exit(1);
                }
                /* In one piece, as a pipe takes what is short. */
                if (write(1, line, (size_t)len) != len)
                        exit(1);
        }
}

void dbfix_writer(int argc, char **argv)
{
        struct writer w;

        if (argc != 4 || strcmp(argv[1], "write") != 0)
                return;
        if (db_open(argv[2], &w.db) != 0) {
                fprintf(stderr, "%s\n", err_text());
                exit(1);
        }
        w.first = (unsigned)strtoul(argv[3], NULL, 10);
        dbfix_threads(WRITERS, write_on, &w);
        exit(1);
}

/* One process: killed when it has said that many. What else it said on its way counts, too. */
static unsigned kill_one(const char *where, unsigned first, unsigned after, unsigned char *said)
{
        char number[16], line[12] = "";
        const char *argv[] = { "/proc/self/exe", "write", where, number, NULL };
        posix_spawn_file_actions_t files;
        unsigned n = 0, most = first;
        int fds[2];
        pid_t pid;
        FILE *f;

        snprintf(number, sizeof(number), "%u", first);
        assert_int_equal(pipe(fds), 0);
        posix_spawn_file_actions_init(&files);
        posix_spawn_file_actions_adddup2(&files, fds[1], 1);
        posix_spawn_file_actions_addclose(&files, fds[0]);
        posix_spawn_file_actions_addclose(&files, fds[1]);
        assert_int_equal(posix_spawn(&pid, argv[0], &files, NULL, (char *const *)argv, environ), 0);
        posix_spawn_file_actions_destroy(&files);
        close(fds[1]);
        f = fdopen(fds[0], "r");
        assert_non_null(f);
        while (fread(line, 11, 1, f) == 1) {
                const unsigned serial = (unsigned)strtoul(line, NULL, 10);

                said[serial] = 1;
                most = serial > most ? serial : most;
                if (++n == after)
                        kill(pid, SIGKILL);
        }
        fclose(f);
        waitpid(pid, NULL, 0);
        if (n < after)
                fail_msg("the writer ended by itself after %u credentials", n);
        return most;
}

void dbfix_killed(const char *where, unsigned rounds)
{
        const size_t max = 4000000;
        unsigned char *said = calloc(1, max);
        unsigned next = 0, kept = 0;
        struct db *db = dbfix_open(where);
        struct db_credential c;
        uint8_t serial[GRANT_SERIAL_SIZE];

        assert_non_null(said);
        dbfix_join(db, "host", 1);
        for (unsigned i = 0; i < rounds; i++) {
                const unsigned first = next;

                /* Room behind what it said for what it did not come to say. */
                next = kill_one(where, first, 1 + i * 7, said) + 1000;
                assert_true(next < max - 100000);
                for (unsigned n = first; n < next; n++) {
                        if (!said[n])
                                continue;
                        dbfix_serial(n, serial);
                        if (db_credential_get(db, serial, &c) != 0)
                                fail_msg("credential %u of round %u was answered and is not there: %s", n, i, err_text());
                        assert_int_equal(c.record, n + 1);
                        kept++;
                }
        }
        assert_true(kept >= rounds);
        db_close(db);
        free(said);
}
