/* SPDX-License-Identifier: BSD-2-Clause */
/* The log: durable when append returns, at the price of few syncs, and whole whatever happens. */
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
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "lib/err.h"
#include "lib/file.h"
#include "tests/auditfix.h"
#include "tests/tempdir.h"

/* Ours is called instead of libc's: counted, slow as a disk, failing, or none where nobody looks at power cuts. */
static atomic_uint syncs, sync_us;
static atomic_int sync_error;
static atomic_bool no_sync;

int fdatasync(int fd)
{
        atomic_fetch_add(&syncs, 1);
        if (sync_us > 0)
                usleep(sync_us);
        if (sync_error != 0) {
                errno = sync_error;
                return -1;
        }
        return no_sync ? 0 : (int)syscall(SYS_fdatasync, fd);
}

int fsync(int fd)
{
        return no_sync ? 0 : (int)syscall(SYS_fsync, fd);
}

static char dir[128];

static int setup(void **state)
{
        int r = tempdir_setup(state);

        snprintf(dir, sizeof(dir), "%s/audit", ((struct tempdir *)*state)->path);
        syncs = sync_us = 0;
        sync_error = 0;
        no_sync = true;
        return r;
}

static int teardown(void **state)
{
        /* Where a test mounted something, however it ended. */
        umount2(dir, MNT_DETACH);
        return tempdir_teardown(state);
}

static struct audit_log *start_with(uint64_t rotate_size, bool direct, struct audit_recovery *how)
{
        struct audit_log_options o = { .rotate_size = rotate_size, .direct = direct };
        struct audit_log *l;

        if (audit_log_open(dir, &o, how, &l) != 0)
                fail_msg("%s", err_text());
        return l;
}

static struct audit_log *start(void)
{
        struct audit_recovery how;

        return start_with(0, false, &how);
}

static int open_fails(void)
{
        struct audit_log_options o = { 0 };
        struct audit_recovery how;
        struct audit_log *l = NULL;
        int r = audit_log_open(dir, &o, &how, &l);

        audit_log_close(l);
        return r;
}

static const char *in_dir(const char *name)
{
        static char path[4][256];
        static unsigned next;

        next = (next + 1) % 4;
        snprintf(path[next], sizeof(path[next]), "%s/%s", dir, name);
        return path[next];
}

static void read_path(const char *path, struct buf *ret)
{
        assert_int_equal(file_read(AT_FDCWD, path, 1 << 24, ret), 0);
}

static void write_path(const char *path, struct bytes a, struct bytes b)
{
        int fd = open(path, O_WRONLY | O_TRUNC | O_CREAT, 0600);

        assert_true(fd >= 0);
        assert_int_equal(write(fd, a.ptr, a.len), a.len);
        assert_int_equal(write(fd, b.ptr, b.len), b.len);
        close(fd);
}

static void assert_head(struct audit_log *l, uint64_t number)
{
        CLEANUP(audit_seen_clear) struct audit_seen seen = { 0 };
        uint8_t root[TREE_HASH];
        struct audit_head h;

        audit_log_head(l, &h);
        assert_int_equal(audit_read_all(dir, number, &seen), 0);
        tree_root(&seen.tree, root);
        assert_int_equal(h.size, seen.tree.size);
        assert_memory_equal(h.root, root, TREE_HASH);
}

static void records_come_back(void **state)
{
        static const unsigned steps[] = { 0, 1, 2, 255, 256, 257, 511, 512, 513, 700 };
        struct audit_recovery how;
        struct audit_log *l;

        (void)state;
        l = start_with(0, false, &how);
        assert_true(how.created);
        assert_false(how.unclean);
        for (size_t i = 1; i < ARRAY_LEN(steps); i++) {
                audit_fill(l, steps[i - 1], steps[i]);
                audit_assert_numbers(dir, 1, steps[i]);
                assert_head(l, 1);
                audit_log_close(l);
                l = start_with(0, false, &how);
                assert_false(how.created);
                assert_true(how.unclean);
                assert_int_equal(how.torn, 0);
                assert_head(l, 1);
        }
        assert_int_equal(audit_put(l, AUDIT_STOP, "700"), 0);
        audit_log_close(l);
        l = start_with(0, false, &how);
        assert_false(how.unclean);
        assert_int_equal(audit_log_number(l), 1);
        audit_log_close(l);
}

