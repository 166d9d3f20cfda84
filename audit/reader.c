/* SPDX-License-Identifier: BSD-2-Clause */
/* What is in a log, for who does not write it? Full bundles are read whole; the journal again whenever it has grown or
 * another has taken its place. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "audit/state.h"
#include "lib/err.h"
#include "lib/file.h"

struct checkpoint_name {
        char text[CHECKPOINT_NAME + 1];
};

struct audit_reader {
        int dir;
        uint64_t seq;                   /* of the next one */

        bool has_bundle;
        uint64_t bundle;                /* which */
        unsigned bundle_n;              /* its record that bundle_at is the beginning of */
        size_t bundle_at;
        struct buf bundle_bytes;

        int journal;                    /* -1: not read yet */
        size_t journal_size;            /* octets of it that were looked at */
        struct frames frames;

        struct {
                bool there;
                uint64_t index;
                uint8_t hash[TILE_WIDTH][TREE_HASH];
        } tile[TILE_LEVELS];            /* the one that was asked for last, of each level */

        struct checkpoint_name *names;
        size_t n_names, cap_names;
};

/* Up to 20 digits, six at least, with no zero in front of more than six. */
static bool parse_log_name(const char *s, uint64_t *ret)
{
        size_t len = strlen(s);

        if (len < 6 || len > 19 || strspn(s, "0123456789") != len || (len > 6 && s[0] == '0'))
                return false;
        *ret = strtoull(s, NULL, 10);
        return *ret > 0;
}

struct numbers {
        uint64_t *list;
        size_t n, cap;
};

static int add_log(const struct dirent *e, void *ctx)
{
        struct numbers *all = ctx;
        uint64_t number, *more;

        if (!parse_log_name(e->d_name, &number))
                return 0;
        if (all->n == all->cap) {
                more = reallocarray(all->list, all->cap + 64, sizeof(*more));
                if (!more)
                        return err(ERR_NOMEM, "out of memory");
                all->list = more;
                all->cap += 64;
        }
        all->list[all->n++] = number;
        return 0;
}

static int by_number(const void *a, const void *b)
{
        uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

        return (x > y) - (x < y);
}

int audit_logs_at(int dirfd, uint64_t **ret, size_t *ret_n)
{
        struct numbers all = { 0 };
        int r;

        r = dir_list(dirfd, add_log, &all);
        if (r != 0) {
                free(all.list);
                return r;
        }
        if (all.n > 0)
                qsort(all.list, all.n, sizeof(all.list[0]), by_number);
        *ret = all.list;
        *ret_n = all.n;
        return 0;
}

int audit_logs(const char *dir, uint64_t **ret, size_t *ret_n)
{
        CLEANUP(close_fd) int fd = -1;
        int r;

        r = dir_open(AT_FDCWD, dir, &fd);
        return r != 0 ? r : audit_logs_at(fd, ret, ret_n);
}

int audit_reader_open(const char *dir, uint64_t number, struct audit_reader **ret)
{
        CLEANUP(close_fd) int fd = -1;
        char name[LOG_NAME_SIZE];
        struct audit_reader *rd;
        int r;

        rd = calloc(1, sizeof(*rd));
        if (!rd)
                return err(ERR_NOMEM, "out of memory");
        rd->dir = rd->journal = -1;
        log_name(number, name);
        r = dir_open(AT_FDCWD, dir, &fd);
        if (r == 0)
                r = dir_open(fd, name, &rd->dir);
        if (r != 0) {
                audit_reader_close(rd);
                return r;
        }
        *ret = rd;
        return 0;
}

void audit_reader_close(struct audit_reader *rd)
{
        if (!rd)
                return;
        close_fd(&rd->dir);
        close_fd(&rd->journal);
        buf_clear(&rd->bundle_bytes);
        frames_clear(&rd->frames);
        free(rd->names);
        free(rd);
}

int audit_reader_seek(struct audit_reader *rd, uint64_t seq)
{
        rd->seq = seq;
        return 0;
}

static bool in_journal(const struct audit_reader *rd, uint64_t seq)
{
        return rd->journal >= 0 && seq >= rd->frames.first && seq - rd->frames.first < rd->frames.n;
}

