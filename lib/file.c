/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads and writes small files so that no crash, full disk or power cut leaves half of one. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "lib/crypto.h"
#include "lib/err.h"
#include "lib/file.h"

#define TMP_PREFIX ".tmp-"
/* A temporary name lives for milliseconds. One this old belongs to nobody, even if its process id was given out again. */
#define TMP_OLD_SECONDS 600
/* The least and most time between two looks at a lock that is held. */
#define LOCK_POLL_MIN_US 500
#define LOCK_POLL_MAX_US 5000

void close_fd(int *fd)
{
        if (*fd >= 0)
                close(*fd);
        *fd = -1;
}

static int open_retry(int dirfd, const char *name, int flags, mode_t mode)
{
        return (int)TEMP_FAILURE_RETRY(openat(dirfd, name, flags | O_CLOEXEC | O_NOCTTY, mode));
}

int file_read_fd(int fd, const char *name, size_t max, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf b = { 0 };
        struct stat st;
        ssize_t n;
        int r;

        if (fstat(fd, &st) != 0)
                return err_errno("%s", name);
        if (!S_ISREG(st.st_mode))
                return err(ERR_FORMAT, "%s is no regular file", name);
        if (st.st_size < 0 || (uintmax_t)st.st_size > max)
                return err(ERR_FORMAT, "%s is longer than %zu octets", name, max);

        /* One octet more than there should be, so that the end is seen without growing. */
        r = buf_reserve(&b, (size_t)st.st_size + 1);
        if (r != 0)
                return r;
        for (;;) {
                n = TEMP_FAILURE_RETRY(read(fd, b.ptr + b.len, b.cap - b.len));
                if (n < 0)
                        return err_errno("reading %s", name);
                if (n == 0)
                        break;
                b.len += (size_t)n;
                if (b.len > max)
                        return err(ERR_FORMAT, "%s is longer than %zu octets", name, max);
                if (b.len == b.cap && (r = buf_reserve(&b, b.cap * 2)) != 0)
                        return r;
        }
        buf_take(&b, ret);
        return 0;
}

int file_open(int dirfd, const char *name, int *ret_fd)
{
        /* Not blocking: opening a FIFO would wait for its writer. */
        int fd = open_retry(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);

        if (fd < 0 && (errno == ELOOP || errno == ENXIO))
                return err(ERR_FORMAT, "%s is no regular file", name);
        if (fd < 0)
                return err_errno("%s", name);
        *ret_fd = fd;
        return 0;
}

int file_read(int dirfd, const char *name, size_t max, struct buf *ret)
{
        CLEANUP(close_fd) int fd = -1;
        int r;

        r = file_open(dirfd, name, &fd);
        return r != 0 ? r : file_read_fd(fd, name, max, ret);
}

int file_temp_name(char ret[FILE_TEMP_NAME_SIZE])
{
        uint64_t unique;
        int r;

        r = crypto_random((uint8_t *)&unique, sizeof(unique));
        if (r == 0)
                snprintf(ret, FILE_TEMP_NAME_SIZE, TMP_PREFIX "%016llx-%ld", (unsigned long long)unique, (long)getpid());
        return r;
}

static int write_all(int fd, const char *name, struct bytes content)
{
        ssize_t n;

        while (content.len > 0) {
                n = TEMP_FAILURE_RETRY(write(fd, content.ptr, content.len));
                if (n < 0)
                        return err_errno("writing %s", name);
                content.ptr += n;
                content.len -= (size_t)n;
        }
        /* What fails here is lost: after an error the kernel calls the same pages clean, so there is no second try. */
        if (TEMP_FAILURE_RETRY(fsync(fd)) != 0)
                return err_errno("writing %s", name);
        return 0;
}

int dir_sync(int dirfd, const char *name)
{
        CLEANUP(close_fd) int fd = -1;

        fd = open_retry(dirfd, ".", O_RDONLY | O_DIRECTORY, 0);
        /* EINVAL: the file system has no such thing as syncing a directory. */
        if (fd < 0 || (TEMP_FAILURE_RETRY(fsync(fd)) != 0 && errno != EINVAL))
                return err_errno("making %s durable", name);
        return 0;
}

/* For file systems that cannot refuse to replace while they rename: a link cannot replace either. Of directories
 * rename() itself replaces none but an empty one, and of ours none is empty. */
static int move_by_link(int dirfd, const char *from, const char *to)
{
        struct stat st;

        if (fstatat(dirfd, from, &st, AT_SYMLINK_NOFOLLOW) != 0)
                return -1;
        if (S_ISDIR(st.st_mode))
                return renameat(dirfd, from, dirfd, to);
        if (linkat(dirfd, from, dirfd, to, 0) != 0)
                return -1;
        unlinkat(dirfd, from, 0);
        return 0;
}

