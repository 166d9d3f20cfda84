/* SPDX-License-Identifier: BSD-2-Clause */
/* Counts a program's store-changing calls, fails or kills it at one of them, or writes down what they did.
 * For LD_PRELOAD:
 *
 *   INJECT_DIR      only calls on what is below this directory count
 *   INJECT_AT       the number of the call (from 1) that something happens at
 *   INJECT_ACTION   kill: SIGKILL on entry; short: half of a write; ENOSPC, EIO, EINTR ...: the call fails
 *   INJECT_ON       with it, all calls from that one on fail
 *   INJECT_COUNT    file that gets the number of calls at exit
 *   INJECT_LOG      file that gets a line per call that succeeded, as power_loss.c reads them, and "ack" for
 *                   each line written to standard output */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

static const struct { const char *name; int value; } errors[] = {
        { "ENOSPC", ENOSPC }, { "EIO", EIO }, { "EINTR", EINTR }, { "EROFS", EROFS }, { "EDQUOT", EDQUOT }, { "EACCES", EACCES },
        { "EMFILE", EMFILE },
};

static char dir[PATH_MAX];
static size_t dir_len;
static long calls, at;
static bool kills, shortens, goes_on;
static int error;
static int log_fd = -1;

static void *real(const char *name)
{
        return dlsym(RTLD_NEXT, name);
}

