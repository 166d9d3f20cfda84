/* SPDX-License-Identifier: BSD-2-Clause */
/* Whose turn is it at the TPM, and what did the last one leave loaded? */
#include "tpm/share.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "lib/err.h"
#include "lib/file.h"
#include "tpm/clock.h"

#define NAME "tpm.lock"
#define RECORD_MAX 2048         /* more than CACHE_MAX lines */

int share_open(int dirfd, struct share *ret)
{
        *ret = (struct share){ .dirfd = -1, .fd = -1 };
        if (dirfd < 0)
                return 0;
        ret->dirfd = fcntl(dirfd, F_DUPFD_CLOEXEC, 0);
        return ret->dirfd < 0 ? err_errno("the TPM's lock") : 0;
}

/* As open to group and others as the directory is: whoever may use the store's keys takes part. */
static int open_file(struct share *s)
{
        struct stat st;
        mode_t mode;

        if (fstat(s->dirfd, &st) != 0)
                return err_errno("the directory of the TPM's lock");
        mode = st.st_mode & 0666;
        s->fd = openat(s->dirfd, NAME, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
        if (s->fd < 0 && errno == ENOENT) {
                s->fd = openat(s->dirfd, NAME, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, mode);
                if (s->fd >= 0 && fchmod(s->fd, mode) != 0)
                        return err_errno("the rights of the TPM's lock");
        }
        return s->fd < 0 ? err_errno("the TPM's lock " NAME) : 0;
}

/* A place in the queue: a lock on the file's first octet, which flock() below knows nothing of. */
static int try_queue(int fd, short type)
{
        struct flock l = { .l_type = type, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1 };

        return fcntl(fd, F_OFD_SETLK, &l);
}

static int try_turn(int fd, short type)
{
        return flock(fd, type == F_UNLCK ? LOCK_UN : LOCK_EX | LOCK_NB);
}

/* Neither kind of lock knows a deadline, so it is asked again and again; an operation mostly lasts a millisecond or a few hundred. */
static int take(int (*try)(int fd, short type), int fd, uint64_t nap_max, uint64_t until_us)
{
        uint64_t nap = 200;

        while (try(fd, F_WRLCK) != 0) {
                if (errno != EWOULDBLOCK && errno != EACCES && errno != EINTR)
                        return err_errno("locking " NAME);
                if (clock_left_ms(until_us) == 0)
                        return err(ERR_TIMEOUT, "other programs kept the TPM busy all the time");
                clock_nap(nap, until_us);
                if (nap < nap_max)
                        nap += nap / 4;
        }
        return 0;
}

/* Whoever has just had a turn stands behind those who wait: else one busy process would keep all others out,
 * for it always asks sooner than they wake up. */
static int lock_file(int fd, uint64_t until_us)
{
        int r;

        r = take(try_queue, fd, 3000, until_us);
        if (r != 0)
                return r;
        r = take(try_turn, fd, 500, until_us);
        try_queue(fd, F_UNLCK);
        return r;
}

/* Somebody may have removed the file while we waited, or the whole store and made a new one. */
static bool gone(int fd)
{
        struct stat st;

        return fstat(fd, &st) != 0 || st.st_nlink == 0;
}

static int read_table(struct share *s, struct cache *c, bool *ret_changed)
{
        uint8_t text[RECORD_MAX];
        ssize_t n;
        int r;

        do {
                n = pread(s->fd, text, sizeof(text), 0);
        } while (n < 0 && errno == EINTR);
        if (n < 0)
                return err_errno("reading " NAME);
        if (n > 0 && bytes_equal(BYTES(text, (size_t)n), BYTES_OF(&s->last))) {
                *ret_changed = false;
                return 0;
        }
        r = buf_set(&s->last, BYTES(text, (size_t)n));
        if (r != 0)
                return r;
        *ret_changed = true;
        if (n == 0)
                *c = (struct cache){ 0 };
        else
                /* A damaged record leaves the table unsure, which is all there is to do about it. */
                (void)cache_parse(BYTES(text, (size_t)n), c);
        return 0;
}

int share_begin(struct share *s, uint64_t until_us, struct cache *c, bool *ret_changed)
{
        int r = 0;

        for (int i = 0; i < 3; i++) {
                if (s->fd < 0)
                        r = open_file(s);
                if (r == 0)
                        r = lock_file(s->fd, until_us);
                if (r != 0)
                        break;
                if (!gone(s->fd)) {
                        r = read_table(s, c, ret_changed);
                        if (r != 0)
                                share_end(s);
                        return r;
                }
                close_fd(&s->fd);
                s->fd = -1;
        }
        return r != 0 ? r : err(ERR_READONLY, NAME " is removed again and again");
}

int share_write(struct share *s, struct cache *c)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        ssize_t n;
        int r;

        if (s->fd < 0 || !c->dirty)
                return 0;
        r = cache_format(c, &text);
        if (r != 0)
                return r;
        do {
                n = pwrite(s->fd, text.ptr, text.len, 0);
        } while (n < 0 && errno == EINTR);
        if (n < 0)
                return err_errno("writing " NAME);
        if ((size_t)n != text.len || ftruncate(s->fd, (off_t)text.len) != 0) {
                buf_reset(&s->last);
                return err(ERR_NOSPC, "writing " NAME ": no room");
        }
        c->dirty = false;
        buf_take(&text, &s->last);
        return 0;
}

void share_end(struct share *s)
{
        if (s->fd >= 0)
                flock(s->fd, LOCK_UN);
}

void share_close(struct share *s)
{
        share_abandon(s);
        buf_clear(&s->last);
}

void share_abandon(struct share *s)
{
        close_fd(&s->fd);
        close_fd(&s->dirfd);
}
