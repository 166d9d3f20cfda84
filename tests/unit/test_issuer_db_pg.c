/* SPDX-License-Identifier: BSD-2-Clause */
/* PostgreSQL as the issuer has it: away and back, connections that die, and commits whose answer gets lost. */
#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include "lib/err.h"
#include "tests/dbfix.h"
#include "tests/pgfix.h"
#include "tests/tempdir.h"

#define NOW DBFIX_NOW

static struct tempdir *dir;
static struct pgfix pg;

/* ---- a wire that can be cut ---- */

enum cut { CUT_NONE, CUT_BEFORE_COMMIT, CUT_AFTER_COMMIT };

static struct {
        char dir[96], url[256];
        int listener;
        atomic_int cut;         /* enum cut: at the next one */
        atomic_int left;        /* so many of them */
        atomic_uint cuts;
} wire;

static int unix_address(const char *in, struct sockaddr_un *ret)
{
        memset(ret, 0, sizeof(*ret));
        ret->sun_family = AF_UNIX;
        return snprintf(ret->sun_path, sizeof(ret->sun_path), "%.90s/.s.PGSQL.5432", in);
}

static bool cuts_here(enum cut which, const char *b, size_t n)
{
        static const char sent[] = "COMMIT", done[] = "C\0\0\0\x0b" "COMMIT";
        const bool found = which == CUT_BEFORE_COMMIT ? memmem(b, n, sent, sizeof(sent)) != NULL : memmem(b, n, done, sizeof(done)) != NULL;

        if (!found || atomic_load(&wire.cut) != (int)which || atomic_load(&wire.left) == 0)
                return false;
        atomic_fetch_sub(&wire.left, 1);
        atomic_fetch_add(&wire.cuts, 1);
        return true;
}

static bool forward(int from, int to, enum cut which)
{
        char b[65536];
        const ssize_t n = read(from, b, sizeof(b));

        return n > 0 && !cuts_here(which, b, (size_t)n) && write(to, b, (size_t)n) == n;
}

static void *carry(void *arg)
{
        const int client = *(int *)arg, server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        struct pollfd fds[2] = { { .fd = client, .events = POLLIN }, { .fd = server, .events = POLLIN } };
        struct sockaddr_un a;
        bool open;

        free(arg);
        unix_address(pg.dir, &a);
        open = connect(server, (struct sockaddr *)&a, sizeof(a)) == 0;
        while (open && poll(fds, 2, -1) > 0) {
                if (fds[0].revents)
                        open = forward(client, server, CUT_BEFORE_COMMIT);
                if (open && fds[1].revents)
                        open = forward(server, client, CUT_AFTER_COMMIT);
        }
        close(client);
        close(server);
        return NULL;
}

static void *take_all(void *arg)
{
        (void)arg;
        for (;;) {
                int *client = malloc(sizeof(*client));
                pthread_t thread;

                *client = accept4(wire.listener, NULL, NULL, SOCK_CLOEXEC);
                if (*client < 0 || pthread_create(&thread, NULL, carry, client) != 0) {
                        free(client);
                        return NULL;
                }
                pthread_detach(thread);
        }
}

static pthread_t wire_thread;

static int group_setup(void **state)
{
        struct sockaddr_un a;
        void *t;

        (void)state;
        if (tempdir_setup(&t) != 0)
                return -1;
        dir = t;
        pgfix_make(&pg, dir->path, false);
        snprintf(wire.dir, sizeof(wire.dir), "%s", dir->path);
        snprintf(wire.url, sizeof(wire.url), "postgresql:///postgres?host=%s&user=issuer", wire.dir);
        wire.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        unix_address(wire.dir, &a);
        if (bind(wire.listener, (struct sockaddr *)&a, sizeof(a)) != 0 || listen(wire.listener, 64) != 0)
                return -1;
        return pthread_create(&wire_thread, NULL, take_all, NULL);
}

static int group_teardown(void **state)
{
        void *t = dir;

        (void)state;
        shutdown(wire.listener, SHUT_RDWR);
        pthread_join(wire_thread, NULL);
        close(wire.listener);
        pgfix_stop(&pg);
        return tempdir_teardown(&t);
}

