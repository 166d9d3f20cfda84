/* SPDX-License-Identifier: BSD-2-Clause */
/* In which order do the file of sums and the TPM's counter learn of a change? The file first, durably, then the counter: one value
 * behind is what a crash leaves, and an older file is one that the counter is ahead of. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "keys/guarding.h"
#include "lib/err.h"
#include "lib/file.h"

/* The file may grow to this, or to so many times what it would be if it were written anew. */
#define SIZE_FREE 65536
#define SIZE_TIMES 4

/* The TPM's counter to what the file says. */
static int raise_counter(struct guard *g)
{
        uint64_t to = g->sums.counter;
        int r;

        if (!g->behind)
                return 0;
        pthread_mutex_unlock(&g->lock);
        r = g->counter.raise(g->counter.ctx, to);
        pthread_mutex_lock(&g->lock);
        if (r == 0)
                g->behind = false;
        snprintf(g->behind_why, sizeof(g->behind_why), "%s", r != 0 ? err_text() : "");
        g->news++;
        return r;
}

/* What is about to be written. */
struct writing {
        struct buf block;
        bool anew;
        uint64_t counter;
        uint8_t chain[SUM_SIZE];
};

static void writing_clear(struct writing *w)
{
        buf_clear(&w->block);
}

static bool has_ended(const struct change *c)
{
        return c->state == CHANGE_DONE || c->state == CHANGE_UNDONE;
}

static int compose(struct guard *g, struct writing *w)
{
        static const uint8_t nothing[SUM_SIZE];
        bool ended = g->advance;
        int r;

        for (struct change *c = g->sums.changes; c != NULL; c = c->next) {
                c->in_writing = c->state == CHANGE_NEW || has_ended(c);
                ended |= has_ended(c) && !c->minor;
        }
        w->counter = g->sums.counter + (g->has_counter && ended);
        w->anew = g->rewrite || g->fd < 0 || (g->size > SIZE_FREE && g->size > SIZE_TIMES * g->image_size);
        r = w->anew ? sums_image(&g->sums, &w->block) : sums_news(&g->sums, &w->block);
        return r != 0 ? r : sums_seal(BYTES(g->key, SUM_SIZE), w->anew ? nothing : g->sums.chain, w->counter, &w->block, w->chain);
}

static int append(int fd, size_t size, struct bytes block)
{
        struct stat st;
        ssize_t n;

        if (fstat(fd, &st) != 0)
                return err_errno("the store's sums");
        if (st.st_size < 0 || (size_t)st.st_size != size || st.st_nlink == 0)
                return err(ERR_STALE, "somebody changed the store's sums meanwhile");
        while (block.len > 0) {
                n = TEMP_FAILURE_RETRY(write(fd, block.ptr, block.len));
                if (n < 0)
                        return err_errno("writing the store's sums");
                block = BYTES(block.ptr + n, block.len - (size_t)n);
        }
        return TEMP_FAILURE_RETRY(fdatasync(fd)) == 0 ? 0 : err_errno("writing the store's sums");
}

static int open_file(struct store *s, int *ret_fd)
{
        int fd = openat(s->fd, SUMS_FILE, O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC);

        if (fd < 0)
                return err_errno("the store's sums");
        close_fd(ret_fd);
        *ret_fd = fd;
        return 0;
}

int guard_append_to(struct guard *g)
{
        return open_file(g->store, &g->fd);
}

static int write_anew(struct store *s, struct bytes text, int *ret_fd)
{
        int r = file_write(s->fd, SUMS_FILE, text, STORE_FILE_MODE, true);

        return r != 0 ? r : open_file(s, ret_fd);
}

/* It is on the disk. */
static void written(struct guard *g, const struct writing *w)
{
        struct change *c, *next;

        g->size = (w->anew ? 0 : g->size) + w->block.len;
        if (w->anew)
                g->image_size = w->block.len;
        g->rewrite = g->advance = false;
        g->news += g->unwritten_why[0] != '\0';
        g->unwritten_why[0] = '\0';
        g->behind |= w->counter != g->sums.counter;
        g->sums.counter = w->counter;
        memcpy(g->sums.chain, w->chain, SUM_SIZE);
        for (c = g->sums.changes; c != NULL; c = next) {
                next = c->next;
                if (!c->in_writing)
                        continue;
                if (c->state == CHANGE_NEW) {
                        c->state = CHANGE_TOLD;
                        continue;
                }
                sums_remove(&g->sums, c);
                c->state = CHANGE_SETTLED;
                if (!c->awaited)
                        change_free(c);
        }
}

/* What is in the file now nobody knows. */
static void unwritten(struct guard *g)
{
        g->rewrite = true;
        snprintf(g->unwritten_why, sizeof(g->unwritten_why), "%s", err_text());
        g->news++;
}

int guard_flush(struct guard *g)
{
        CLEANUP(writing_clear) struct writing w = { 0 };
        int r, fd = g->fd;

        g->writing = true;
        r = raise_counter(g);
        if (r == 0)
                r = compose(g, &w);
        if (r == 0) {
                pthread_mutex_unlock(&g->lock);
                r = w.anew ? write_anew(g->store, BYTES_OF(&w.block), &fd) : append(fd, g->size, BYTES_OF(&w.block));
                pthread_mutex_lock(&g->lock);
                g->fd = fd;
                if (r == 0)
                        written(g, &w);
                else
                        unwritten(g);
        }
        if (r == 0 && g->behind) {
                /* What was changed is changed. The next change is not made before the counter has come after. */
                (void)raise_counter(g);
                err_reset();
        }
        g->writing = false;
        pthread_cond_broadcast(&g->moved);
        return r;
}

int guard_reach(struct guard *g, const struct change *c, enum change_state state)
{
        int r = 0;

        while (r == 0 && c->state != state) {
                if (g->writing)
                        pthread_cond_wait(&g->moved, &g->lock);
                else
                        r = guard_flush(g);
        }
        return r;
}
