/* SPDX-License-Identifier: BSD-2-Clause */
/* The private directory of `holdfast dev` and of `holdfast run`. */
#include <errno.h>
#include <ftw.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "lib/err.h"
#include "tools/dev.h"

#define TEMPLATE "/holdfast.XXXXXX"

/* Ours, and short: sun_path holds 108 octets. After sudo it is still another user's. */
static bool usable(const char *dir)
{
        struct stat st;

        return dir != NULL && dir[0] == '/' && strlen(dir) + sizeof TEMPLATE <= sizeof((struct dev_dir *)0)->path &&
               stat(dir, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid() && access(dir, W_OK | X_OK) == 0;
}

int dev_dir_make(struct dev_dir *ret)
{
        const char *runtime = getenv("XDG_RUNTIME_DIR");

        snprintf(ret->path, sizeof ret->path, "%s" TEMPLATE, usable(runtime) ? runtime : "/tmp");
        return mkdtemp(ret->path) != NULL ? 0 : err_errno("cannot make a directory %s", ret->path);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
        (void)st, (void)where;
        return (type == FTW_DP ? rmdir(path) : unlink(path)) != 0 && errno != ENOENT ? -1 : 0;
}

/* A process that is being killed may still put a file there: then again, for a second. */
int dev_dir_remove(const struct dev_dir *d)
{
        for (int tries = 0; tries < 100; ++tries) {
                if (nftw(d->path, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) == 0 || errno == ENOENT)
                        return 0;
                if (errno != ENOTEMPTY)
                        break;
                poll(NULL, 0, 10);
        }
        return err_errno("cannot remove %s", d->path);
}