static int setup(void **state)
{
        (void)state;
        pgfix_empty(&pg);
        wire.cut = CUT_NONE;
        wire.cuts = 0;
        return 0;
}

static void arm(enum cut which, int times)
{
        atomic_store(&wire.left, times);
        atomic_store(&wire.cut, (int)which);
}

/* ---- commits whose answer gets lost ---- */

static void lose_each(enum cut which)
{
        struct db *db = dbfix_open(wire.url);
        const struct db_host h = dbfix_host("a", 1);
        const struct db_token t = { .hash = { 1 }, .host = "a", .made = NOW, .until = NOW + 5 };
        uint64_t before, after;
        struct db_counts n;
        size_t revoked;

        arm(which, 1);
        assert_int_equal(db_token_add(db, &t), 0);
        arm(which, 1);
        assert_int_equal(db_host_join(db, &h, t.hash, NULL), 0);
        arm(which, 1);
        assert_int_equal(dbfix_add(db, "a", "agent", 1), 0);
        arm(which, 1);
        assert_int_equal(dbfix_add(db, "a", "agent", 2), 0);
        assert_int_equal(dbfix_add(db, "a", "agent", 2), ERR_EXIST);
        assert_int_equal(db_number_next(db, "crl", 1, &before), 0);
        arm(which, 1);
        assert_int_equal(db_number_next(db, "crl", 1, &after), 0);
        assert_true(after > before);
        arm(which, 1);
        assert_int_equal(db_revoke(db, &(struct db_whom){ .host = "a" }, CRL_SUPERSEDED, NOW, &revoked), 0);
        assert_int_equal(revoked, 2);
        arm(which, 1);
        assert_int_equal(db_token_remove(db, t.hash), 0);
        assert_int_equal(wire.cuts, 7);
        assert_int_equal(db_count(db, &n), 0);
        assert_int_equal(n.credentials, 2);
        assert_int_equal(n.agents, 1);
        db_close(db);
}

static void what_was_not_committed_is_done_again(void **state)
{
        (void)state;
        lose_each(CUT_BEFORE_COMMIT);
}

static void what_was_committed_is_not_done_twice(void **state)
{
        (void)state;
        lose_each(CUT_AFTER_COMMIT);
}

static void says_when_it_does_not_know(void **state)
{
        struct db *db = dbfix_open(wire.url);

        (void)state;
        dbfix_join(db, "a", 1);
        arm(CUT_AFTER_COMMIT, 1000);
        /* Looked up, it is there: without a second commit to lose it would be 0 at once. */
        assert_int_equal(dbfix_add(db, "a", "agent", 1), ERR_IO);
        assert_non_null(strstr(err_text(), "whether the last change was kept is not known"));
        arm(CUT_NONE, 0);
        assert_int_equal(dbfix_add(db, "a", "agent", 1), ERR_EXIST);
        assert_int_equal(dbfix_add(db, "a", "agent", 2), 0);
        db_close(db);
}

/* ---- away and back ---- */

static void ping(unsigned i, void *ctx)
{
        (void)i;
        assert_int_equal(db_ping(ctx), 0);
}

