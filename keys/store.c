/* SPDX-License-Identifier: BSD-2-Clause */
/* Opens and makes a store. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include "keys/store_dir.h"
#include "lib/err.h"
#include "lib/file.h"

#define VERSION 1
#define LOCK_TIMEOUT_MS 5000
/* Times of files move in steps of a clock tick, at most 10 ms; some file systems keep whole seconds, in twos. */
#define TICK_NS 50000000LL
#define COARSE_NS 2500000000LL

static int64_t ns_of(const struct timespec *t)
{
        return (int64_t)t->tv_sec * 1000000000 + t->tv_nsec;
}

static bool is_recent(const struct timespec *changed, const struct timespec *now)
{
        int64_t age = ns_of(now) - ns_of(changed);
        int64_t step = changed->tv_nsec == 0 ? COARSE_NS : TICK_NS;

        return age < step && age > -step;
}

int stamp_take(int fd, struct stamp *ret)
{
        struct timespec now;
        struct stat st;

        if (clock_gettime(CLOCK_REALTIME, &now) != 0 || fstat(fd, &st) != 0)
                return err_errno("looking at a directory");
        *ret = (struct stamp){
                .dev = st.st_dev,
                .ino = st.st_ino,
                .mtime = st.st_mtim,
                .ctime = st.st_ctim,
                .settled = !is_recent(&st.st_mtim, &now) && !is_recent(&st.st_ctim, &now),
        };
        return 0;
}

bool stamp_holds(const struct stamp *then, const struct stat *now)
{
        return then->settled && then->dev == now->st_dev && then->ino == now->st_ino &&
               ns_of(&then->mtime) == ns_of(&now->st_mtim) && ns_of(&then->ctime) == ns_of(&now->st_ctim);
}

struct store *store_ref(struct store *s)
{
        __atomic_add_fetch(&s->refs, 1, __ATOMIC_RELAXED);
        return s;
}

void store_unref(struct store *s)
{
        if (__atomic_sub_fetch(&s->refs, 1, __ATOMIC_ACQ_REL) != 0)
                return;
        agent_names_clear(&s->names);
        attrs_clear(&s->info);
        close_fd(&s->agents_fd);
        close_fd(&s->fd);
        pthread_mutex_destroy(&s->lock);
        free(s->path);
        free(s);
}

void store_close(struct store *s)
{
        if (!s)
                return;
        /* Cached items hold the store. */
        store_forget(s, NULL);
        store_unref(s);
}

void store_abandon(struct store *s)
{
        close_fd(&s->agents_fd);
        close_fd(&s->fd);
}

/* A directory that everybody may write is no place for keys. */
static int check_mode(int fd, const char *path)
{
        struct stat st;

        if (fstat(fd, &st) != 0)
                return err_errno("%s", path);
        if (st.st_mode & S_IWOTH)
                return err(ERR_PERM, "everybody may write to %s: a store must be its owner's alone", path);
        return 0;
}

static int read_info(struct store *s)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        unsigned long version;
        int r;

        r = file_read(s->fd, "store", STORE_TEXT_MAX, &text);
        if (r == ERR_NOENT)
                return err(ERR_NOTINIT, "there is no store at %s yet", s->path);
        if (r == 0)
                r = attrs_parse(BYTES_OF(&text), &s->info);
        if (r == 0 && attrs_uint(&s->info, "version", &version) != 0)
                r = err(ERR_FORMAT, "no version line");
        if (r == ERR_FORMAT)
                return err(r, "%s/store: %s", s->path, err_text());
        if (r == 0 && version != VERSION)
                r = err(ERR_NOTSUP, "the store %s has version %lu, this program knows version %d", s->path, version, VERSION);
        return r;
}

static int open_dirs(struct store *s)
{
        int r;

        /* The path may lead over a symbolic link; from here on nothing does. */
        s->fd = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (s->fd < 0 && (errno == ENOENT || errno == ENOTDIR))
                return err(ERR_NOTINIT, "there is no store at %s yet", s->path);
        if (s->fd < 0)
                return err_errno("%s", s->path);
        r = check_mode(s->fd, s->path);
        if (r == 0)
                r = read_info(s);
        if (r == 0)
                r = dir_open(s->fd, "agents", &s->agents_fd);
        return r == ERR_NOENT ? err(ERR_FORMAT, "the store %s has no directory for agents", s->path) : r;
}

