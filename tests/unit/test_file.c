/* SPDX-License-Identifier: BSD-2-Clause */
/* Small files, whole or not at all. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include "lib/err.h"
#include "lib/file.h"
#include "tests/tempdir.h"

static int count_entry(const struct dirent *e, void *ctx)
{
        (void)e;
        ++*(unsigned *)ctx;
        return 0;
}

static unsigned entries(int dir)
{
        unsigned n = 0;

        assert_int_equal(dir_list(dir, count_entry, &n), 0);
        return n;
}

static void assert_content(int dir, const char *name, const char *want)
{
        CLEANUP(buf_clear) struct buf b = { 0 };

        assert_int_equal(file_read(dir, name, 1000, &b), 0);
        assert_true(bytes_equal(BYTES_OF(&b), BYTES_STR(want)));
}

static void writes_and_reads(void **state)
{
        struct tempdir *t = *state;
        struct stat st;

        assert_int_equal(file_write(t->fd, "a", BYTES_STR("one"), 0600, false), 0);
        assert_content(t->fd, "a", "one");
        assert_int_equal(fstatat(t->fd, "a", &st, 0), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
        assert_int_equal(file_write(t->fd, "a", BYTES_STR("two"), 0600, false), ERR_EXIST);
        assert_content(t->fd, "a", "one");
        assert_int_equal(file_write(t->fd, "a", BYTES_STR("three"), 0600, true), 0);
        assert_content(t->fd, "a", "three");
        assert_int_equal(file_write(t->fd, "empty", BYTES("", 0), 0600, false), 0);
        assert_content(t->fd, "empty", "");
        assert_int_equal(entries(t->fd), 2);
        assert_int_equal(file_remove(t->fd, "a"), 0);
        assert_int_equal(file_remove(t->fd, "a"), ERR_NOENT);
        assert_int_equal(entries(t->fd), 1);
}

static void reads_only_regular_files_of_bounded_size(void **state)
{
        struct tempdir *t = *state;
        CLEANUP(buf_clear) struct buf b = { 0 };

        assert_int_equal(file_write(t->fd, "ten", BYTES_STR("0123456789"), 0600, false), 0);
        assert_int_equal(file_read(t->fd, "ten", 10, &b), 0);
        assert_int_equal(b.len, 10);
        assert_int_equal(file_read(t->fd, "ten", 9, &b), ERR_FORMAT);
        assert_int_equal(file_read(t->fd, "none", 9, &b), ERR_NOENT);
        assert_int_equal(symlinkat("ten", t->fd, "link"), 0);
        assert_int_equal(file_read(t->fd, "link", 100, &b), ERR_FORMAT);
        assert_int_equal(mkfifoat(t->fd, "fifo", 0600), 0);
        assert_int_equal(file_read(t->fd, "fifo", 100, &b), ERR_FORMAT);
        assert_int_equal(mkdirat(t->fd, "dir", 0700), 0);
        assert_int_equal(file_read(t->fd, "dir", 100, &b), ERR_FORMAT);
        /* Files that have no size and never end. */
        assert_int_equal(file_read(AT_FDCWD, "/dev/zero", 100, &b), ERR_FORMAT);
        assert_int_equal(file_read(AT_FDCWD, "/proc/self/maps", 10, &b), ERR_FORMAT);
        assert_int_equal(file_read(AT_FDCWD, "/proc/self/maps", 1 << 20, &b), 0);
        assert_true(b.len > 1000);
}

static void renames_without_replacing(void **state)
{
        struct tempdir *t = *state;

        assert_int_equal(file_write(t->fd, "a", BYTES_STR("a"), 0600, false), 0);
        assert_int_equal(file_write(t->fd, "b", BYTES_STR("b"), 0600, false), 0);
        assert_int_equal(mkdirat(t->fd, "d", 0700), 0);
        assert_int_equal(mkdirat(t->fd, "e", 0700), 0);
        assert_int_equal(file_rename(t->fd, "a", "b"), ERR_EXIST);
        assert_int_equal(file_rename(t->fd, "d", "e"), ERR_EXIST);
        assert_int_equal(file_rename(t->fd, "none", "x"), ERR_NOENT);
        assert_int_equal(file_rename(t->fd, "a", "c"), 0);
        assert_int_equal(file_rename(t->fd, "d", "f"), 0);
        assert_content(t->fd, "b", "b");
        assert_content(t->fd, "c", "a");
}