__attribute__((constructor)) static void start(void)
{
        const char *s;

        s = getenv("INJECT_DIR");
        if (!s || !realpath(s, dir))
                return;
        dir_len = strlen(dir);
        at = getenv("INJECT_AT") ? atol(getenv("INJECT_AT")) : 0;
        goes_on = getenv("INJECT_ON") != NULL;
        s = getenv("INJECT_ACTION") ? getenv("INJECT_ACTION") : "";
        kills = strcmp(s, "kill") == 0;
        shortens = strcmp(s, "short") == 0;
        for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
                if (strcmp(s, errors[i].name) == 0)
                        error = errors[i].value;
        s = getenv("INJECT_LOG");
        if (s) {
                int (*open_)(const char *path, int flags, ...) = (int (*)(const char *, int, ...))real("open");

                log_fd = open_(s, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        }
}

__attribute__((destructor)) static void stop(void)
{
        const char *path = getenv("INJECT_COUNT");
        FILE *f = path ? fopen(path, "w") : NULL;

        if (!f)
                return;
        fprintf(f, "%ld\n", calls);
        fclose(f);
}

static bool below(const char *path)
{
        return dir_len > 0 && strncmp(path, dir, dir_len) == 0 && (path[dir_len] == '/' || path[dir_len] == '\0');
}

static bool path_of_fd(int fd, char out[PATH_MAX])
{
        char link[64];
        ssize_t n;

        snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        n = readlink(link, out, PATH_MAX - 1);
        out[n > 0 ? n : 0] = '\0';
        return n > 0;
}

/* The absolute path of a name in a directory. */
static bool path_at(int dirfd, const char *name, char out[PATH_MAX])
{
        size_t len;

        if (name[0] == '/') {
                snprintf(out, PATH_MAX, "%s", name);
                return true;
        }
        if (dirfd == AT_FDCWD ? !getcwd(out, PATH_MAX) : !path_of_fd(dirfd, out))
                return false;
        if (strcmp(name, ".") == 0)
                return true;
        len = strlen(out);
        return snprintf(out + len, PATH_MAX - len, "/%s", name) < (int)(PATH_MAX - len);
}

static bool at_below(int dirfd, const char *name)
{
        char path[PATH_MAX];
        int saved = errno;
        bool ok = dir_len > 0 && path_at(dirfd, name, path) && below(path);

        errno = saved;
        return ok;
}

static bool fd_below(int fd)
{
        char path[PATH_MAX];
        int saved = errno;
        bool ok = dir_len > 0 && path_of_fd(fd, path) && below(path);

        errno = saved;
        return ok;
}

/* Counts one call. True if it shall fail, errno set. */
static bool strikes(void)
{
        long n = __atomic_add_fetch(&calls, 1, __ATOMIC_SEQ_CST);

        if (at == 0 || (goes_on ? n < at : n != at))
                return false;
        if (kills)
                kill(getpid(), SIGKILL);
        if (error == 0)
                return false;
        errno = error;
        return true;
}

static bool shall_shorten(void)
{
        return shortens && (goes_on ? calls >= at : calls == at);
}

/* One line of the log: a word, an inode, names relative to the directory, bytes in hex. */
static void note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void note(const char *fmt, ...)
{
        ssize_t (*write_)(int fd, const void *p, size_t len) = (ssize_t (*)(int, const void *, size_t))real("write");
        char *line;
        va_list ap;
        int n, saved = errno;

        if (log_fd < 0)
                return;
        va_start(ap, fmt);
        n = vasprintf(&line, fmt, ap);
        va_end(ap);
        if (n < 0 || write_(log_fd, line, (size_t)n) != n)
                abort();
        free(line);
        errno = saved;
}

static unsigned long inode_of_fd(int fd)
{
        struct stat st;

        return fstat(fd, &st) == 0 ? st.st_ino : 0;
}

static unsigned long inode_at(int dirfd, const char *name)
{
        struct stat st;

        return fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 ? st.st_ino : 0;
}

static const char *relative(int dirfd, const char *name, char out[PATH_MAX])
{
        if (!path_at(dirfd, name, out) || !below(out))
                return "?";
        return out[dir_len] ? out + dir_len + 1 : ".";
}

static void note_write(int fd, const unsigned char *p, size_t len, long offset)
{
        char *hex = malloc(2 * len + 1);

        if (!hex)
                abort();
        for (size_t i = 0; i < len; i++)
                snprintf(hex + 2 * i, 3, "%02x", p[i]);
        hex[2 * len] = '\0';
        note("write %lu %ld %s\n", inode_of_fd(fd), offset, hex);
        free(hex);
}

static int open_counted(int dirfd, const char *name, int flags, mode_t mode)
{
        int (*openat_)(int dirfd, const char *name, int flags, ...) = (int (*)(int, const char *, int, ...))real("openat");
        char path[PATH_MAX];
        bool ours = (flags & (O_CREAT | O_TRUNC)) && at_below(dirfd, name), there;
        int fd;

        if (ours && strikes())
                return -1;
        there = ours && inode_at(dirfd, name) != 0;
        fd = openat_(dirfd, name, flags, mode);
        if (ours && fd >= 0 && !there)
                note("creat %lu %s\n", inode_of_fd(fd), relative(dirfd, name, path));
        if (ours && fd >= 0 && there && (flags & O_TRUNC))
                note("trunc %lu 0\n", inode_of_fd(fd));
        return fd;
}

static mode_t mode_arg(int flags, va_list *ap)
{
        return flags & (O_CREAT | O_TMPFILE) ? va_arg(*ap, mode_t) : 0;
}

#define OPEN_WRAPPER(name) \
        EXPORT int name(const char *path, int flags, ...) \
        { \
                va_list ap; \
                mode_t mode; \
 \
                va_start(ap, flags); \
                mode = mode_arg(flags, &ap); \
                va_end(ap); \
                return open_counted(AT_FDCWD, path, flags, mode); \
        }
#define OPENAT_WRAPPER(name) \
        EXPORT int name(int dirfd, const char *path, int flags, ...) \
        { \
                va_list ap; \
                mode_t mode; \
 \
                va_start(ap, flags); \
                mode = mode_arg(flags, &ap); \
                va_end(ap); \
                return open_counted(dirfd, path, flags, mode); \
        }

int open(const char *path, int flags, ...);
int open64(const char *path, int flags, ...);
int openat(int dirfd, const char *path, int flags, ...);
int openat64(int dirfd, const char *path, int flags, ...);
OPEN_WRAPPER(open)
OPEN_WRAPPER(open64)
OPENAT_WRAPPER(openat)
OPENAT_WRAPPER(openat64)

EXPORT ssize_t write(int fd, const void *p, size_t len)
{
        ssize_t (*write_)(int fd, const void *p, size_t len) = (ssize_t (*)(int, const void *, size_t))real("write");
        bool ours = fd_below(fd);
        ssize_t n;

        if (ours && strikes())
                return -1;
        n = write_(fd, p, ours && shall_shorten() && len > 1 ? len / 2 : len);
        if (ours && n > 0)
                note_write(fd, p, (size_t)n, (long)lseek(fd, 0, SEEK_CUR) - (long)n);
        if (fd == 1 && n > 0)
                note("ack %.*s", (int)n, (const char *)p);
        return n;
}

static ssize_t pwrite_counted(int fd, const void *p, size_t len, off_t offset)
{
        ssize_t (*pwrite_)(int fd, const void *p, size_t len, off_t o) = (ssize_t (*)(int, const void *, size_t, off_t))real("pwrite64");
        bool ours = fd_below(fd);
        ssize_t n;

        if (ours && strikes())
                return -1;
        n = pwrite_(fd, p, ours && shall_shorten() && len > 1 ? len / 2 : len, offset);
        if (ours && n > 0)
                note_write(fd, p, (size_t)n, (long)offset);
        return n;
}

EXPORT ssize_t pwrite(int fd, const void *p, size_t len, off_t offset)
{
        return pwrite_counted(fd, p, len, offset);
}

EXPORT ssize_t pwrite64(int fd, const void *p, size_t len, off_t offset)
{
        return pwrite_counted(fd, p, len, offset);
}

EXPORT ssize_t writev(int fd, const struct iovec *v, int n)
{
        ssize_t (*writev_)(int fd, const struct iovec *v, int n) = (ssize_t (*)(int, const struct iovec *, int))real("writev");

        if (!fd_below(fd))
                return writev_(fd, v, n);
        /* A short write: what POSIX allows, and the caller has to go on from. */
        return write(fd, v[0].iov_base, v[0].iov_len);
}

EXPORT int ftruncate(int fd, off_t len)
{
        int (*ftruncate_)(int fd, off_t len) = (int (*)(int, off_t))real("ftruncate64");
        bool ours = fd_below(fd);
        int r;

        if (ours && strikes())
                return -1;
        r = ftruncate_(fd, len);
        if (ours && r == 0)
                note("trunc %lu %ld\n", inode_of_fd(fd), (long)len);
        return r;
}

EXPORT int ftruncate64(int fd, off_t len)
{
        return ftruncate(fd, len);
}

static int sync_counted(int fd, const char *name)
{
        int (*sync_)(int fd) = (int (*)(int))real(name);
        bool ours = fd_below(fd);
        int r;

        if (ours && strikes())
                return -1;
        r = sync_(fd);
        if (ours && r == 0)
                note("sync %lu\n", inode_of_fd(fd));
        return r;
}

EXPORT int fsync(int fd)
{
        return sync_counted(fd, "fsync");
}

EXPORT int fdatasync(int fd)
{
        return sync_counted(fd, "fdatasync");
}

static int rename_counted(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
        int (*rename_)(int a, const char *b, int c, const char *d, unsigned e) =
                (int (*)(int, const char *, int, const char *, unsigned))real("renameat2");
        char a[PATH_MAX], b[PATH_MAX];
        bool ours = at_below(from_dir, from) || at_below(to_dir, to);
        int r;

        if (ours && strikes())
                return -1;
        r = rename_(from_dir, from, to_dir, to, flags);
        if (ours && r == 0)
                note("rename %s %s\n", relative(from_dir, from, a), relative(to_dir, to, b));
        return r;
}

EXPORT int rename(const char *from, const char *to)
{
        return rename_counted(AT_FDCWD, from, AT_FDCWD, to, 0);
}

EXPORT int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
        return rename_counted(from_dir, from, to_dir, to, 0);
}

