/* SPDX-License-Identifier: BSD-2-Clause */
/* Which executables have been seen, and what are their digests? */
#include "daemon/exe.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "lib/crypto.h"
#include "lib/err.h"
#include "lib/file.h"

#define KEPT 64
#define DIGEST 32
#define EXE_MAX ((off_t)1 << 30)
#define SETTLED_NS 2000000000ll /* no file system's times are coarser */

/* A file that was written to since has another time of change, which no one can set. */
struct seen {
        dev_t dev;
        ino_t ino;
        off_t size;
        struct timespec changed, modified;
        uint8_t digest[DIGEST];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct seen kept[KEPT];
static size_t next;

static bool same_time(struct timespec a, struct timespec b)
{
        return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool is(const struct seen *s, const struct stat *st)
{
        return s->ino == st->st_ino && s->dev == st->st_dev && s->size == st->st_size && same_time(s->changed, st->st_ctim) &&
               same_time(s->modified, st->st_mtim);
}

static bool find(const struct stat *st, uint8_t ret[DIGEST])
{
        bool found = false;

        pthread_mutex_lock(&lock);
        for (size_t i = 0; i < KEPT && !found; i++) {
                found = is(&kept[i], st);
                if (found)
                        memcpy(ret, kept[i].digest, DIGEST);
        }
        pthread_mutex_unlock(&lock);
        return found;
}

/* What is written to within a tick of the clock may have the same times after it as before: the digest of one that was is taken again. */
static bool is_settled(const struct stat *st)
{
        struct timespec now;
        long long age;

        if (clock_gettime(CLOCK_REALTIME, &now) != 0)
                return false;
        age = (long long)(now.tv_sec - st->st_ctim.tv_sec) * 1000000000 + (now.tv_nsec - st->st_ctim.tv_nsec);
        return age > SETTLED_NS;
}

static void keep(const struct stat *st, const uint8_t digest[DIGEST])
{
        pthread_mutex_lock(&lock);
        kept[next] = (struct seen){ .dev = st->st_dev, .ino = st->st_ino, .size = st->st_size, .changed = st->st_ctim, .modified = st->st_mtim };
        memcpy(kept[next].digest, digest, DIGEST);
        next = (next + 1) % KEPT;
        pthread_mutex_unlock(&lock);
}

/* Read, not mapped: a file that becomes shorter meanwhile, as some file systems allow, is an error and no signal. */
static int digest(int fd, off_t size, uint8_t ret[DIGEST])
{
        CLEANUP(digest_freep) struct digest *d = NULL;
        uint8_t part[16384];
        ssize_t n;
        int r;

        if (size > EXE_MAX)
                return err(ERR_RANGE, "a caller's executable is longer than %lld octets", (long long)EXE_MAX);
        r = digest_new(hash_by_name("SHA256"), &d);
        for (off_t at = 0; r == 0 && at < size; at += n) {
                n = TEMP_FAILURE_RETRY(pread(fd, part, sizeof(part), at));
                if (n < 0)
                        return err_errno("cannot read a caller's executable");
                if (n == 0)
                        return err(ERR_STALE, "a caller's executable became shorter");
                r = digest_update(d, BYTES(part, (size_t)n));
        }
        return r == 0 ? digest_final(d, ret) : r;
}

int exe_digest(int proc, uint64_t *ret_dev, uint64_t *ret_ino, struct buf *ret_sha256)
{
        CLEANUP(close_fd) int fd = openat(proc, "exe", O_RDONLY | O_CLOEXEC);
        uint8_t d[DIGEST];
        struct stat st;
        int r = 0;

        if (fd < 0 || fstat(fd, &st) != 0)
                return err_errno("cannot open a caller's executable");
        if (!find(&st, d)) {
                r = digest(fd, st.st_size, d);
                if (r == 0 && is_settled(&st))
                        keep(&st, d);
        }
        if (r == 0)
                r = buf_set(ret_sha256, BYTES(d, DIGEST));
        if (r != 0)
                return r;
        *ret_dev = st.st_dev;
        *ret_ino = st.st_ino;
        return 0;
}
