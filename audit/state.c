/* SPDX-License-Identifier: BSD-2-Clause */
/* In what state did the last writer leave the log, and how do more records get there? */
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

void log_name(uint64_t number, char ret[LOG_NAME_SIZE])
{
        snprintf(ret, LOG_NAME_SIZE, "%06llu", (unsigned long long)number);
}

void state_clear(struct state *s)
{
        close_fd(&s->journal);
        close_fd(&s->dir);
        frames_clear(&s->frames);
}

/* A log with this journal under its name at once: whoever sees it sees all of it. Its directory and journal are open then. */
static int make_log(int dirfd, uint64_t number, struct bytes journal, int *ret_dir, int *ret_journal)
{
        CLEANUP(close_fd) int fd = -1;
        CLEANUP(close_fd) int file = -1;
        char temp[FILE_TEMP_NAME_SIZE], name[LOG_NAME_SIZE];
        int r;

        log_name(number, name);
        r = file_temp_name(temp);
        if (r != 0)
                return r;
        if (mkdirat(dirfd, temp, 0700) != 0)
                return err_errno("making %s", name);
        r = dir_open(dirfd, temp, &fd);
        if (r == 0)
                r = file_write(fd, "journal", journal, 0600, false);
        if (r == 0)
                r = journal_open(fd, true, &file);
        if (r == 0)
                r = file_rename(dirfd, temp, name);
        if (r != 0) {
                dir_remove(dirfd, temp);
                return r;
        }
        *ret_dir = fd;
        *ret_journal = file;
        fd = file = -1;
        return 0;
}

/* Bundles, tiles and journal must be of one piece. */
static int join(struct state *s, bool tiles_known)
{
        uint64_t base = s->frames.n > 0 ? s->frames.first : 0;
        uint8_t tile[TILE_WIDTH][TREE_HASH];
        struct audit_record rec;
        struct stat st;
        int r;

        s->frames.first = base;
        if (!tiles_known) {
                r = tiles_load(s->dir, base, &s->tiles);
                if (r == 0 && s->count)
                        r = bundle_octets(s->dir, base / TILE_WIDTH, &s->octets);
                if (r != 0)
                        return r;
        }
        if (base > 0) {
                r = tile_read(s->dir, 0, base / TILE_WIDTH - 1, tile);
                if (r == 0)
                        r = audit_record_decode(frames_record(&s->frames, 0), &rec);
                if (r != 0)
                        return r;
                if (memcmp(rec.prev.ptr, tile[TILE_WIDTH - 1], TREE_HASH) != 0)
                        return err(ERR_FORMAT, "record %llu does not follow from the one before", (unsigned long long)base);
        } else if (s->frames.n < TILE_WIDTH &&
                   (fstatat(s->dir, "tile/0/000", &st, AT_SYMLINK_NOFOLLOW) == 0 || (s->frames.n == 0 && s->number > 1))) {
                /* Its successor was whole before it took the place of a full journal. */
                return err(ERR_FORMAT, "the journal has lost its records");
        }
        memcpy(s->tiles.hash[0], s->frames.leaf, s->frames.n * sizeof(s->frames.leaf[0]));
        s->tiles.n[0] = s->frames.n;
        tiles_tree(&s->tiles, &s->tree);
        return 0;
}

/* What is in the journal is taken for durable from now on, and what a crash left behind it goes. */
static int settle(struct state *s, size_t len, struct audit_recovery *ret)
{
        struct audit_record rec;
        int r;

        if (len > s->frames.bytes.len && ftruncate(s->journal, (off_t)s->frames.bytes.len) != 0)
                return err_errno("cutting the journal");
        if (TEMP_FAILURE_RETRY(fsync(s->journal)) != 0)
                return err_errno("making the journal durable");
        if (!ret)
                return 0;
        ret->torn = len - s->frames.bytes.len;
        if (s->frames.n == 0)
                return 0;
        r = audit_record_decode(frames_record(&s->frames, s->frames.n - 1), &rec);
        if (r == 0)
                ret->unclean = rec.event != AUDIT_STOP && rec.event != AUDIT_ROTATE && !rec.direct;
        return r;
}