static int move(int dirfd, const char *from, const char *to, bool replace)
{
        int n;

        if (replace)
                return (int)TEMP_FAILURE_RETRY(renameat(dirfd, from, dirfd, to));
        n = (int)TEMP_FAILURE_RETRY(renameat2(dirfd, from, dirfd, to, RENAME_NOREPLACE));
        if (n != 0 && (errno == EINVAL || errno == ENOSYS))
                n = move_by_link(dirfd, from, to);
        return n;
}

static int write_and_move(int dirfd, const char *temp, const char *name, struct bytes content, mode_t mode, bool replace)
{
        CLEANUP(close_fd) int fd = -1;
        int r;

        fd = open_retry(dirfd, temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
        if (fd < 0)
                return err_errno("making %s", name);
        r = write_all(fd, name, content);
        if (r != 0)
                return r;
        if (move(dirfd, temp, name, replace) != 0)
                return err_errno("making %s", name);
        return 0;
}

int file_write(int dirfd, const char *name, struct bytes content, mode_t mode, bool replace)
{
        char temp[FILE_TEMP_NAME_SIZE];
        int r;

        r = file_temp_name(temp);
        if (r != 0)
                return r;
        r = write_and_move(dirfd, temp, name, content, mode, replace);
        if (r != 0) {
                unlinkat(dirfd, temp, 0);
                return r;
        }
        r = dir_sync(dirfd, name);
        if (r != 0 && !replace)
                unlinkat(dirfd, name, 0);
        return r;
}

int file_rename(int dirfd, const char *from, const char *to)
{
        int r;

        if (move(dirfd, from, to, false) != 0)
                return err_errno("renaming %s to %s", from, to);
        r = dir_sync(dirfd, to);
        if (r != 0)
                move(dirfd, to, from, false);
        return r;
}

static int exchange(int dirfd, const char *a, const char *b)
{
        return (int)TEMP_FAILURE_RETRY(renameat2(dirfd, a, dirfd, b, RENAME_EXCHANGE));
}

int file_exchange(int dirfd, const char *a, const char *b)
{
        int r;

        if (exchange(dirfd, a, b) != 0) {
                if (errno == EINVAL || errno == ENOSYS)
                        return err(ERR_NOTSUP, "the file system cannot exchange %s for %s in one step", b, a);
                return err_errno("exchanging %s for %s", b, a);
        }
        r = dir_sync(dirfd, b);
        if (r != 0)
                exchange(dirfd, a, b);
        return r;
}

int file_remove(int dirfd, const char *name)
{
        if (TEMP_FAILURE_RETRY(unlinkat(dirfd, name, 0)) != 0)
                return err_errno("removing %s", name);
        return dir_sync(dirfd, name);
}

/* Did whoever made this temporary name die? Only what looks exactly like one of ours is judged. */
static bool is_dead(int dirfd, const char *name)
{
        struct timespec now;
        struct stat st;
        const char *dash = strrchr(name, '-');
        char *end;
        long pid;

        if (strncmp(name, TMP_PREFIX, strlen(TMP_PREFIX)) != 0 || dash < name + strlen(TMP_PREFIX))
                return false;
        pid = strtol(dash + 1, &end, 10);
        if (end == dash + 1 || *end != '\0' || pid <= 0 || pid > INT32_MAX)
                return false;
        if (kill((pid_t)pid, 0) != 0 && errno == ESRCH)
                return true;
        if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
                return false;
        clock_gettime(CLOCK_REALTIME, &now);
        return now.tv_sec - st.st_ctim.tv_sec > TMP_OLD_SECONDS;
}

int dir_list(int dirfd, int (*fn)(const struct dirent *e, void *ctx), void *ctx)
{
        const struct dirent *e;
        DIR *d;
        int fd, r = 0;

        /* fdopendir() takes the descriptor over. */
        fd = open_retry(dirfd, ".", O_RDONLY | O_DIRECTORY, 0);
        if (fd < 0)
                return err_errno("reading a directory");
        d = fdopendir(fd);
        if (!d) {
                close(fd);
                return err_errno("reading a directory");
        }
        while (r == 0) {
                errno = 0;
                e = readdir(d);
                if (!e)
                        break;
                if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
                        r = fn(e, ctx);
        }
        if (r == 0 && errno != 0)
                r = err_errno("reading a directory");
        closedir(d);
        return r;
}

static int unlink_entry(const struct dirent *e, void *ctx)
{
        const int *fd = ctx;

        unlinkat(*fd, e->d_name, 0);
        return 0;
}

int dir_remove(int dirfd, const char *name)
{
        CLEANUP(close_fd) int fd = -1;
        int r;

        r = dir_open(dirfd, name, &fd);
        if (r == 0)
                r = dir_list(fd, unlink_entry, &fd);
        if (r != 0)
                return r;
        if (unlinkat(dirfd, name, AT_REMOVEDIR) != 0)
                return err_errno("removing %s", name);
        return 0;
}

static int sweep_entry(const struct dirent *e, void *ctx)
{
        const int *fd = ctx;

        if (is_dead(*fd, e->d_name) && unlinkat(*fd, e->d_name, 0) != 0 && errno == EISDIR)
                dir_remove(*fd, e->d_name);
        return 0;
}

void file_sweep(int dirfd)
{
        dir_list(dirfd, sweep_entry, &dirfd);
}

/* One directory, its parent being there. */
static int make_one(const char *path, mode_t mode)
{
        CLEANUP(close_fd) int fd = -1;
        CLEANUP(free_ptr) char *parent = strdup(path);
        struct stat st;
        char *slash;
        int r;

        if (!parent)
                return err(ERR_NOMEM, "out of memory");
        if (TEMP_FAILURE_RETRY(mkdir(path, mode)) != 0) {
                /* Some file systems say that they are read-only, or refuse, before they say that it is there. */
                int saved = errno;

                if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
                        return 0;
                errno = saved;
                return err_errno("making %s", path);
        }

        slash = strrchr(parent, '/');
        if (slash)
                slash[slash == parent] = '\0';
        fd = open_retry(AT_FDCWD, slash ? parent : ".", O_RDONLY | O_DIRECTORY, 0);
        r = fd < 0 ? err_errno("%s", path) : dir_sync(fd, path);
        if (r != 0)
                rmdir(path);
        return r;
}

int dir_make(const char *path, mode_t mode)
{
        CLEANUP(free_ptr) char *copy = strdup(path);
        int r;

        if (!copy)
                return err(ERR_NOMEM, "out of memory");
        for (char *p = copy + 1; *copy != '\0' && *p != '\0'; p++) {
                if (*p != '/')
                        continue;
                *p = '\0';
                r = make_one(copy, mode);
                if (r != 0)
                        return r;
                *p = '/';
        }
        return make_one(copy, mode);
}

int dir_open(int dirfd, const char *name, int *ret_fd)
{
        int fd = open_retry(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);

        if (fd < 0 && (errno == ENOTDIR || errno == ELOOP))
                return err(ERR_FORMAT, "%s is no directory", name);
        if (fd < 0)
                return err_errno("%s", name);
        *ret_fd = fd;
        return 0;
}

static uint64_t now_us(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* Waiters look at random times, so that none is always behind the same other. */
static void wait_a_little(void)
{
        uint32_t random = 0;
        struct timespec t = { 0 };

        if (crypto_random((uint8_t *)&random, sizeof(random)) != 0)
                random = 0;
        t.tv_nsec = (LOCK_POLL_MIN_US + (long)(random % (LOCK_POLL_MAX_US - LOCK_POLL_MIN_US))) * 1000;
        nanosleep(&t, NULL);
}

/* A place in the queue: a lock on the first octet, which flock() knows nothing of. Whoever waits until others are done
 * keeps out who comes later; else they who share the lock would never let in who must have it alone. */
static int try_queue(int fd, int how)
{
        struct flock l = { .l_type = how == LOCK_UN ? F_UNLCK : F_WRLCK, .l_whence = SEEK_SET, .l_len = 1 };

        return fcntl(fd, F_OFD_SETLK, &l);
}

static int try_lock(int fd, int how)
{
        return flock(fd, how | LOCK_NB);
}

static int wait_for(int (*try)(int fd, int how), int fd, int how, const char *name, uint64_t deadline)
{
        while (try(fd, how) != 0) {
                if (errno != EWOULDBLOCK && errno != EACCES && errno != EINTR)
                        return err_errno("locking %s", name);
                if (now_us() >= deadline)
                        return ERR_TIMEOUT;
                wait_a_little();
        }
        return 0;
}

int file_lock(int dirfd, const char *name, bool exclusive, unsigned timeout_ms, int *ret_fd)
{
        uint64_t deadline = now_us() + (uint64_t)timeout_ms * 1000;
        CLEANUP(close_fd) int fd = -1;
        int r;

        fd = open_retry(dirfd, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0600);
        if (fd < 0)
                return err_errno("opening the lock %s", name);
        r = wait_for(try_queue, fd, LOCK_EX, name, deadline);
        if (r == 0)
                r = wait_for(try_lock, fd, exclusive ? LOCK_EX : LOCK_SH, name, deadline);
        try_queue(fd, LOCK_UN);
        if (r == ERR_TIMEOUT)
                return err(r, "another process holds the lock %s for more than %u ms", name, timeout_ms);
        if (r != 0)
                return r;
        *ret_fd = fd;
        fd = -1;
        return 0;
}

void file_unlock(int *fd)
{
        if (*fd >= 0)
                flock(*fd, LOCK_UN);
        close_fd(fd);
}
