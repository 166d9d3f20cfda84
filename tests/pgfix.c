/* SPDX-License-Identifier: BSD-2-Clause */
/* How does a test get a PostgreSQL that nobody else has? */
#include <fcntl.h>
#include <glob.h>
#include <libpq-fe.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "lib/buf.h"
#include "tests/pgfix.h"

#define NOBODY 65534
#define START_S 60

extern char **environ;

/* The newest that is there, as Debian has them. */
static bool find_program(const char *name, char *ret, size_t size)
{
        glob_t g;
        bool found = false;
        char pattern[64];

        snprintf(pattern, sizeof(pattern), "/usr/lib/postgresql/*/bin/%s", name);
        if (glob(pattern, 0, NULL, &g) == 0 && g.gl_pathc > 0)
                found = snprintf(ret, size, "%s", g.gl_pathv[g.gl_pathc - 1]) < (int)size;
        globfree(&g);
        return found;
}

/* It ends with us, however we end. argv[0..7] are kept free for that. */
#define HEAD 8
static pid_t run(const char **argv, const char *log)
{
        static const char *const as_nobody[HEAD] = { "setpriv", "--pdeathsig", "QUIT", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all", "--" };
        static const char *const as_us[] = { "setpriv", "--pdeathsig", "QUIT", "--" };
        posix_spawn_file_actions_t files;
        pid_t pid;

        if (geteuid() == 0) {
                memcpy(argv, as_nobody, sizeof(as_nobody));
        } else {
                argv += HEAD - ARRAY_LEN(as_us);
                memcpy(argv, as_us, sizeof(as_us));
        }
        posix_spawn_file_actions_init(&files);
        posix_spawn_file_actions_addopen(&files, 1, log, O_WRONLY | O_CREAT | O_APPEND, 0644);
        posix_spawn_file_actions_adddup2(&files, 1, 2);
        if (posix_spawnp(&pid, argv[0], &files, NULL, (char *const *)argv, environ) != 0)
                fail_msg("cannot run %s: %m", argv[HEAD]);
        posix_spawn_file_actions_destroy(&files);
        return pid;
}

bool pgfix_there(void)
{
        char program[128];

        return find_program("initdb", program, sizeof(program)) && find_program("postgres", program, sizeof(program));
}

void pgfix_make(struct pgfix *p, const char *dir, bool durable)
{
        char program[128], data[128], log[128], conf[160];
        const char *argv[] = { [HEAD] = program, "--pgdata", data, "--username=issuer", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", NULL };
        FILE *f;
        int status;

        *p = (struct pgfix){ 0 };
        assert_true(find_program("initdb", program, sizeof(program)));
        snprintf(p->dir, sizeof(p->dir), "%s/pg", dir);
        snprintf(data, sizeof(data), "%s/data", p->dir);
        snprintf(log, sizeof(log), "%s/pg.log", dir);
        snprintf(conf, sizeof(conf), "%s/postgresql.conf", data);
        snprintf(p->url, sizeof(p->url), "postgresql:///postgres?host=%s&user=issuer", p->dir);
        assert_int_equal(chmod(dir, 0755), 0);
        assert_int_equal(mkdir(p->dir, 0755), 0);
        if (geteuid() == 0)
                assert_int_equal(chown(p->dir, NOBODY, NOBODY), 0);
        assert_int_equal(waitpid(run(argv, log), &status, 0) > 0 && status == 0, true);
        f = fopen(conf, "a");
        assert_non_null(f);
        fprintf(f, "listen_addresses = ''\nunix_socket_directories = '%s'\nfsync = %s\nshared_buffers = 32MB\nmax_connections = 80\n", p->dir, durable ? "on" : "off");
        assert_int_equal(fclose(f), 0);
        pgfix_start(p);
}

void pgfix_start(struct pgfix *p)
{
        char program[128], data[128], log[128];
        const char *argv[] = { [HEAD] = program, "-D", data, NULL };

        assert_true(find_program("postgres", program, sizeof(program)));
        snprintf(data, sizeof(data), "%s/data", p->dir);
        snprintf(log, sizeof(log), "%s.log", p->dir);
        p->pid = run(argv, log);
        for (unsigned i = 0; PQping(p->url) != PQPING_OK; i++) {
                if (i > START_S * 50 || waitpid(p->pid, NULL, WNOHANG) != 0)
                        fail_msg("PostgreSQL does not start: see %s", log);
                poll(NULL, 0, 20);
        }
}

void pgfix_stop(struct pgfix *p)
{
        if (p->pid == 0)
                return;
        kill(p->pid, SIGINT);
        waitpid(p->pid, NULL, 0);
        p->pid = 0;
}

const char *pgfix_ask(const struct pgfix *p, const char *sql)
{
        static char field[256];
        PGconn *pg = PQconnectdb(p->url);
        PGresult *res = PQexec(pg, sql);

        if (PQresultStatus(res) != PGRES_COMMAND_OK && PQresultStatus(res) != PGRES_TUPLES_OK)
                fail_msg("%s: %s", sql, PQerrorMessage(pg));
        snprintf(field, sizeof(field), "%s", PQntuples(res) > 0 ? PQgetvalue(res, 0, 0) : "");
        PQclear(res);
        PQfinish(pg);
        return field;
}

void pgfix_sql(const struct pgfix *p, const char *sql)
{
        pgfix_ask(p, sql);
}

void pgfix_empty(const struct pgfix *p)
{
        pgfix_sql(p, "SET client_min_messages = error; DROP SCHEMA public CASCADE; CREATE SCHEMA public");
}