struct appender {
        struct audit_log *l;
        pthread_t thread;
        unsigned id, n, failed;
};

static void *append_many(void *ctx)
{
        struct appender *a = ctx;
        char text[32];

        for (unsigned i = 0; i < a->n; i++) {
                snprintf(text, sizeof(text), "%u.%u", a->id, i);
                a->failed += audit_put(a->l, AUDIT_USE, text) != 0;
        }
        return NULL;
}

static void run_threads(struct audit_log *l, struct appender *a, unsigned threads, unsigned n)
{
        for (unsigned i = 0; i < threads; i++) {
                a[i] = (struct appender){ .l = l, .id = i, .n = n };
                assert_int_equal(pthread_create(&a[i].thread, NULL, append_many, &a[i]), 0);
        }
        for (unsigned i = 0; i < threads; i++)
                pthread_join(a[i].thread, NULL);
}

/* Every appender's records are there, in its order. */
static void assert_all_of(const char *where, unsigned appenders, unsigned n)
{
        CLEANUP(audit_seen_clear) struct audit_seen seen = { 0 };
        unsigned next[64] = { 0 }, id, k;

        assert_int_equal(audit_read_all(where, 1, &seen), 0);
        assert_int_equal(seen.tree.size, appenders * n);
        for (uint64_t i = 0; i < seen.tree.size; i++) {
                assert_int_equal(sscanf(seen.detail[i], "%u.%u", &id, &k), 2);
                assert_int_equal(k, next[id]++);
        }
}

static void who_waits_shares_a_sync(void **state)
{
        struct appender a[16];
        struct audit_log *l = start();

        (void)state;
        sync_us = 1000;
        syncs = 0;
        run_threads(l, a, 16, 60);
        sync_us = 0;
        print_message("%u records, %u syncs\n", 16 * 60, syncs);
        assert_true(syncs >= 60);
        assert_true(syncs < 16 * 60 / 4);
        for (unsigned i = 0; i < 16; i++)
                assert_int_equal(a[i].failed, 0);
        assert_all_of(dir, 16, 60);
        assert_head(l, 1);
        audit_log_close(l);
}

/* What a crash may leave behind n octets of the journal, and how many records there must be then. */
static void assert_recovers(struct bytes journal, size_t n, struct bytes tail, uint64_t records)
{
        struct audit_recovery how;
        struct audit_log *l;

        write_path(in_dir("000001/journal"), BYTES(journal.ptr, n), tail);
        audit_assert_numbers(dir, 1, records);  /* who reads it before it is mended sees no more */
        l = start_with(0, false, &how);
        audit_assert_numbers(dir, 1, records);
        assert_head(l, 1);
        audit_fill(l, records, records + 2);
        audit_assert_numbers(dir, 1, records + 2);
        audit_log_close(l);
}

static size_t frame_len(const struct buf *journal, size_t at)
{
        const uint8_t *p = journal->ptr + at;

        return 4 + ((size_t)p[2] << 8 | p[3]) + 8;
}

static void a_torn_tail_goes_and_nothing_else(void **state)
{
        CLEANUP(buf_clear) struct buf journal = { 0 };
        struct audit_log *l = start();
        uint8_t garbage[300], zeros[300] = { 0 };
        uint64_t records = 0;
        size_t end = 0;

        (void)state;
        for (size_t i = 0; i < sizeof(garbage); i++)
                garbage[i] = (uint8_t)(i * 37 + 128);
        audit_fill(l, 0, 4);
        audit_log_close(l);
        read_path(in_dir("000001/journal"), &journal);
        for (size_t n = 0; n <= journal.len; n++) {
                if (n == end + (end < journal.len ? frame_len(&journal, end) : 1)) {
                        records++;
                        end = n;
                }
                assert_recovers(BYTES_OF(&journal), n, BYTES("", 0), records);
                assert_recovers(BYTES_OF(&journal), n, BYTES(zeros, sizeof(zeros)), records);
                assert_recovers(BYTES_OF(&journal), n, BYTES(garbage, sizeof(garbage)), records);
        }
        assert_int_equal(records, 4);
}