static void sweep(int dirfd, const struct state *s)
{
        CLEANUP(close_fd) int fd = -1;

        file_sweep(dirfd);
        file_sweep(s->dir);
        bundle_sweep(s->dir, s->tiles.base / TILE_WIDTH);
        if (dir_open(s->dir, "checkpoints", &fd) == 0)
                file_sweep(fd);
        err_reset();
}

bool checkpoint_name_good(const char *name)
{
        return strlen(name) == CHECKPOINT_NAME && strspn(name, "0123456789") == 20 && name[20] == '.' && strspn(name + 21, "0123456789") == 10;
}

static int keep_last(const struct dirent *e, void *ctx)
{
        char *last = ctx;

        if (checkpoint_name_good(e->d_name) && strcmp(e->d_name, last) > 0)
                memcpy(last, e->d_name, CHECKPOINT_NAME + 1);
        return 0;
}

/* A checkpoint has its own file before it is the newest one: whoever was killed in between has said it, and the next one follows from it. */
static int settle_checkpoint(const struct state *s)
{
        CLEANUP(buf_clear) struct buf last = { 0 };
        CLEANUP(buf_clear) struct buf newest = { 0 };
        CLEANUP(close_fd) int fd = -1;
        char name[CHECKPOINT_NAME + 1] = "";
        int r;

        r = dir_open(s->dir, "checkpoints", &fd);
        if (r == ERR_NOENT)
                return 0;
        if (r == 0)
                r = dir_list(fd, keep_last, name);
        if (r != 0 || name[0] == '\0')
                return r;
        r = file_read(fd, name, NOTE_MAX, &last);
        if (r == 0)
                r = file_read(s->dir, "checkpoint", NOTE_MAX, &newest);
        if (r == ERR_NOENT || (r == 0 && !bytes_equal(BYTES_OF(&last), BYTES_OF(&newest))))
                r = file_write(s->dir, "checkpoint", BYTES_OF(&last), 0600, true);
        return r;
}

/* The number of the newest. */
static int newest(int dirfd, struct audit_recovery *how, uint64_t *ret)
{
        CLEANUP(free_ptr) uint64_t *all = NULL;
        CLEANUP(close_fd) int dir = -1;
        CLEANUP(close_fd) int journal = -1;
        size_t n;
        int r;

        r = audit_logs_at(dirfd, &all, &n);
        if (r != 0)
                return r;
        if (n > 0) {
                *ret = all[n - 1];
                return 0;
        }
        r = make_log(dirfd, 1, BYTES("", 0), &dir, &journal);
        if (r != 0)
                return r;
        if (how)
                how->created = true;
        *ret = 1;
        return 0;
}

int state_load(int dirfd, struct state *s, struct audit_recovery *ret)
{
        CLEANUP(buf_clear) struct buf b = { 0 };
        uint64_t number, old = s->number, old_base = s->tiles.base;
        bool again = s->dir >= 0;
        char name[LOG_NAME_SIZE];
        int r;

        close_fd(&s->journal);
        close_fd(&s->dir);
        /* Until all is known, nothing is. */
        s->number = 0;
        r = newest(dirfd, ret, &number);
        if (r != 0)
                return r;
        log_name(number, name);
        r = dir_open(dirfd, name, &s->dir);
        if (r == 0)
                r = journal_open(s->dir, true, &s->journal);
        if (r == 0)
                r = journal_read(s->journal, 0, &b);
        frames_reset(&s->frames);
        if (r == 0)
                r = journal_scan(BYTES_OF(&b), &s->frames);
        s->number = number;
        if (r == 0)
                r = join(s, again && number == old && s->frames.n > 0 && s->frames.first == old_base);
        if (r == 0)
                r = settle(s, b.len, ret);
        if (r != 0) {
                s->number = 0;
                return r;
        }
        s->bundled = false;
        if (again)
                return 0;
        sweep(dirfd, s);
        return settle_checkpoint(s);
}

