/* SPDX-License-Identifier: BSD-2-Clause */
/* A store is made, opened, refused. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include "keys/store_dir.h"
#include "lib/err.h"
#include "lib/file.h"
#include "tests/storefixture.h"

static void is_there_once_made(void **state)
{
        struct storefixture *f = *state;
        struct attrs none = { 0 };
        struct store *s;
        struct stat st;

        assert_string_equal(store_path(f->store), f->path);
        assert_string_equal(attrs_str(store_info(f->store), "tpm-vendor", ""), "test");
        assert_string_equal(attrs_str(store_info(f->store), "version", ""), "1");
        assert_int_equal(store_create(f->path, &none), ERR_EXIST);
        assert_int_equal(store_writable(f->store), 0);
        assert_int_equal(store_open(f->path, &s), 0);
        store_close(s);
        store_close(NULL);

        assert_int_equal(fstat(store_dirfd(f->store), &st), 0);
        assert_int_equal(st.st_mode & 07777, 0700);
        assert_int_equal(fstatat(store_dirfd(f->store), "agents", &st, 0), 0);
        assert_int_equal(st.st_mode & 07777, 0700);
        assert_int_equal(fstatat(store_dirfd(f->store), "store", &st, 0), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
        assert_int_equal(fstatat(store_dirfd(f->store), "agents/" AGENT "/agent", &st, 0), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
}

static void nothing_or_half_is_no_store(void **state)
{
        struct storefixture *f = *state;
        struct attrs none = { 0 };
        char path[128];
        struct store *s;

        snprintf(path, sizeof(path), "%s/none", f->dir->path);
        assert_int_equal(store_open(path, &s), ERR_NOTINIT);
        assert_int_equal(mkdir(path, 0700), 0);
        assert_int_equal(store_open(path, &s), ERR_NOTINIT);
        snprintf(path, sizeof(path), "%s/none/agents", f->dir->path);
        assert_int_equal(mkdir(path, 0700), 0);
        snprintf(path, sizeof(path), "%s/none", f->dir->path);
        assert_int_equal(store_open(path, &s), ERR_NOTINIT);
        assert_int_equal(store_create(path, &none), 0);
        assert_int_equal(store_open(path, &s), 0);
        store_close(s);
        snprintf(path, sizeof(path), "%s/store/store", f->dir->path);
        assert_int_equal(store_open(path, &s), ERR_NOTINIT);
}

static int open_with(struct storefixture *f, const char *text)
{
        struct store *s;
        int r;

        assert_int_equal(file_write(store_dirfd(f->store), "store", BYTES_STR(text), 0600, true), 0);
        r = store_open(f->path, &s);
        if (r == 0)
                store_close(s);
        return r;
}

static void refuses_other_versions_and_rubbish(void **state)
{
        struct storefixture *f = *state;

        assert_int_equal(open_with(f, "version: 1\nmore: x\n"), 0);
        assert_int_equal(open_with(f, "version: 2\n"), ERR_NOTSUP);
        assert_int_equal(open_with(f, "version: one\n"), ERR_FORMAT);
        assert_int_equal(open_with(f, ""), ERR_FORMAT);
        assert_int_equal(open_with(f, "rubbish\n"), ERR_FORMAT);
        assert_non_null(strstr(err_text(), f->path));
        assert_int_equal(unlinkat(store_dirfd(f->store), "store", 0), 0);
        assert_int_equal(mkfifoat(store_dirfd(f->store), "store", 0600), 0);
        assert_int_equal(store_open(f->path, &f->store), ERR_FORMAT);
}

static void refuses_what_everybody_may_write(void **state)
{
        struct storefixture *f = *state;
        struct attrs none = { 0 };
        struct store *s;
        char path[128];

        assert_int_equal(chmod(f->path, 0777), 0);
        assert_int_equal(store_open(f->path, &s), ERR_PERM);
        snprintf(path, sizeof(path), "%s/open", f->dir->path);
        assert_int_equal(mkdir(path, 0700), 0);
        assert_int_equal(chmod(path, 01777), 0);
        assert_int_equal(store_create(path, &none), ERR_PERM);
}

static void stamps_tell_when_a_change_might_hide(void **state)
{
        struct storefixture *f = *state;
        int fd = store_dirfd(f->store);
        struct timespec old[2] = { { 1000, 5 }, { 1000, 5 } };
        struct stamp stamp;
        struct stat st;

        /* The change of a moment ago. */
        assert_int_equal(file_write(fd, "x", BYTES_STR(""), 0600, false), 0);
        assert_int_equal(stamp_take(fd, &stamp), 0);
        assert_false(stamp.settled);
        assert_int_equal(fstat(fd, &st), 0);
        assert_false(stamp_holds(&stamp, &st));

        nanosleep(&(struct timespec){ 0, 60000000 }, NULL);
        assert_int_equal(stamp_take(fd, &stamp), 0);
        assert_true(stamp.settled);
        assert_int_equal(fstat(fd, &st), 0);
        assert_true(stamp_holds(&stamp, &st));

        /* An older time than before is a change too; ctime cannot be set. */
        assert_int_equal(futimens(fd, old), 0);
        assert_int_equal(fstat(fd, &st), 0);
        assert_false(stamp_holds(&stamp, &st));
        st.st_mtim = stamp.mtime;
        assert_false(stamp_holds(&stamp, &st));
        assert_int_equal(stamp_take(fd, &stamp), 0);
        assert_false(stamp.settled);
}

static void says_why_it_cannot_be_written(void **state)
{
        struct storefixture *f = *state;

        if (geteuid() == 0) {
                /* Nobody is stopped by modes but those who are not root. */
                assert_int_equal(seteuid(65534), 0);
                assert_int_equal(store_writable(f->store), ERR_PERM);
                assert_int_equal(seteuid(0), 0);
        } else {
                assert_int_equal(fchmodat(store_dirfd(f->store), "agents", 0500, 0), 0);
                assert_int_equal(store_writable(f->store), ERR_PERM);
                assert_int_equal(fchmodat(store_dirfd(f->store), "agents", 0700, 0), 0);
        }
        assert_int_equal(store_writable(f->store), 0);
}

static void the_writers_lock_is_shared_by_makers(void **state)
{
        struct storefixture *f = *state;
        CLEANUP(close_fd) int a = -1;
        CLEANUP(close_fd) int b = -1;

        assert_int_equal(store_write_lock(f->store, false, &a), 0);
        assert_int_equal(store_write_lock(f->store, false, &b), 0);
        assert_int_equal(file_lock(store_dirfd(f->store), "lock", true, 10, &b), ERR_TIMEOUT);
        close_fd(&a);
        close_fd(&b);
        assert_int_equal(store_write_lock(f->store, true, &a), 0);
        assert_int_equal(file_lock(store_dirfd(f->store), "lock", false, 10, &b), ERR_TIMEOUT);
}

int main(void)
{
#define IN_STORE(f) cmocka_unit_test_setup_teardown(f, storefixture_setup, storefixture_teardown)
        const struct CMUnitTest tests[] = {
                IN_STORE(is_there_once_made),
                IN_STORE(nothing_or_half_is_no_store),
                IN_STORE(refuses_other_versions_and_rubbish),
                IN_STORE(refuses_what_everybody_may_write),
                IN_STORE(stamps_tell_when_a_change_might_hide),
                IN_STORE(says_why_it_cannot_be_written),
                IN_STORE(the_writers_lock_is_shared_by_makers),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