static void a_torn_tail_behind_bundles_goes_too(void **state)
{
        CLEANUP(buf_clear) struct buf journal = { 0 };
        struct audit_log *l = start();
        size_t first;

        (void)state;
        audit_fill(l, 0, 258);
        audit_log_close(l);
        read_path(in_dir("000001/journal"), &journal);
        first = frame_len(&journal, 0);
        for (size_t n = first; n < journal.len; n++)
                assert_recovers(BYTES_OF(&journal), n, BYTES("", 0), 257);
        /* The first of a journal came with it, whole: that is no crash. */
        write_path(in_dir("000001/journal"), BYTES(journal.ptr, first - 1), BYTES("", 0));
        assert_int_equal(open_fails(), ERR_FORMAT);
        write_path(in_dir("000001/journal"), BYTES("", 0), BYTES("", 0));
        assert_int_equal(open_fails(), ERR_FORMAT);
}

static void what_no_crash_leaves_is_not_cut_off(void **state)
{
        CLEANUP(buf_clear) struct buf journal = { 0 };
        CLEANUP(buf_clear) struct buf after = { 0 };
        CLEANUP(audit_seen_clear) struct audit_seen seen = { 0 };
        struct audit_log *l = start();
        size_t third, changed = 0;

        (void)state;
        audit_fill(l, 0, 5);
        audit_log_close(l);
        read_path(in_dir("000001/journal"), &journal);
        third = frame_len(&journal, 0);
        third += frame_len(&journal, third);
        for (size_t i = 1; i < third; i++) {
                journal.ptr[i] ^= 0x55;
                write_path(in_dir("000001/journal"), BYTES_OF(&journal), BYTES("", 0));
                assert_int_equal(open_fails(), ERR_FORMAT);
                read_path(in_dir("000001/journal"), &after);
                assert_true(bytes_equal(BYTES_OF(&journal), BYTES_OF(&after)));
                journal.ptr[i] ^= 0x55;
                changed++;
        }
        assert_true(changed > 100);
        /* A record that is whole, but not the next one. */
        write_path(in_dir("000001/journal"), BYTES(journal.ptr, third), BYTES(journal.ptr, third));
        assert_int_equal(open_fails(), ERR_FORMAT);
        assert_int_equal(audit_read_all(dir, 1, &seen), ERR_FORMAT);
        assert_int_equal(seen.tree.size, 2);
}

static void tiles_that_are_not_of_these_records_are_no_crash(void **state)
{
        CLEANUP(buf_clear) struct buf tile = { 0 };
        struct audit_log *l = start();

        (void)state;
        audit_fill(l, 0, 300);
        audit_log_close(l);
        assert_int_equal(rename(in_dir("000001/tile/0/000"), in_dir("000001/tile/0/away")), 0);
        assert_int_equal(open_fails(), ERR_FORMAT);
        assert_int_equal(rename(in_dir("000001/tile/0/away"), in_dir("000001/tile/0/000")), 0);
        assert_int_equal(open_fails(), 0);
        read_path(in_dir("000001/tile/0/000"), &tile);
        tile.ptr[tile.len - 1] ^= 1;
        write_path(in_dir("000001/tile/0/000"), BYTES_OF(&tile), BYTES("", 0));
        assert_int_equal(open_fails(), ERR_FORMAT);
        write_path(in_dir("000001/tile/0/000"), BYTES(tile.ptr, tile.len - 1), BYTES("", 0));
        assert_int_equal(open_fails(), ERR_FORMAT);
}

