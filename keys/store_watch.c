/* SPDX-License-Identifier: BSD-2-Clause */
/* Who hears of changes? And the store's own files, which are changed in no other way. */
#include <fcntl.h>
#include "keys/store_dir.h"
#include "lib/err.h"
#include "lib/file.h"

void store_watch(struct store *s, const struct store_watcher *w)
{
        s->watcher = w != NULL ? *w : (struct store_watcher){ 0 };
}

int store_check(struct store *s, const char *agent, const struct stat *dir)
{
        return s->watcher.check != NULL ? s->watcher.check(s->watcher.ctx, agent, dir) : 0;
}

int store_before(struct store *s, const char *agent, const struct store_edit *edits, size_t n, bool alone, void **change)
{
        return s->watcher.before != NULL ? s->watcher.before(s->watcher.ctx, agent, edits, n, alone, change) : 0;
}

void store_after(struct store *s, void *change, int outcome)
{
        if (change != NULL)
                s->watcher.after(s->watcher.ctx, change, outcome);
}

int store_file_write(struct store *s, const char *name, struct bytes content)
{
        CLEANUP(file_unlock) int lock = -1;
        void *change = NULL;
        int r;

        r = store_write_lock(s, true, &lock);
        if (r == 0)
                r = store_before(s, NULL, &(struct store_edit){ .file = name, .content = content }, 1, false, &change);
        if (r != 0)
                return r;
        r = file_write(s->fd, name, content, STORE_FILE_MODE, true);
        store_after(s, change, r);
        return r;
}

int store_file_remove(struct store *s, const char *name)
{
        CLEANUP(file_unlock) int lock = -1;
        struct stat st;
        void *change = NULL;
        int r;

        r = store_write_lock(s, true, &lock);
        if (r == 0 && fstatat(s->fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
                r = err_errno("%s", name);
        if (r == 0)
                r = store_before(s, NULL, &(struct store_edit){ .file = name, .gone = true }, 1, false, &change);
        if (r != 0)
                return r;
        r = file_remove(s->fd, name);
        store_after(s, change, r);
        return r;
}