static void exchanges_two_that_are_there(void **state)
{
        struct tempdir *t = *state;

        assert_int_equal(file_write(t->fd, "a", BYTES_STR("a"), 0600, false), 0);
        assert_int_equal(mkdirat(t->fd, "d", 0700), 0);
        assert_int_equal(file_exchange(t->fd, "a", "none"), ERR_NOENT);
        assert_int_equal(file_exchange(t->fd, "none", "a"), ERR_NOENT);
        assert_content(t->fd, "a", "a");
        assert_int_equal(file_exchange(t->fd, "a", "d"), 0);
        assert_content(t->fd, "d", "a");
        assert_int_equal(unlinkat(t->fd, "a", AT_REMOVEDIR), 0);
}

/* A name that a writer of another process used. */
static void temp_name_of(pid_t pid, char ret[FILE_TEMP_NAME_SIZE])
{
        assert_int_equal(file_temp_name(ret), 0);
        snprintf(strrchr(ret, '-'), 16, "-%ld", (long)pid);
}

static pid_t dead_process(void)
{
        pid_t pid = fork();

        if (pid == 0)
                _exit(0);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        return pid;
}

static void sweeps_the_dead_only(void **state)
{
        struct tempdir *t = *state;
        char dead[FILE_TEMP_NAME_SIZE], dead_dir[FILE_TEMP_NAME_SIZE], own[FILE_TEMP_NAME_SIZE];
        pid_t pid = dead_process();
        CLEANUP(close_fd) int dir = -1;

        temp_name_of(pid, dead);
        temp_name_of(pid, dead_dir);
        temp_name_of(getpid(), own);
        assert_int_equal(file_write(t->fd, dead, BYTES_STR("x"), 0600, false), 0);
        assert_int_equal(file_write(t->fd, own, BYTES_STR("x"), 0600, false), 0);
        assert_int_equal(file_write(t->fd, "tmp-1-999999999", BYTES_STR("x"), 0600, false), 0);
        assert_int_equal(file_write(t->fd, ".tmp-999999999", BYTES_STR("x"), 0600, false), 0);
        assert_int_equal(file_write(t->fd, ".tmp-1-x", BYTES_STR("x"), 0600, false), 0);
        assert_int_equal(mkdirat(t->fd, dead_dir, 0700), 0);
        assert_int_equal(dir_open(t->fd, dead_dir, &dir), 0);
        assert_int_equal(file_write(dir, "agent", BYTES_STR("x"), 0600, false), 0);

        assert_int_equal(entries(t->fd), 6);
        file_sweep(t->fd);
        assert_int_equal(entries(t->fd), 4);
        assert_int_equal(faccessat(t->fd, dead, F_OK, 0), -1);
        assert_int_equal(faccessat(t->fd, dead_dir, F_OK, 0), -1);
        assert_int_equal(faccessat(t->fd, own, F_OK, 0), 0);
}

static void makes_directories_with_parents(void **state)
{
        struct tempdir *t = *state;
        CLEANUP(close_fd) int fd = -1;
        char path[128];
        struct stat st;

        snprintf(path, sizeof(path), "%s/x/y//z/", t->path);
        assert_int_equal(dir_make(path, 0700), 0);
        assert_int_equal(dir_make(path, 0700), 0);
        assert_int_equal(fstatat(t->fd, "x/y/z", &st, 0), 0);
        assert_int_equal(st.st_mode & 07777, 0700);

        assert_int_equal(file_write(t->fd, "file", BYTES_STR(""), 0600, false), 0);
        snprintf(path, sizeof(path), "%s/file", t->path);
        assert_int_equal(dir_make(path, 0700), ERR_EXIST);
        assert_int_equal(dir_open(t->fd, "none", &fd), ERR_NOENT);
        assert_int_equal(dir_open(t->fd, "file", &fd), ERR_FORMAT);
        assert_int_equal(symlinkat("x", t->fd, "link"), 0);
        assert_int_equal(dir_open(t->fd, "link", &fd), ERR_FORMAT);
        assert_int_equal(dir_make("", 0700), ERR_NOENT);
}