static void after_a_failed_sync_the_journal_is_new(void **state)
{
        struct audit_log *l = start();
        struct stat before, after;

        (void)state;
        audit_fill(l, 0, 3);
        assert_int_equal(stat(in_dir("000001/journal"), &before), 0);
        sync_error = EIO;
        assert_int_equal(audit_put_number(l, 3), ERR_IO);
        assert_int_equal(stat(in_dir("000001/journal"), &after), 0);
        assert_int_equal(after.st_size, before.st_size);
        audit_assert_numbers(dir, 1, 3);
        sync_error = 0;
        audit_fill(l, 3, 5);
        assert_int_equal(stat(in_dir("000001/journal"), &after), 0);
        assert_true(after.st_ino != before.st_ino);
        assert_head(l, 1);
        audit_log_close(l);
        audit_assert_numbers(dir, 1, 5);
        assert_int_equal(open_fails(), 0);
}

static void a_failed_sync_fails_all_who_waited(void **state)
{
        CLEANUP(audit_seen_clear) struct audit_seen seen = { 0 };
        struct appender a[8];
        struct audit_log *l = start();
        unsigned failed = 0;

        (void)state;
        sync_us = 500;
        sync_error = ENOSPC;
        run_threads(l, a, 8, 10);
        sync_error = 0;
        for (unsigned i = 0; i < 8; i++)
                failed += a[i].failed;
        assert_true(failed > 0);
        /* Some came when the journal was written anew. None who failed is there. */
        assert_int_equal(audit_read_all(dir, 1, &seen), 0);
        assert_int_equal(seen.tree.size, 8 * 10 - failed);
        assert_head(l, 1);
        for (unsigned i = 0; i < 300; i++)
                assert_int_equal(audit_put_number(l, i), 0);
        assert_head(l, 1);
        audit_log_close(l);
        assert_int_equal(open_fails(), 0);
}

static void a_full_disk_leaves_nothing_half_in(void **state)
{
        struct audit_log *l;
        char size[32];
        uint64_t n = 0;
        int r = 0;

        (void)state;
        assert_int_equal(mkdir(dir, 0700), 0);
        if (mount("tmpfs", dir, "tmpfs", 0, "size=256k") != 0)
                skip();
        l = start();
        for (unsigned i = 0; i < 3; i++) {
                while ((r = audit_put_number(l, n)) == 0)
                        n++;
                assert_int_equal(r, ERR_NOSPC);
                assert_int_equal(audit_put_number(l, n), ERR_NOSPC);
                audit_assert_numbers(dir, 1, n);
                assert_head(l, 1);
                /* Somebody makes room. */
                snprintf(size, sizeof(size), "size=%uk", 256 + 128 * (i + 1));
                assert_int_equal(mount("tmpfs", dir, "tmpfs", MS_REMOUNT, size), 0);
                audit_fill(l, n, n + 1);
                n++;
        }
        audit_log_close(l);
        assert_int_equal(open_fails(), 0);
        audit_assert_numbers(dir, 1, n);
        print_message("%llu records until full\n", (unsigned long long)n);
        assert_true(n > 256);
}

static void a_second_writer_is_refused(void **state)
{
        struct audit_log *l = start();

        (void)state;
        assert_int_equal(open_fails(), ERR_TIMEOUT);
        audit_log_close(l);
        assert_int_equal(open_fails(), 0);
}

static void processes_take_turns(void **state)
{
        enum { PROCESSES = 4, EACH = 120 };
        pid_t pid[PROCESSES];
        int status;

        (void)state;
        for (unsigned i = 0; i < PROCESSES; i++) {
                pid[i] = fork();
                if (pid[i] == 0) {
                        struct audit_recovery how;
                        struct appender a = { .l = start_with(0, true, &how), .id = i, .n = EACH };

                        append_many(&a);
                        audit_log_close(a.l);
                        _exit(a.failed > 0);
                }
        }
        for (unsigned i = 0; i < PROCESSES; i++) {
                assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
                assert_int_equal(status, 0);
        }
        assert_all_of(dir, PROCESSES, EACH);
        assert_int_equal(open_fails(), 0);
}

