/* SPDX-License-Identifier: BSD-2-Clause */
/* Where are full bundles and tiles, and how do they get there whole? */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "audit/bundle.h"
#include "lib/err.h"
#include "lib/file.h"

void tile_root(const uint8_t (*hash)[TREE_HASH], unsigned n, uint8_t ret[TREE_HASH])
{
        struct tree t = { .size = 0 };

        for (unsigned i = 0; i < n; i++)
                tree_append(&t, hash[i]);
        tree_root(&t, ret);
}

void tiles_carry(struct tiles *t)
{
        uint8_t root[TREE_HASH];

        for (unsigned l = 0; l + 1 < TILE_LEVELS && t->n[l] == TILE_WIDTH; l++) {
                tile_root((const uint8_t(*)[TREE_HASH])t->hash[l], TILE_WIDTH, root);
                t->n[l] = 0;
                memcpy(t->hash[l + 1][t->n[l + 1]++], root, TREE_HASH);
        }
        t->base += TILE_WIDTH;
}

void tiles_tree(const struct tiles *t, struct tree *ret)
{
        ret->size = 0;
        for (unsigned l = TILE_LEVELS; l-- > 0;)
                for (unsigned i = 0; i < t->n[l]; i++)
                        tree_append_subtree(ret, l * TILE_SHIFT, t->hash[l][i]);
}

/* The directory of a path in dirfd, made if need be, and the name in it. No symbolic link on the way is followed. */
static int open_parent(int dirfd, char *path, bool make, int *ret_fd, const char **ret_name)
{
        CLEANUP(close_fd) int fd = -1;
        char *slash;
        int r, next;

        r = dir_open(dirfd, ".", &fd);
        for (; r == 0 && (slash = strchr(path, '/')); path = slash + 1) {
                *slash = '\0';
                if (make && mkdirat(fd, path, 0700) == 0)
                        r = dir_sync(fd, path);
                else if (make && errno != EEXIST)
                        r = err_errno("making %s", path);
                if (r == 0)
                        r = dir_open(fd, path, &next);
                if (r == 0) {
                        close_fd(&fd);
                        fd = next;
                }
        }
        if (r != 0)
                return r;
        *ret_fd = fd;
        *ret_name = path;
        fd = -1;
        return 0;
}

/* level < 0: the bundle. */
static int write_file(int dirfd, int level, uint64_t index, unsigned width, struct bytes content)
{
        CLEANUP(buf_clear) struct buf path = { 0 };
        CLEANUP(close_fd) int fd = -1;
        const char *name;
        int r;

        r = tile_path(level, index, width, &path);
        if (r == 0 && !buf_str(&path))
                r = err(ERR_NOMEM, "out of memory");
        if (r == 0)
                r = open_parent(dirfd, (char *)path.ptr, true, &fd, &name);
        return r != 0 ? r : file_write(fd, name, content, 0600, true);
}

static int read_file(int dirfd, int level, uint64_t index, size_t max, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf path = { 0 };
        CLEANUP(close_fd) int fd = -1;
        const char *name;
        int r;

        r = tile_path(level, index, TILE_WIDTH, &path);
        if (r == 0 && !buf_str(&path))
                r = err(ERR_NOMEM, "out of memory");
        if (r == 0)
                r = open_parent(dirfd, (char *)path.ptr, false, &fd, &name);
        return r != 0 ? r : file_read(fd, name, max, ret);
}

/* With the full one there, nobody needs the partial ones. Should one stay, it does no harm. */
static void remove_partial(int dirfd, int level, uint64_t index)
{
        CLEANUP(buf_clear) struct buf path = { 0 };
        CLEANUP(close_fd) int fd = -1;
        const char *name;

        if (tile_path(level, index, TILE_WIDTH, &path) == 0 && buf_append_str(&path, ".p") == 0 && buf_str(&path) &&
            open_parent(dirfd, (char *)path.ptr, false, &fd, &name) == 0)
                dir_remove(fd, name);
        err_reset();
}

int tile_read(int dirfd, unsigned level, uint64_t index, uint8_t ret[TILE_WIDTH][TREE_HASH])
{
        CLEANUP(buf_clear) struct buf b = { 0 };
        int r;

        r = read_file(dirfd, (int)level, index, TILE_SIZE, &b);
        if (r != 0)
                return r;
        if (b.len != TILE_SIZE)
                return err(ERR_FORMAT, "tile %u/%llu has %zu octets", level, (unsigned long long)index, b.len);
        memcpy(ret, b.ptr, TILE_SIZE);
        return 0;
}

int tiles_load(int dirfd, uint64_t base, struct tiles *ret)
{
        uint8_t tile[TILE_WIDTH][TREE_HASH];
        int r;

        memset(ret->n, 0, sizeof(ret->n));
        ret->base = base;
        for (unsigned l = 1; l < TILE_LEVELS; l++) {
                uint64_t end = base >> (l * TILE_SHIFT), first = end & ~(uint64_t)(TILE_WIDTH - 1);

                for (uint64_t i = first; i < end; i++) {
                        r = tile_read(dirfd, l - 1, i, tile);
                        if (r == ERR_NOENT)
                                r = err(ERR_FORMAT, "tile %u/%llu is missing", l - 1, (unsigned long long)i);
                        if (r != 0)
                                return r;
                        tile_root((const uint8_t(*)[TREE_HASH])tile, TILE_WIDTH, ret->hash[l][ret->n[l]++]);
                }
        }
        return 0;
}

