/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads files that the user names: symbolic links and pipes are theirs to choose. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include "lib/file.h"
#include "tools/cli.h"
#include "tools/readfile.h"

int readfile_most(const char *path, size_t most, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf all = { 0 };
        CLEANUP(close_fd) int opened = -1;
        int fd = STDIN_FILENO, r = 0;
        uint8_t part[4096];

        if (strcmp(path, "-") != 0) {
                fd = opened = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
                if (opened < 0) {
                        r = err_errno("cannot open %s", path);
                        return r == ERR_NOENT ? ERR_NOFILE : r;
                }
        }
        for (;;) {
                ssize_t n = read(fd, part, sizeof part);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        r = err_errno("cannot read %s", path);
                if (n <= 0)
                        break;
                if (all.len + (size_t)n > most)
                        r = err(ERR_RANGE, "%s is longer than %zu octets", path, most);
                if (r == 0)
                        r = buf_append(&all, part, (size_t)n);
                if (r != 0)
                        break;
        }
        if (r == 0)
                buf_take(&all, ret);
        return r;
}

int readfile(const char *path, struct buf *ret)
{
        return readfile_most(path, READFILE_MAX, ret);
}