static void threads_of_a_direct_log_take_turns(void **state)
{
        struct audit_recovery how;
        struct audit_log *l = start_with(0, true, &how), *other = start_with(0, true, &how);
        struct appender a[4];

        (void)state;
        for (unsigned i = 0; i < 4; i++) {
                a[i] = (struct appender){ .l = i % 2 ? l : other, .id = i, .n = 70 };
                assert_int_equal(pthread_create(&a[i].thread, NULL, append_many, &a[i]), 0);
        }
        for (unsigned i = 0; i < 4; i++) {
                pthread_join(a[i].thread, NULL);
                assert_int_equal(a[i].failed, 0);
        }
        assert_all_of(dir, 4, 70);
        audit_log_close(l);
        audit_log_close(other);
}

static void a_daemon_keeps_direct_writers_out(void **state)
{
        struct audit_log_options o = { .direct = true };
        struct audit_recovery how;
        struct audit_log *direct = NULL, *l = start();

        (void)state;
        assert_int_equal(audit_log_open(dir, &o, &how, &direct), ERR_TIMEOUT);
        audit_log_close(l);
        direct = start_with(0, true, &how);
        l = start();
        audit_log_close(l);
        audit_fill(direct, 0, 2);
        audit_log_close(direct);
}

static void a_full_log_is_followed_by_the_next(void **state)
{
        struct audit_record first = { .event = AUDIT_ROTATE, .detail = BYTES_STR("0") };
        CLEANUP(free_ptr) uint64_t *all = NULL;
        struct audit_recovery how;
        CLEANUP(audit_seen_clear) struct audit_seen seen = { 0 };
        struct audit_log *l = start_with(10000, false, &how);
        uint64_t n = 0;
        size_t logs;

        (void)state;
        while (!audit_log_full(l)) {
                audit_fill(l, n, n + 1);
                n++;
        }
        assert_true(n > 100);
        audit_log_close(l);
        l = start_with(10000, false, &how);
        assert_true(audit_log_full(l));
        assert_int_equal(audit_log_rotate(l, &first), 0);
        assert_int_equal(audit_log_number(l), 2);
        assert_false(audit_log_full(l));
        assert_head(l, 2);
        audit_fill(l, 1, 300);
        assert_true(audit_log_full(l));
        audit_log_close(l);
        audit_assert_numbers(dir, 1, n);
        /* The first record names the old log; its root is checked by audit_check(). */
        assert_int_equal(audit_read_all(dir, 2, &seen), 0);
        assert_int_equal(seen.tree.size, 300);
        assert_string_equal(seen.detail[0], "1");
        for (unsigned i = 1; i < 300; i++)
                assert_int_equal(strtoull(seen.detail[i], NULL, 10), i);
        l = start();
        assert_int_equal(audit_log_number(l), 2);
        assert_int_equal(audit_logs(dir, &all, &logs), 0);
        assert_int_equal(logs, 2);
        assert_true(all[0] == 1 && all[1] == 2);
        audit_log_close(l);
}

static void rotation_waits_for_who_appends(void **state)
{
        struct audit_record first = { .event = AUDIT_ROTATE, .detail = BYTES_STR("9.0") };
        CLEANUP(audit_seen_clear) struct audit_seen seen = { 0 };
        struct audit_log *l = start();
        struct appender a[4];
        uint64_t total = 0;

        (void)state;
        for (unsigned i = 0; i < 4; i++) {
                a[i] = (struct appender){ .l = l, .id = i, .n = 400 };
                assert_int_equal(pthread_create(&a[i].thread, NULL, append_many, &a[i]), 0);
        }
        for (unsigned i = 0; i < 5; i++) {
                struct audit_head h;
                char note[16];

                usleep(2000);
                audit_log_head(l, &h);
                snprintf(note, sizeof(note), "%u", i);
                assert_int_equal(audit_log_put_checkpoint(l, &h, i, BYTES_STR(note)), 0);
                assert_int_equal(audit_log_rotate(l, &first), 0);
        }
        for (unsigned i = 0; i < 4; i++) {
                pthread_join(a[i].thread, NULL);
                assert_int_equal(a[i].failed, 0);
        }
        for (uint64_t i = 1; i <= 6; i++) {
                audit_seen_clear(&seen);
                assert_int_equal(audit_read_all(dir, i, &seen), 0);
                total += seen.tree.size;
        }
        assert_int_equal(total, 4 * 400 + 5);
        audit_log_close(l);
}