int bundle_next(struct bytes bundle, size_t *at, struct bytes *ret_record)
{
        size_t len;

        if (bundle.len < 2 || *at > bundle.len - 2)
                return err(ERR_FORMAT, "a bundle ends in the middle");
        len = (size_t)bundle.ptr[*at] << 8 | bundle.ptr[*at + 1];
        if (len == 0 || len > AUDIT_RECORD_MAX || len > bundle.len - 2 - *at)
                return err(ERR_FORMAT, "a bundle has no record at octet %zu", *at);
        *ret_record = BYTES(bundle.ptr + *at + 2, len);
        *at += 2 + len;
        return 0;
}

int bundle_read(int dirfd, uint64_t index, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf b = { 0 };
        struct bytes record;
        size_t at = 0;
        int r;

        r = read_file(dirfd, -1, index, BUNDLE_MAX, &b);
        for (unsigned i = 0; r == 0 && i < TILE_WIDTH; i++)
                r = bundle_next(BYTES_OF(&b), &at, &record);
        if (r == 0 && at != b.len)
                r = err(ERR_FORMAT, "something follows the records of bundle %llu", (unsigned long long)index);
        if (r == 0)
                buf_take(&b, ret);
        return r;
}

int bundle_octets(int dirfd, uint64_t bundles, uint64_t *ret)
{
        uint64_t sum = 0;
        struct stat st;
        int r;

        for (uint64_t i = 0; i < bundles; i++) {
                CLEANUP(buf_clear) struct buf path = { 0 };

                r = tile_path(-1, i, TILE_WIDTH, &path);
                if (r != 0)
                        return r;
                if (!buf_str(&path))
                        return err(ERR_NOMEM, "out of memory");
                if (fstatat(dirfd, (const char *)path.ptr, &st, AT_SYMLINK_NOFOLLOW) != 0)
                        return err(ERR_FORMAT, "bundle %llu is missing", (unsigned long long)i);
                sum += (uint64_t)st.st_size - (uint64_t)TILE_WIDTH * 2;
        }
        *ret = sum;
        return 0;
}

static int entries(const struct frames *f, unsigned n, struct buf *ret)
{
        int r = 0;

        for (unsigned i = 0; r == 0 && i < n; i++) {
                struct bytes record = frames_record(f, i);

                r = buf_append_u16(ret, (uint16_t)record.len);
                if (r == 0)
                        r = buf_append(ret, record.ptr, record.len);
        }
        return r;
}

int bundle_write(int dirfd, const struct frames *f, const struct tiles *t)
{
        CLEANUP(buf_clear) struct buf b = { 0 };
        uint64_t index = t->base >> TILE_SHIFT;
        uint8_t root[TREE_HASH];
        int r;

        r = entries(f, TILE_WIDTH, &b);
        if (r == 0)
                r = write_file(dirfd, -1, index, TILE_WIDTH, BYTES_OF(&b));
        if (r == 0)
                r = write_file(dirfd, 0, index, TILE_WIDTH, BYTES(t->hash[0], TILE_SIZE));
        if (r != 0)
                return r;
        remove_partial(dirfd, -1, index);
        remove_partial(dirfd, 0, index);

        /* A tile above that lacks but the root of this one is full, too. */
        tile_root((const uint8_t(*)[TREE_HASH])t->hash[0], TILE_WIDTH, root);
        for (unsigned l = 1; l < TILE_LEVELS && t->n[l] == TILE_WIDTH - 1; l++) {
                uint8_t tile[TILE_WIDTH][TREE_HASH];

                memcpy(tile, t->hash[l], TILE_SIZE - TREE_HASH);
                memcpy(tile[TILE_WIDTH - 1], root, TREE_HASH);
                index >>= TILE_SHIFT;
                r = write_file(dirfd, (int)l, index, TILE_WIDTH, BYTES(tile, TILE_SIZE));
                if (r != 0)
                        return r;
                remove_partial(dirfd, (int)l, index);
                tile_root((const uint8_t(*)[TREE_HASH])tile, TILE_WIDTH, root);
        }
        return 0;
}

int bundle_write_partial(int dirfd, uint64_t size, const struct frames *f, const struct tiles *t)
{
        CLEANUP(buf_clear) struct buf b = { 0 };
        int r = 0;

        for (unsigned l = 0; r == 0 && l < TILE_LEVELS; l++) {
                unsigned width = (unsigned)(size >> (l * TILE_SHIFT)) % TILE_WIDTH;
                uint64_t index = size >> ((l + 1) * TILE_SHIFT);

                /* Where the log has grown beyond since, the full one is there. */
                if (width == 0 || index != t->base >> ((l + 1) * TILE_SHIFT))
                        continue;
                if (l == 0)
                        r = entries(f, width, &b);
                if (r == 0 && l == 0)
                        r = write_file(dirfd, -1, index, width, BYTES_OF(&b));
                if (r == 0)
                        r = write_file(dirfd, (int)l, index, width, BYTES(t->hash[l], (size_t)width * TREE_HASH));
        }
        return r;
}

void bundle_sweep(int dirfd, uint64_t index)
{
        for (int l = -1; l < TILE_LEVELS; l++) {
                CLEANUP(buf_clear) struct buf path = { 0 };
                CLEANUP(close_fd) int fd = -1;
                const char *name;

                if (tile_path(l, index, TILE_WIDTH, &path) == 0 && buf_str(&path) &&
                    open_parent(dirfd, (char *)path.ptr, false, &fd, &name) == 0)
                        file_sweep(fd);
                if (l >= 0)
                        index >>= TILE_SHIFT;
        }
        err_reset();
}