static int forget_journal(struct audit_reader *rd, int r)
{
        close_fd(&rd->journal);
        frames_reset(&rd->frames);
        rd->journal_size = 0;
        return r;
}

/* As it is now. */
static int refresh_journal(struct audit_reader *rd)
{
        CLEANUP(buf_clear) struct buf b = { 0 };
        CLEANUP(close_fd) int fd = -1;
        struct stat now, old;
        bool known;
        int r;

        r = journal_open(rd->dir, false, &fd);
        if (r != 0)
                return forget_journal(rd, r);
        if (rd->journal >= 0 && fstat(fd, &now) == 0 && fstat(rd->journal, &old) == 0 && now.st_ino == old.st_ino && now.st_dev == old.st_dev) {
                if ((uintmax_t)now.st_size == rd->journal_size)
                        return 0;
        } else {
                forget_journal(rd, 0);
        }
        /* Shorter: what was written could not be made durable, and was never in the log. */
        if (rd->journal >= 0 && (uintmax_t)now.st_size < rd->journal_size)
                forget_journal(rd, 0);
        r = journal_read(fd, rd->frames.bytes.len, &b);
        if (r != 0)
                return forget_journal(rd, r);
        close_fd(&rd->journal);
        rd->journal = fd;
        fd = -1;
        rd->journal_size = rd->frames.bytes.len + b.len;
        known = rd->frames.n > 0;
        r = journal_scan(BYTES_OF(&b), &rd->frames);
        if (r == 0)
                return 0;
        /* What is damaged is so the next time, too; what is before it can be read. But perhaps it was cut and
         * others put there. */
        rd->journal_size = 0;
        if (!known)
                return r;
        forget_journal(rd, 0);
        return refresh_journal(rd);
}

static int load_bundle(struct audit_reader *rd, uint64_t index)
{
        int r;

        rd->has_bundle = false;
        r = bundle_read(rd->dir, index, &rd->bundle_bytes);
        if (r != 0)
                return r;
        rd->has_bundle = true;
        rd->bundle = index;
        rd->bundle_n = 0;
        rd->bundle_at = 0;
        return 0;
}

static int from_bundle(struct audit_reader *rd, uint64_t seq, struct bytes *ret)
{
        unsigned n = (unsigned)(seq % TILE_WIDTH);
        int r = 0;

        if (n < rd->bundle_n) {
                rd->bundle_n = 0;
                rd->bundle_at = 0;
        }
        while (r == 0 && rd->bundle_n <= n) {
                r = bundle_next(BYTES_OF(&rd->bundle_bytes), &rd->bundle_at, ret);
                rd->bundle_n++;
        }
        return r;
}

static int from_journal(const struct audit_reader *rd, uint64_t seq, struct bytes *ret)
{
        *ret = frames_record(&rd->frames, (unsigned)(seq - rd->frames.first));
        return 0;
}

static int find_record(struct audit_reader *rd, uint64_t seq, struct bytes *ret)
{
        uint64_t index = seq / TILE_WIDTH;
        int r, damaged;

        if (rd->has_bundle && rd->bundle == index)
                return from_bundle(rd, seq, ret);
        if (in_journal(rd, seq))
                return from_journal(rd, seq, ret);
        r = load_bundle(rd, index);
        if (r == 0)
                return from_bundle(rd, seq, ret);
        if (r != ERR_NOENT)
                return r;
        damaged = refresh_journal(rd);
        if (in_journal(rd, seq))
                return from_journal(rd, seq, ret);
        if (damaged == ERR_NOENT)
                return err(ERR_FORMAT, "the journal is missing");
        if (damaged != 0)
                return damaged;
        if (seq >= rd->frames.first)
                return err(ERR_NOENT, "there is no record %llu yet", (unsigned long long)seq);
        /* Its bundle became full between the two looks, or it is gone. */
        r = load_bundle(rd, index);
        if (r == ERR_NOENT)
                return err(ERR_FORMAT, "bundle %llu is missing", (unsigned long long)index);
        return r != 0 ? r : from_bundle(rd, seq, ret);
}

