/* SPDX-License-Identifier: BSD-2-Clause */
/* SQLite as the issuer has it: one file, its owner's, synced once for all who wait, and never answered for what is not on it. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <cmocka.h>
#include <sqlite3.h>
#include "lib/err.h"
#include "tests/dbfix.h"
#include "tests/tempdir.h"

/* Ours is called instead of libc's, by SQLite's library: counted, slow as a disk, or failing. */
#define SEEN __attribute__((visibility("default")))

static atomic_uint syncs, sync_us;
static atomic_int sync_error;

SEEN int fdatasync(int fd)
{
        atomic_fetch_add(&syncs, 1);
        if (sync_us > 0)
                usleep(sync_us);
        if (sync_error != 0) {
                errno = sync_error;
                return -1;
        }
        return (int)syscall(SYS_fdatasync, fd);
}

SEEN int fsync(int fd)
{
        return fdatasync(fd);
}

static char where[160], mounted[128];

static int setup(void **state)
{
        int r = tempdir_setup(state);

        snprintf(where, sizeof(where), "%s/issuer.db", ((struct tempdir *)*state)->path);
        snprintf(mounted, sizeof(mounted), "%s/small", ((struct tempdir *)*state)->path);
        syncs = sync_us = 0;
        sync_error = 0;
        return r;
}

static int teardown(void **state)
{
        umount2(mounted, MNT_DETACH);
        return tempdir_teardown(state);
}

static void the_file_is_its_owners(void **state)
{
        static const char *const suffixes[] = { "", "-wal", "-shm" };
        const mode_t before = umask(0);
        struct db *db = dbfix_open(where);
        char path[192];
        struct stat st;

        (void)state;
        umask(before);
        dbfix_join(db, "a", 1);
        for (unsigned i = 0; i < 3; i++) {
                snprintf(path, sizeof(path), "%s%s", where, suffixes[i]);
                assert_int_equal(stat(path, &st), 0);
                assert_int_equal(st.st_mode & 0777, 0600);
        }
        db_close(db);
        assert_int_equal(chmod(where, 0620), 0);
        assert_int_equal(db_open(where, &db), ERR_PERM);
}

static void says_what_is_no_database(void **state)
{
        struct db *db;
        int fd = open(where, O_WRONLY | O_CREAT, 0600);

        (void)state;
        assert_int_equal(write(fd, "this has been a text for as long as anybody can remember, and no database at all, whatever its name may say of it\n", 114), 114);
        close(fd);
        assert_int_equal(db_open(where, &db), ERR_FORMAT);
        assert_int_equal(db_open("relative.db", &db), ERR_INVAL);
        assert_int_equal(db_open("/", &db), ERR_FORMAT);
        strcat(where, "/below");
        assert_int_equal(db_open(where, &db), ERR_NOENT);
}

static void add_ten(unsigned i, void *ctx)
{
        for (unsigned k = 0; k < 10; k++)
                assert_int_equal(dbfix_add(ctx, "a", "agent", i * 10 + k), 0);
}

static void all_who_wait_share_a_sync(void **state)
{
        struct db *db = dbfix_open(where);
        struct db_stats before, after;
        unsigned first;

        (void)state;
        dbfix_join(db, "a", 1);
        db_stats(db, &before);
        first = syncs;
        sync_us = 20000;
        dbfix_threads(16, add_ten, db);
        db_stats(db, &after);
        assert_int_equal(after.operations - before.operations, 160);
        /* While one batch is synced the next gathers: 16 threads, ten times each. */
        assert_true(after.commits - before.commits < 80);
        assert_true(syncs - first >= after.commits - before.commits);
        assert_true(syncs - first < 120);
        db_close(db);
}

static void a_failed_sync_is_not_answered(void **state)
{
        struct db *db = dbfix_open(where);
        struct db_stats stats;

        (void)state;
        dbfix_join(db, "a", 1);
        assert_int_equal(dbfix_add(db, "a", "agent", 1), 0);
        sync_error = EIO;
        assert_int_equal(dbfix_add(db, "a", "agent", 2), ERR_IO);
        assert_int_equal(dbfix_add(db, "a", "agent", 2), ERR_IO);
        sync_error = 0;
        assert_int_equal(dbfix_add(db, "a", "agent", 2), 0);
        db_stats(db, &stats);
        assert_int_equal(stats.failures, 2);
        db_close(db);
        db = dbfix_open(where);
        assert_int_equal(dbfix_add(db, "a", "agent", 1), ERR_EXIST);
        assert_int_equal(dbfix_add(db, "a", "agent", 2), ERR_EXIST);
        db_close(db);
}