static int64_t now_ms(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void heals_when_the_server_is_back(void **state)
{
        struct db *db = dbfix_open(pg.url);
        int r = -1;

        (void)state;
        dbfix_join(db, "a", 1);
        dbfix_threads(8, ping, db);
        pgfix_stop(&pg);
        assert_int_equal(dbfix_add(db, "a", "agent", 1), ERR_IO);
        assert_non_null(strstr(err_text(), "cannot reach the database"));
        assert_int_equal(db_ping(db), ERR_IO);
        pgfix_start(&pg);
        for (int64_t until = now_ms() + 20000; r != 0 && now_ms() < until; poll(NULL, 0, 50))
                r = dbfix_add(db, "a", "agent", 1);
        assert_int_equal(r, 0);
        dbfix_threads(8, ping, db);
        db_close(db);
}

static void a_connection_that_died_is_replaced(void **state)
{
        struct db *db = dbfix_open(pg.url);
        struct db_stats stats;

        (void)state;
        dbfix_join(db, "a", 1);
        for (unsigned i = 0; i < 3; i++) {
                dbfix_threads(8, ping, db);
                pgfix_sql(&pg, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'holdfast-issuer'");
                assert_int_equal(dbfix_add(db, "a", "agent", i), 0);
        }
        db_stats(db, &stats);
        assert_int_equal(stats.failures, 0);
        assert_in_range(stats.connections, 1, 8);
        db_close(db);
}

/* ---- locks ---- */

static PGconn *hold(const char *sql)
{
        PGconn *other = PQconnectdb(pg.url);

        PQclear(PQexec(other, "BEGIN"));
        PQclear(PQexec(other, sql));
        return other;
}

static void let_go(PGconn *other)
{
        PQclear(PQexec(other, "COMMIT"));
        PQfinish(other);
}

static void a_lock_is_not_waited_for_for_ever(void **state)
{
        struct db *db = dbfix_open(pg.url);
        struct db_host h;
        PGconn *other;

        (void)state;
        dbfix_join(db, "a", 1);
        dbfix_join(db, "b", 2);
        other = hold("UPDATE hosts SET vendor = 'locked' WHERE name = 'a'");
        assert_int_equal(dbfix_add(db, "b", "agent", 1), 0);
        assert_int_equal(db_host_get(db, "a", &h), 0);
        assert_int_equal(dbfix_add(db, "a", "agent", 2), ERR_TIMEOUT);
        let_go(other);
        assert_int_equal(dbfix_add(db, "a", "agent", 2), 0);
        db_close(db);
}

/* ---- how it is reached ---- */

static void no_sentence_has_the_password(void **state)
{
        static const char *const urls[] = {
                "postgresql://issuer:hunter2@localhost:port/db", "postgresql://issuer:hunter2@/postgres?host=/nonexistent", "postgresql://issuer:hunter2@/db?nonsense=1",
                "mysql://issuer:hunter2@/",
        };
        struct db *db;

        (void)state;
        for (unsigned i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
                assert_int_not_equal(db_open(urls[i], &db), 0);
                assert_true(strlen(err_text()) > 10);
                assert_null(strstr(err_text(), "hunter2"));
        }
}

static void only_where_it_may_write(void **state)
{
        struct db *db = dbfix_open(pg.url), *none;

        (void)state;
        pgfix_sql(&pg, "ALTER ROLE issuer SET default_transaction_read_only = on");
        assert_int_equal(db_open(pg.url, &none), ERR_IO);
        assert_non_null(strstr(err_text(), "read-only"));
        pgfix_sql(&pg, "BEGIN READ WRITE; ALTER ROLE issuer RESET default_transaction_read_only; COMMIT");
        dbfix_join(db, "a", 1);
        db_close(db);
}

static void a_commit_waits_for_the_disk(void **state)
{
        struct db *db;
        char before[32], written[32];

        (void)state;
        pgfix_sql(&pg, "ALTER ROLE issuer SET synchronous_commit = off");
        db = dbfix_open(pg.url);
        dbfix_join(db, "a", 1);
        for (unsigned i = 0; i < 20; i++) {
                snprintf(before, sizeof(before), "%s", pgfix_ask(&pg, "SELECT pg_current_wal_flush_lsn()"));
                assert_int_equal(dbfix_add(db, "a", "agent", i), 0);
                snprintf(written, sizeof(written), "%s", pgfix_ask(&pg, "SELECT pg_current_wal_flush_lsn()"));
                assert_string_not_equal(before, written);
        }
        db_close(db);
        pgfix_sql(&pg, "ALTER ROLE issuer RESET synchronous_commit");
}

int main(void)
{
#define CASE(fn) cmocka_unit_test_setup(fn, setup)
        const struct CMUnitTest tests[] = {
                CASE(what_was_not_committed_is_done_again), CASE(what_was_committed_is_not_done_twice), CASE(says_when_it_does_not_know),
                CASE(heals_when_the_server_is_back), CASE(a_connection_that_died_is_replaced), CASE(a_lock_is_not_waited_for_for_ever),
                CASE(no_sentence_has_the_password), CASE(only_where_it_may_write), CASE(a_commit_waits_for_the_disk),
        };

        if (!pgfix_there()) {
                print_message("SKIP: no PostgreSQL (on Debian: apt-get install postgresql)\n");
                return 77;
        }
        return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
