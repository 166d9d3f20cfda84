/* SPDX-License-Identifier: BSD-2-Clause */
/* Files by their whole path begin in their own directory, wherever the program runs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "lib/err.h"
#include "lib/file.h"
#include "lib/filepath.h"
#include "tests/tempdir.h"

static void holds(int dirfd, const char *name, const char *text)
{
        CLEANUP(buf_clear) struct buf b = { 0 };

        assert_int_equal(file_read(dirfd, name, 100, &b), 0);
        assert_true(bytes_equal(BYTES_OF(&b), BYTES_STR(text)));
}

static void writes_where_the_path_says(void **state)
{
        const struct tempdir *d = *state;
        char path[128];
        struct stat st;

        assert_int_equal(mkdirat(d->fd, "a", 0700), 0);
        assert_int_equal(symlinkat("a", d->fd, "b"), 0);
        /* Where nobody can make a file: what were begun there could not be written. */
        assert_int_equal(chdir("/proc/self"), 0);
        snprintf(path, sizeof(path), "%s/a/x", d->path);
        assert_int_equal(filepath_write(path, BYTES_STR("one"), 0600, false), 0);
        holds(d->fd, "a/x", "one");
        assert_int_equal(fstatat(d->fd, "a/x", &st, 0), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
        assert_int_equal(filepath_write(path, BYTES_STR("two"), 0600, false), ERR_EXIST);
        holds(d->fd, "a/x", "one");
        snprintf(path, sizeof(path), "%s/b/x", d->path);
        assert_int_equal(filepath_write(path, BYTES_STR("two"), 0600, true), 0);
        holds(d->fd, "a/x", "two");
}

static void writes_a_name_alone_where_it_runs(void **state)
{
        const struct tempdir *d = *state;

        assert_int_equal(chdir(d->path), 0);
        assert_int_equal(filepath_write("y", BYTES_STR("three"), 0600, false), 0);
        holds(d->fd, "y", "three");
        assert_int_equal(chdir("/"), 0);
}

static void tells_of_a_directory_that_is_not_there(void **state)
{
        const struct tempdir *d = *state;
        char path[128];

        snprintf(path, sizeof(path), "%s/none/x", d->path);
        assert_int_equal(filepath_write(path, BYTES_STR("four"), 0600, true), ERR_NOENT);
        assert_non_null(strstr(err_text(), "none/x"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(writes_where_the_path_says, tempdir_setup, tempdir_teardown),
                cmocka_unit_test_setup_teardown(writes_a_name_alone_where_it_runs, tempdir_setup, tempdir_teardown),
                cmocka_unit_test_setup_teardown(tells_of_a_directory_that_is_not_there, tempdir_setup, tempdir_teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