static void a_file_that_is_gone_takes_nothing(void **state)
{
        struct db *db = dbfix_open(where), *other;
        char moved[192];

        (void)state;
        dbfix_join(db, "a", 1);
        snprintf(moved, sizeof(moved), "%s.moved", where);
        assert_int_equal(rename(where, moved), 0);
        assert_int_equal(dbfix_add(db, "a", "agent", 1), ERR_IO);
        assert_non_null(strstr(err_text(), "was removed"));
        assert_int_equal(rename(moved, where), 0);
        assert_int_equal(dbfix_add(db, "a", "agent", 1), 0);

        assert_int_equal(rename(where, moved), 0);
        snprintf(moved, sizeof(moved), "%s.other", where);
        other = dbfix_open(moved);
        db_close(other);
        assert_int_equal(rename(moved, where), 0);
        assert_int_equal(dbfix_add(db, "a", "agent", 2), ERR_IO);
        assert_non_null(strstr(err_text(), "was replaced"));
        db_close(db);
}

/* Whatever was answered while the disk filled up is there, and it goes on when there is room. */
static void a_full_disk_loses_nothing(void **state)
{
        unsigned n = 0, last = 0;
        struct db *db;
        struct db_credential c;
        uint8_t serial[GRANT_SERIAL_SIZE];
        char filler[160];
        int fd, r = 0;

        (void)state;
        assert_int_equal(mkdir(mounted, 0700), 0);
        if (mount("tmpfs", mounted, "tmpfs", 0, "size=2m,mode=0700") != 0)
                skip();
        snprintf(where, sizeof(where), "%s/issuer.db", mounted);
        snprintf(filler, sizeof(filler), "%s/filler", mounted);
        fd = open(filler, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        assert_int_equal(posix_fallocate(fd, 0, 1 << 20), 0);
        close(fd);
        db = dbfix_open(where);
        dbfix_join(db, "a", 1);
        while (n < 100000 && (r = dbfix_add(db, "a", "agent", n)) == 0)
                n++;
        assert_int_equal(r, ERR_NOSPC);
        assert_string_equal(err_text(), "the disk of the database is full");
        assert_true(n > 10);
        assert_int_equal(dbfix_add(db, "a", "agent", n), ERR_NOSPC);
        assert_int_equal(db_ping(db), 0);

        assert_int_equal(unlink(filler), 0);
        for (last = n; last < n + 20; last++)
                assert_int_equal(dbfix_add(db, "a", "agent", last), 0);
        db_close(db);
        db = dbfix_open(where);
        for (unsigned i = 0; i < last; i++) {
                dbfix_serial(i, serial);
                assert_int_equal(db_credential_get(db, serial, &c), 0);
        }
        db_close(db);
}

static void *hold_a_while(void *arg)
{
        sqlite3 *h = arg;

        usleep(300000);
        sqlite3_exec(h, "COMMIT", NULL, NULL, NULL);
        return NULL;
}

static void waits_for_another_process(void **state)
{
        struct db *db = dbfix_open(where);
        struct db_host h;
        pthread_t thread;
        sqlite3 *other;

        (void)state;
        dbfix_join(db, "a", 1);
        assert_int_equal(sqlite3_open(where, &other), SQLITE_OK);
        assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE; UPDATE hosts SET vendor = 'seen'", NULL, NULL, NULL), SQLITE_OK);
        /* Readers wait for nobody. */
        assert_int_equal(db_host_get(db, "a", &h), 0);
        assert_string_equal(h.vendor, "SW   TPM");
        assert_int_equal(pthread_create(&thread, NULL, hold_a_while, other), 0);
        assert_int_equal(dbfix_add(db, "a", "agent", 1), 0);
        pthread_join(thread, NULL);
        sqlite3_close(other);
        assert_int_equal(db_host_get(db, "a", &h), 0);
        assert_string_equal(h.vendor, "seen");
        db_close(db);
}

/* A row that was not written by us is an error, not a surprise. */
static void does_not_believe_a_foreign_row(void **state)
{
        static const char *const spoilt[] = {
                "UPDATE hosts SET ek_hash = x'0102'", "UPDATE hosts SET state = 77", "UPDATE hosts SET name = x'61', vendor = 5", "UPDATE hosts SET ak_name = zeroblob(67)",
                "UPDATE hosts SET resets = 4294967296", "UPDATE hosts SET vendor = zeroblob(5)", "UPDATE hosts SET vendor = printf('%0100d', 1)",
        };
        struct db_host h;
        sqlite3 *other;

        for (unsigned i = 0; i < sizeof(spoilt) / sizeof(spoilt[0]); i++) {
                struct db *db = dbfix_open(where);

                dbfix_join(db, "a", 1);
                assert_int_equal(db_host_get(db, "a", &h), 0);
                assert_int_equal(sqlite3_open(where, &other), SQLITE_OK);
                assert_int_equal(sqlite3_exec(other, spoilt[i], NULL, NULL, NULL), SQLITE_OK);
                sqlite3_close(other);
                assert_int_not_equal(db_host_get(db, "a", &h), 0);
                db_close(db);
                unlink(where);
        }
        (void)state;
}

int main(void)
{
#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
        const struct CMUnitTest tests[] = {
                CASE(the_file_is_its_owners), CASE(says_what_is_no_database), CASE(all_who_wait_share_a_sync), CASE(a_failed_sync_is_not_answered),
                CASE(a_file_that_is_gone_takes_nothing), CASE(a_full_disk_loses_nothing), CASE(waits_for_another_process), CASE(does_not_believe_a_foreign_row),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