int audit_reader_next(struct audit_reader *rd, struct bytes *ret_record)
{
        int r = find_record(rd, rd->seq, ret_record);

        if (r == 0)
                rd->seq++;
        return r;
}

/* Hashes of a tile, all of them. ERR_NOENT if it is not full. */
static int load_tile(struct audit_reader *rd, unsigned level, uint64_t index)
{
        int r;

        if (rd->tile[level].there && rd->tile[level].index == index)
                return 0;
        rd->tile[level].there = false;
        r = tile_read(rd->dir, level, index, rd->tile[level].hash);
        rd->tile[level].there = r == 0;
        rd->tile[level].index = index;
        return r;
}

static int journal_leaf(struct audit_reader *rd, uint64_t index, uint8_t ret[TREE_HASH])
{
        int r = 0;

        if (!in_journal(rd, index))
                r = refresh_journal(rd);
        if (!in_journal(rd, index))
                return r != 0 ? r : err(ERR_NOENT, "there is no hash of record %llu", (unsigned long long)index);
        memcpy(ret, rd->frames.leaf[index - rd->frames.first], TREE_HASH);
        return 0;
}

int audit_reader_hash(void *ctx, unsigned level, uint64_t index, uint8_t ret[TREE_HASH])
{
        struct audit_reader *rd = ctx;
        unsigned tile = level / TILE_SHIFT, n = 1u << level % TILE_SHIFT;
        uint8_t left[TREE_HASH];
        uint64_t first;
        int r;

        if (tile >= TILE_LEVELS || index > UINT64_MAX >> level)
                return err(ERR_RANGE, "no log has so many records");
        first = index << level % TILE_SHIFT;
        r = load_tile(rd, tile, first / TILE_WIDTH);
        if (r == 0) {
                tile_root((const uint8_t(*)[TREE_HASH])rd->tile[tile].hash + first % TILE_WIDTH, n, ret);
                return 0;
        }
        if (r != ERR_NOENT)
                return r;
        if (level == 0)
                return journal_leaf(rd, index, ret);
        r = audit_reader_hash(rd, level - 1, 2 * index, left);
        if (r == 0)
                r = audit_reader_hash(rd, level - 1, 2 * index + 1, ret);
        if (r == 0)
                tree_node(left, ret, ret);
        return r;
}

static int add_checkpoint(const struct dirent *e, void *ctx)
{
        struct audit_reader *rd = ctx;
        struct checkpoint_name *more;

        if (!checkpoint_name_good(e->d_name))
                return 0;
        if (rd->n_names == rd->cap_names) {
                more = reallocarray(rd->names, rd->cap_names + 256, sizeof(*more));
                if (!more)
                        return err(ERR_NOMEM, "out of memory");
                rd->names = more;
                rd->cap_names += 256;
        }
        memcpy(rd->names[rd->n_names++].text, e->d_name, CHECKPOINT_NAME + 1);
        return 0;
}

static int by_name(const void *a, const void *b)
{
        return strcmp(((const struct checkpoint_name *)a)->text, ((const struct checkpoint_name *)b)->text);
}

int audit_reader_checkpoint(struct audit_reader *rd, size_t i, struct buf *ret_note)
{
        CLEANUP(close_fd) int fd = -1;
        int r;

        r = dir_open(rd->dir, "checkpoints", &fd);
        if (r == 0 && i >= rd->n_names) {
                rd->n_names = 0;
                r = dir_list(fd, add_checkpoint, rd);
                if (rd->n_names > 0)
                        qsort(rd->names, rd->n_names, sizeof(rd->names[0]), by_name);
        }
        if (r != 0)
                return r;
        if (i >= rd->n_names)
                return err(ERR_NOENT, "there are %zu checkpoints", rd->n_names);
        return file_read(fd, rd->names[i].text, NOTE_MAX, ret_note);
}

int audit_reader_newest(struct audit_reader *rd, struct buf *ret_note)
{
        return file_read(rd->dir, "checkpoint", NOTE_MAX, ret_note);
}