EXPORT int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
        return rename_counted(from_dir, from, to_dir, to, flags);
}

EXPORT int linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
        int (*link_)(int a, const char *b, int c, const char *d, int e) = (int (*)(int, const char *, int, const char *, int))real("linkat");
        char a[PATH_MAX], b[PATH_MAX];
        bool ours = at_below(to_dir, to);
        int r;

        if (ours && strikes())
                return -1;
        r = link_(from_dir, from, to_dir, to, flags);
        if (ours && r == 0)
                note("link %s %s\n", relative(from_dir, from, a), relative(to_dir, to, b));
        return r;
}

EXPORT int link(const char *from, const char *to)
{
        return linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
}

EXPORT int unlinkat(int dirfd, const char *name, int flags)
{
        int (*unlink_)(int a, const char *b, int c) = (int (*)(int, const char *, int))real("unlinkat");
        char path[PATH_MAX];
        bool ours = at_below(dirfd, name);
        int r;

        if (ours && strikes())
                return -1;
        r = unlink_(dirfd, name, flags);
        if (ours && r == 0)
                note("unlink %s\n", relative(dirfd, name, path));
        return r;
}

EXPORT int unlink(const char *name)
{
        return unlinkat(AT_FDCWD, name, 0);
}

EXPORT int rmdir(const char *name)
{
        return unlinkat(AT_FDCWD, name, AT_REMOVEDIR);
}

EXPORT int mkdirat(int dirfd, const char *name, mode_t mode)
{
        int (*mkdir_)(int a, const char *b, mode_t c) = (int (*)(int, const char *, mode_t))real("mkdirat");
        char path[PATH_MAX];
        bool ours = at_below(dirfd, name);
        int r;

        if (ours && strikes())
                return -1;
        r = mkdir_(dirfd, name, mode);
        if (ours && r == 0)
                note("mkdir %lu %s\n", inode_at(dirfd, name), relative(dirfd, name, path));
        return r;
}

EXPORT int mkdir(const char *name, mode_t mode)
{
        return mkdirat(AT_FDCWD, name, mode);
}