bool state_is_current(int dirfd, const struct state *s)
{
        struct stat named, open;
        char next[LOG_NAME_SIZE];

        if (s->number == 0 || s->rewrite)
                return false;
        log_name(s->number + 1, next);
        return fstatat(s->dir, "journal", &named, AT_SYMLINK_NOFOLLOW) == 0 && fstat(s->journal, &open) == 0 && named.st_ino == open.st_ino &&
               named.st_dev == open.st_dev && (uintmax_t)open.st_size == s->frames.bytes.len &&
               fstatat(dirfd, next, &named, AT_SYMLINK_NOFOLLOW) != 0;
}

int state_bundle(struct state *s)
{
        int r = 0;

        if (s->frames.n == TILE_WIDTH && !s->bundled) {
                r = bundle_write(s->dir, &s->frames, &s->tiles);
                s->bundled = r == 0;
        }
        return r;
}

/* The journal anew: with what is in it and f, or, when it is full, with f alone. */
static int replace(struct state *s, const struct frames *f)
{
        int fd, r;

        if (s->frames.n == TILE_WIDTH) {
                r = state_bundle(s);
                if (r == 0)
                        r = journal_replace(s->dir, f, NULL, &fd);
        } else {
                r = journal_replace(s->dir, &s->frames, f, &fd);
        }
        /* Perhaps the new one is there and its name not durable. */
        s->rewrite = r != 0;
        if (r != 0)
                return r;
        close_fd(&s->journal);
        s->journal = fd;
        return 0;
}

static int append(struct state *s, const struct frames *f)
{
        const uint8_t *p = f->bytes.ptr;
        size_t left = f->bytes.len;
        off_t at = (off_t)s->frames.bytes.len;
        ssize_t n;

        while (left > 0) {
                n = TEMP_FAILURE_RETRY(pwrite(s->journal, p, left, at));
                if (n < 0)
                        return err_errno("writing the journal");
                p += n;
                left -= (size_t)n;
                at += n;
        }
        if (TEMP_FAILURE_RETRY(fdatasync(s->journal)) != 0) {
                /* The kernel calls the pages clean now, whatever is on the disk: they are not written to again. */
                s->rewrite = true;
                return err_errno("making the journal durable");
        }
        return 0;
}

int state_write(struct state *s, const struct frames *f)
{
        int r;

        if (s->rewrite || s->frames.n == TILE_WIDTH)
                return replace(s, f);
        r = append(s, f);
        /* Cutting takes no room. Where it fails, the journal is written anew. */
        if (r != 0 && ftruncate(s->journal, (off_t)s->frames.bytes.len) != 0)
                s->rewrite = true;
        return r;
}

void state_mend(struct state *s)
{
        int fd;

        if (!s->rewrite || journal_replace(s->dir, &s->frames, NULL, &fd) != 0)
                return;
        close_fd(&s->journal);
        s->journal = fd;
        s->rewrite = false;
}

int state_reserve(struct state *s, const struct frames *f)
{
        return buf_reserve(&s->frames.bytes, s->frames.bytes.len + f->bytes.len);
}

void state_advance(struct state *s, const struct frames *f)
{
        if (s->frames.n == TILE_WIDTH) {
                s->octets += frames_octets(&s->frames);
                tiles_carry(&s->tiles);
                frames_reset(&s->frames);
                s->bundled = false;
        }
        frames_join(&s->frames, f);
        for (unsigned i = 0; i < f->n; i++) {
                memcpy(s->tiles.hash[0][s->tiles.n[0]++], f->leaf[i], TREE_HASH);
                tree_append(&s->tree, f->leaf[i]);
        }
}

int state_rotate(int dirfd, struct state *s, const struct frames *f)
{
        int dir, journal, r;

        r = buf_reserve(&s->frames.bytes, f->bytes.len);
        if (r == 0)
                r = make_log(dirfd, s->number + 1, BYTES_OF(&f->bytes), &dir, &journal);
        if (r != 0)
                return r;
        close_fd(&s->dir);
        close_fd(&s->journal);
        s->dir = dir;
        s->journal = journal;
        s->number++;
        s->bundled = s->rewrite = false;
        s->octets = 0;
        s->tree.size = 0;
        s->tiles.base = 0;
        memset(s->tiles.n, 0, sizeof(s->tiles.n));
        frames_reset(&s->frames);
        state_advance(s, f);
        return 0;
}
