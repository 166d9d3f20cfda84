/* SPDX-License-Identifier: BSD-2-Clause */
/* A directory of a test's own. */
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "tests/tempdir.h"

int tempdir_setup(void **state)
{
        struct tempdir *t = calloc(1, sizeof(*t));

        if (!t)
                return -1;
        strcpy(t->path, "/tmp/hf-test-XXXXXX");
        t->fd = mkdtemp(t->path) ? open(t->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
        *state = t;
        return t->fd < 0 ? -1 : 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
        (void)st;
        (void)type;
        (void)at;
        return remove(path);
}

int tempdir_teardown(void **state)
{
        struct tempdir *t = *state;

        close(t->fd);
        nftw(t->path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
        free(t);
        return 0;
}

const char *source_path(const char *name)
{
        static char path[512];
        const char *dir = getenv("top_srcdir");

        snprintf(path, sizeof(path), "%s/%s", dir ? dir : ".", name);
        return path;
}