static void only_regular_files_are_written(void **state)
{
        static const char *const names[] = { "000001/journal", "lock", "000001" };
        struct audit_log *l = start();

        (void)state;
        audit_fill(l, 0, 1);
        audit_log_close(l);
        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
                const char *path = in_dir(names[i]), *away = in_dir("away");

                assert_int_equal(rename(path, away), 0);
                assert_int_equal(symlink(away, path), 0);
                assert_int_not_equal(open_fails(), 0);
                assert_int_equal(unlink(path), 0);
                if (i == 0) {
                        CLEANUP(audit_seen_clear) struct audit_seen seen = { 0 };

                        assert_int_equal(mkfifo(path, 0600), 0);
                        assert_int_equal(open_fails(), ERR_FORMAT);
                        assert_int_equal(audit_read_all(dir, 1, &seen), ERR_FORMAT);
                        assert_int_equal(unlink(path), 0);
                }
                assert_int_equal(rename(away, path), 0);
        }
        /* A way for tiles that leads elsewhere. */
        l = start();
        assert_int_equal(symlink("/tmp", in_dir("000001/tile")), 0);
        audit_fill(l, 1, 256);
        assert_int_equal(audit_put_number(l, 256), ERR_FORMAT);
        assert_int_equal(unlink(in_dir("000001/tile")), 0);
        audit_fill(l, 256, 258);
        audit_log_close(l);
        audit_assert_numbers(dir, 1, 258);
}

static void nobody_else_reads_it(void **state)
{
        struct audit_head h;
        struct audit_log *l;
        char command[400];
        mode_t before = umask(0);

        (void)state;
        l = start();
        audit_fill(l, 0, 300);
        audit_log_head(l, &h);
        assert_int_equal(audit_log_put_checkpoint(l, &h, 1, BYTES_STR("note")), 0);
        audit_log_close(l);
        umask(before);
        snprintf(command, sizeof(command), "test -z \"$(find %s -type d ! -perm 0700 -o ! -type d ! -perm 0600)\" && test $(find %s -type f | wc -l) -ge 8",
                 dir, dir);
        assert_int_equal(system(command), 0);
}