int store_open(const char *path, struct store **ret)
{
        struct store *s;
        int r;

        s = calloc(1, sizeof(*s));
        if (!s)
                return err(ERR_NOMEM, "out of memory");
        s->refs = 1;
        s->fd = s->agents_fd = -1;
        pthread_mutex_init(&s->lock, NULL);
        s->path = strdup(path);
        r = s->path ? open_dirs(s) : err(ERR_NOMEM, "out of memory");
        if (r != 0) {
                store_unref(s);
                return r;
        }
        *ret = s;
        return 0;
}

static int write_info(int fd, const struct attrs *info)
{
        CLEANUP(attrs_clear) struct attrs a = { 0 };
        CLEANUP(buf_clear) struct buf text = { 0 };
        int r;

        r = attrs_set_uint(&a, "version", VERSION);
        for (size_t i = 0; r == 0 && i < info->n; i++)
                if (strcmp(info->list[i].name, "version") != 0)
                        r = attrs_set(&a, info->list[i].name, BYTES_OF(&info->list[i].value));
        if (r == 0)
                r = attrs_format(&a, &text);
        if (r == 0 && text.len > STORE_TEXT_MAX)
                r = err(ERR_RANGE, "a store file of %zu octets", text.len);
        return r != 0 ? r : file_write(fd, "store", BYTES_OF(&text), STORE_FILE_MODE, false);
}

int store_create(const char *path, const struct attrs *info)
{
        CLEANUP(buf_clear) struct buf agents = { 0 };
        CLEANUP(close_fd) int fd = -1;
        CLEANUP(file_unlock) int lock = -1;
        int r;

        r = buf_printf(&agents, "%s/agents", path);
        if (r == 0)
                r = dir_make(path, STORE_DIR_MODE);
        if (r != 0)
                return r;
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return err_errno("%s", path);
        r = check_mode(fd, path);
        if (r == 0)
                r = file_lock(fd, "lock", true, LOCK_TIMEOUT_MS, &lock);
        if (r == 0)
                r = dir_make(buf_str(&agents), STORE_DIR_MODE);
        if (r != 0)
                return r;
        file_sweep(fd);
        /* Last: with this file there is a store. */
        r = write_info(fd, info);
        return r == ERR_EXIST ? err(r, "there is a store at %s already", path) : r;
}

const char *store_path(const struct store *s)
{
        return s->path;
}

int store_dirfd(const struct store *s)
{
        return s->fd;
}

const struct attrs *store_info(const struct store *s)
{
        return &s->info;
}

int store_writable(struct store *s)
{
        struct statvfs fs;

        if (fstatvfs(s->agents_fd, &fs) != 0)
                return err_errno("%s", s->path);
        if (fs.f_flag & ST_RDONLY)
                return err(ERR_READONLY, "the file system of %s is mounted read-only", s->path);
        if (faccessat(s->agents_fd, ".", W_OK | X_OK, AT_EACCESS) != 0)
                return err_errno("writing to %s", s->path);
        if ((geteuid() == 0 ? fs.f_bfree : fs.f_bavail) == 0 || (fs.f_files != 0 && fs.f_ffree == 0))
                return err(ERR_NOSPC, "the file system of %s is full", s->path);
        return 0;
}

int store_write_lock(struct store *s, bool exclusive, int *ret_fd)
{
        int r = file_lock(s->fd, "lock", exclusive, LOCK_TIMEOUT_MS, ret_fd);

        return r == ERR_TIMEOUT ? err(r, "another process has held the lock of the store %s for %d seconds", s->path, LOCK_TIMEOUT_MS / 1000) : r;
}

int store_maker_lock(struct store *s, bool unswept, bool *ret_alone, int *ret_fd)
{
        *ret_alone = unswept && file_lock(s->fd, "lock", true, 0, ret_fd) == 0;
        return *ret_alone ? 0 : store_write_lock(s, false, ret_fd);
}