static uint64_t now_ms(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void locks_with_a_deadline(void **state)
{
        struct tempdir *t = *state;
        CLEANUP(file_unlock) int a = -1;
        CLEANUP(file_unlock) int b = -1;
        uint64_t start;

        assert_int_equal(file_lock(t->fd, "lock", false, 50, &a), 0);
        assert_int_equal(file_lock(t->fd, "lock", false, 50, &b), 0);
        file_unlock(&b);
        start = now_ms();
        assert_int_equal(file_lock(t->fd, "lock", true, 50, &b), ERR_TIMEOUT);
        assert_in_range(now_ms() - start, 50, 1000);
        assert_int_equal(b, -1);
        file_unlock(&a);
        assert_int_equal(file_lock(t->fd, "lock", true, 50, &b), 0);
        assert_int_equal(file_lock(t->fd, "lock", false, 50, &a), ERR_TIMEOUT);
}

/* A child of fork() has a copy of the descriptor until it ends. */
static void a_fork_does_not_keep_a_lock(void **state)
{
        struct tempdir *t = *state;
        CLEANUP(file_unlock) int fd = -1;
        pid_t pid;
        int r;

        assert_int_equal(file_lock(t->fd, "lock", true, 50, &fd), 0);
        pid = fork();
        if (pid == 0)
                for (;;)
                        pause();
        file_unlock(&fd);
        r = file_lock(t->fd, "lock", true, 50, &fd);
        kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        assert_int_equal(r, 0);
}

static void share_for_ever(int dir)
{
        for (;;) {
                int fd = -1;

                if (file_lock(dir, "lock", false, 5000, &fd) != 0)
                        _exit(1);
                usleep(2000);
                file_unlock(&fd);
        }
}

static void who_must_be_alone_has_a_turn(void **state)
{
        struct tempdir *t = *state;
        pid_t child[6];
        int r = 0;

        for (size_t i = 0; i < ARRAY_LEN(child); i++) {
                child[i] = fork();
                if (child[i] == 0)
                        share_for_ever(t->fd);
        }
        for (int n = 0; r == 0 && n < 10; n++) {
                CLEANUP(file_unlock) int fd = -1;

                usleep(10000);
                r = file_lock(t->fd, "lock", true, 2000, &fd);
        }
        for (size_t i = 0; i < ARRAY_LEN(child); i++) {
                kill(child[i], SIGKILL);
                assert_int_equal(waitpid(child[i], NULL, 0), child[i]);
        }
        assert_int_equal(r, 0);
}

/* A file that grows beyond what the process may write: write() is short first, then fails. */
static void full_disk_leaves_nothing(void **state)
{
        struct tempdir *t = *state;
        CLEANUP(buf_clear) struct buf big = { 0 };
        pid_t pid;
        int status;

        assert_int_equal(buf_reserve(&big, 100000), 0);
        memset(big.ptr, 'x', 100000);
        big.len = 100000;
        assert_int_equal(file_write(t->fd, "a", BYTES_STR("old"), 0600, false), 0);
        pid = fork();
        if (pid == 0) {
                struct sigaction ignore = { .sa_handler = SIG_IGN };
                struct rlimit limit = { 65536, 65536 };

                sigaction(SIGXFSZ, &ignore, NULL);
                setrlimit(RLIMIT_FSIZE, &limit);
                _exit(file_write(t->fd, "a", BYTES_OF(&big), 0600, true) == ERR_NOSPC &&
                      file_write(t->fd, "b", BYTES_OF(&big), 0600, false) == ERR_NOSPC ? 0 : 1);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
        assert_content(t->fd, "a", "old");
        assert_int_equal(entries(t->fd), 1);
}

int main(void)
{
#define IN_TEMPDIR(f) cmocka_unit_test_setup_teardown(f, tempdir_setup, tempdir_teardown)
        const struct CMUnitTest tests[] = {
                IN_TEMPDIR(writes_and_reads),
                IN_TEMPDIR(reads_only_regular_files_of_bounded_size),
                IN_TEMPDIR(renames_without_replacing),
                IN_TEMPDIR(exchanges_two_that_are_there),
                IN_TEMPDIR(sweeps_the_dead_only),
                IN_TEMPDIR(makes_directories_with_parents),
                IN_TEMPDIR(locks_with_a_deadline),
                IN_TEMPDIR(a_fork_does_not_keep_a_lock),
                IN_TEMPDIR(who_must_be_alone_has_a_turn),
                IN_TEMPDIR(full_disk_leaves_nothing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
