/* SPDX-License-Identifier: BSD-2-Clause */
/* How is a file written where its path says? Its new content has to begin in that directory, not in the one in which the program runs. */
#include "lib/filepath.h"
#include <fcntl.h>
#include <string.h>
#include "lib/err.h"
#include "lib/file.h"

int filepath_write(const char *path, struct bytes content, mode_t mode, bool replace)
{
        const char *slash = strrchr(path, '/');
        CLEANUP(buf_clear) struct buf dir = { 0 };
        CLEANUP(close_fd) int dirfd = -1;
        int r;

        if (slash == NULL)
                return file_write(AT_FDCWD, path, content, mode, replace);
        r = buf_append(&dir, path, slash == path ? 1 : (size_t)(slash - path));
        if (r == 0 && buf_str(&dir) == NULL)
                r = err(ERR_NOMEM, "out of memory");
        if (r != 0)
                return r;
        dirfd = open(buf_str(&dir), O_PATH | O_DIRECTORY | O_CLOEXEC);
        return dirfd >= 0 ? file_write(dirfd, slash + 1, content, mode, replace) : err_errno("cannot open the directory of %s", path);
}
