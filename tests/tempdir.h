/* SPDX-License-Identifier: BSD-2-Clause */
/* A directory of a test's own. */
#ifndef HOLDFAST_TESTS_TEMPDIR_H
#define HOLDFAST_TESTS_TEMPDIR_H

struct tempdir {
        char path[64];
        int fd;
};

/* cmocka's set-up and tear-down: *state is the struct tempdir, and everything in it is removed. */
int tempdir_setup(void **state);
int tempdir_teardown(void **state);

/* The path of a file in the source tree, in a static buffer. */
const char *source_path(const char *name);

#endif