static void checkpoints_are_kept_with_their_tiles(void **state)
{
        static const uint64_t sizes[] = { 3, 3, 256, 300, 512, 515 };
        CLEANUP(buf_clear) struct buf note = { 0 };
        struct audit_log *l = start();
        struct audit_reader *rd;
        struct audit_head h;
        struct stat st;
        uint64_t n = 0;
        char text[32];

        (void)state;
        assert_int_equal(audit_reader_open(dir, 1, &rd), 0);
        assert_int_equal(audit_reader_checkpoint(rd, 0, &note), ERR_NOENT);
        assert_int_equal(audit_reader_newest(rd, &note), ERR_NOENT);
        for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
                audit_fill(l, n, sizes[i]);
                n = sizes[i];
                audit_log_head(l, &h);
                assert_int_equal(h.size, n);
                snprintf(text, sizeof(text), "note %zu", i);
                assert_int_equal(audit_log_put_checkpoint(l, &h, i, BYTES_STR(text)), 0);
                assert_int_equal(audit_log_put_checkpoint(l, &h, i, BYTES_STR("another")), ERR_EXIST);
                assert_int_equal(audit_reader_checkpoint(rd, i, &note), 0);
                assert_string_equal(buf_str(&note), text);
                assert_int_equal(audit_reader_newest(rd, &note), 0);
                assert_string_equal(buf_str(&note), text);
                assert_int_equal(audit_reader_checkpoint(rd, i + 1, &note), ERR_NOENT);
                if (n == 3) {
                        assert_int_equal(stat(in_dir("000001/tile/0/000.p/3"), &st), 0);
                        assert_int_equal(st.st_size, 96);
                        assert_int_equal(stat(in_dir("000001/tile/entries/000.p/3"), &st), 0);
                }
        }
        assert_int_equal(access(in_dir("000001/tile/0/000.p"), F_OK), -1);
        assert_int_equal(access(in_dir("000001/tile/entries/000.p"), F_OK), -1);
        assert_int_equal(stat(in_dir("000001/tile/1/000.p/1"), &st), 0);
        assert_int_equal(stat(in_dir("000001/tile/1/000.p/2"), &st), 0);
        assert_int_equal(stat(in_dir("000001/tile/0/002.p/3"), &st), 0);
        h.size++;
        assert_int_equal(audit_log_put_checkpoint(l, &h, 9, BYTES_STR("x")), ERR_INVAL);
        audit_reader_close(rd);
        audit_log_close(l);
        l = start();
        audit_fill(l, n, n + 300);
        audit_assert_numbers(dir, 1, n + 300);
        audit_log_close(l);
}

/* Its own file is there and it is not the newest yet: its writer was killed, or the disk was full. */
static void a_checkpoint_half_stored_is_stored(void **state)
{
        CLEANUP(buf_clear) struct buf note = { 0 };
        struct audit_log *l = start();
        struct audit_reader *rd;
        struct audit_head h;

        (void)state;
        audit_fill(l, 0, 3);
        audit_log_head(l, &h);
        assert_int_equal(audit_log_put_checkpoint(l, &h, 1, BYTES_STR("first")), 0);
        assert_int_equal(rename(in_dir("000001/checkpoint"), in_dir("first")), 0);
        assert_int_equal(audit_log_put_checkpoint(l, &h, 2, BYTES_STR("second")), 0);
        assert_int_equal(rename(in_dir("first"), in_dir("000001/checkpoint")), 0);
        assert_int_equal(audit_log_put_checkpoint(l, &h, 2, BYTES_STR("second")), 0);
        assert_int_equal(audit_reader_open(dir, 1, &rd), 0);
        assert_int_equal(audit_reader_newest(rd, &note), 0);
        assert_string_equal(buf_str(&note), "second");
        audit_log_close(l);

        assert_int_equal(unlink(in_dir("000001/checkpoint")), 0);
        l = start();
        assert_int_equal(audit_reader_newest(rd, &note), 0);
        assert_string_equal(buf_str(&note), "second");
        assert_int_equal(audit_reader_checkpoint(rd, 1, &note), 0);
        assert_int_equal(audit_reader_checkpoint(rd, 2, &note), ERR_NOENT);
        audit_reader_close(rd);
        audit_log_close(l);
}

static void proofs_come_from_tiles_and_journal(void **state)
{
        static const uint64_t asked[] = { 0, 1, 255, 256, 511, 512, 1000, 65535, 65536, 65791, 65792, 65799 };
        struct audit_log *l = start();
        struct audit_reader *rd;
        struct tree_proof p;
        struct audit_head h;
        struct bytes record;
        struct stat st;
        uint8_t leaf[TREE_HASH];

        (void)state;
        audit_fill(l, 0, 65800);
        audit_log_head(l, &h);
        assert_int_equal(stat(in_dir("000001/tile/1/000"), &st), 0);
        assert_int_equal(st.st_size, 8192);
        assert_int_equal(audit_reader_open(dir, 1, &rd), 0);
        for (size_t i = 0; i < ARRAY_LEN(asked); i++) {
                assert_int_equal(audit_reader_seek(rd, asked[i]), 0);
                assert_int_equal(audit_reader_next(rd, &record), 0);
                tree_leaf(record, leaf);
                assert_int_equal(tree_prove_inclusion(audit_reader_hash, rd, asked[i], h.size, &p), 0);
                assert_int_equal(tree_check_inclusion(leaf, asked[i], h.size, &p, h.root), 0);
        }
        assert_int_equal(audit_reader_hash(rd, 0, 65800, leaf), ERR_NOENT);
        audit_reader_close(rd);
        audit_log_close(l);
        l = start();
        assert_head(l, 1);
        audit_log_close(l);
}

static void *grow(void *ctx)
{
        audit_fill(ctx, 0, 1500);
        return NULL;
}

static void it_is_read_while_it_grows(void **state)
{
        struct audit_log *l = start();
        struct audit_reader *rd;
        struct audit_record rec;
        struct bytes record;
        pthread_t thread;
        char text[32];

        (void)state;
        assert_int_equal(audit_reader_open(dir, 1, &rd), 0);
        assert_int_equal(audit_reader_next(rd, &record), ERR_NOENT);
        assert_int_equal(pthread_create(&thread, NULL, grow, l), 0);
        for (unsigned i = 0; i < 1500;) {
                int r = audit_reader_next(rd, &record);

                if (r == ERR_NOENT)
                        continue;
                assert_int_equal(r, 0);
                assert_int_equal(audit_record_decode(record, &rec), 0);
                snprintf(text, sizeof(text), "%u", i++);
                assert_true(bytes_equal(rec.detail, BYTES_STR(text)));
        }
        pthread_join(thread, NULL);
        assert_int_equal(audit_reader_next(rd, &record), ERR_NOENT);
        audit_reader_close(rd);
        audit_log_close(l);
}

static void a_bundle_that_is_gone_is_told(void **state)
{
        struct audit_log *l = start();
        struct audit_reader *rd;
        struct bytes record;

        (void)state;
        audit_fill(l, 0, 600);
        audit_log_close(l);
        assert_int_equal(unlink(in_dir("000001/tile/entries/001")), 0);
        assert_int_equal(audit_reader_open(dir, 1, &rd), 0);
        assert_int_equal(audit_reader_seek(rd, 255), 0);
        assert_int_equal(audit_reader_next(rd, &record), 0);
        assert_int_equal(audit_reader_next(rd, &record), ERR_FORMAT);
        assert_int_equal(audit_reader_seek(rd, 512), 0);
        assert_int_equal(audit_reader_next(rd, &record), 0);
        audit_reader_close(rd);
}

#define WITH_DIR(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                WITH_DIR(records_come_back),
                WITH_DIR(who_waits_shares_a_sync),
                WITH_DIR(a_torn_tail_goes_and_nothing_else),
                WITH_DIR(a_torn_tail_behind_bundles_goes_too),
                WITH_DIR(what_no_crash_leaves_is_not_cut_off),
                WITH_DIR(tiles_that_are_not_of_these_records_are_no_crash),
                WITH_DIR(after_a_failed_sync_the_journal_is_new),
                WITH_DIR(a_failed_sync_fails_all_who_waited),
                WITH_DIR(a_full_disk_leaves_nothing_half_in),
                WITH_DIR(a_second_writer_is_refused),
                WITH_DIR(processes_take_turns),
                WITH_DIR(threads_of_a_direct_log_take_turns),
                WITH_DIR(a_daemon_keeps_direct_writers_out),
                WITH_DIR(a_full_log_is_followed_by_the_next),
                WITH_DIR(rotation_waits_for_who_appends),
                WITH_DIR(only_regular_files_are_written),
                WITH_DIR(nobody_else_reads_it),
                WITH_DIR(checkpoints_are_kept_with_their_tiles),
                WITH_DIR(a_checkpoint_half_stored_is_stored),
                WITH_DIR(proofs_come_from_tiles_and_journal),
                WITH_DIR(it_is_read_while_it_grows),
                WITH_DIR(a_bundle_that_is_gone_is_told),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
