/* SPDX-License-Identifier: BSD-2-Clause */
/* Who is it, and is it still the same? The kernel's answers, read twice where a process could come and go in between. */
#include "daemon/peer.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "daemon/cgroup.h"
#include "daemon/exe.h"
#include "lib/err.h"
#include "lib/file.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77         /* Linux 6.5: the process that connected, whatever has its number now */
#endif
#define PROC_FILE_MAX 65536

/* A file of /proc/PID: its length says nothing, so it is read until it ends. */
static int proc_read(int proc, const char *name, struct buf *ret)
{
        CLEANUP(close_fd) int fd = openat(proc, name, O_RDONLY | O_CLOEXEC);
        char part[4096];
        ssize_t n;
        int r = 0;

        if (fd < 0)
                return err_errno("cannot read %s of a caller", name);
        buf_reset(ret);
        while (r == 0 && (n = read(fd, part, sizeof(part))) != 0) {
                if (n < 0 && errno != EINTR)
                        return err_errno("cannot read %s of a caller", name);
                if (n > 0)
                        r = buf_append(ret, part, (size_t)n);
                if (r == 0 && ret->len > PROC_FILE_MAX)
                        return err(ERR_RANGE, "%s of a caller is too long", name);
        }
        return r == 0 && buf_str(ret) == NULL ? err(ERR_NOMEM, "out of memory") : r;
}

/* What proc(5) has in stat, behind the name, which may hold anything. */
struct stat_fields {
        pid_t ppid;
        int tty;
        uint64_t start_time;
};

static int read_stat(int proc, struct stat_fields *ret)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        unsigned long long start;
        const char *p;
        int r;

        r = proc_read(proc, "stat", &text);
        if (r != 0)
                return r;
        p = strrchr((const char *)text.ptr, ')');
        if (p == NULL || sscanf(p, ") %*c %d %*d %*d %d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu", &ret->ppid, &ret->tty, &start) != 3)
                return err(ERR_FORMAT, "the kernel's stat of a caller is not as proc(5) has it");
        ret->start_time = start;
        return 0;
}

/* The line that begins with these words, behind them. */
static const char *line_of(const struct buf *text, const char *words)
{
        const char *p = (const char *)text->ptr;
        size_t len = strlen(words);

        while (p != NULL && strncmp(p, words, len) != 0) {
                p = strchr(p, '\n');
                if (p != NULL)
                        p++;
        }
        return p != NULL ? p + len : NULL;
}

static void read_groups(const char *p, struct peer *ret)
{
        char *end;

        for (ret->n_groups = 0; p != NULL; p = end) {
                unsigned long g = strtoul(p, &end, 10);

                if (end == p || g > UINT_MAX)
                        break;
                if (ret->n_groups == PEER_GROUPS_MAX) {
                        ret->groups_cut = true;
                        break;
                }
                ret->groups[ret->n_groups++] = (gid_t)g;
                /* strtoul() would go on behind the end of the line. */
                while (*end == ' ' || *end == '\t')
                        end++;
                if (*end == '\n')
                        break;
        }
}

/* Effective IDs, which SO_PEERCRED has too, and groups. */
static int read_status(int proc, uid_t *ret_uid, struct peer *ret)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        unsigned uid, gid;
        const char *u, *g;
        int r;

        r = proc_read(proc, "status", &text);
        if (r != 0)
                return r;
        u = line_of(&text, "Uid:");
        g = line_of(&text, "Gid:");
        if (u == NULL || g == NULL || sscanf(u, "%*u %u", &uid) != 1 || sscanf(g, "%*u %u", &gid) != 1)
                return err(ERR_FORMAT, "the kernel's status of a caller is not as proc(5) has it");
        *ret_uid = uid;
        if (ret != NULL) {
                ret->gid = gid;
                read_groups(line_of(&text, "Groups:"), ret);
        }
        return 0;
}

static int read_cgroup(int proc, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        const char *p;
        int r;

        r = proc_read(proc, "cgroup", &text);
        if (r != 0)
                return r;
        p = line_of(&text, "0::");
        return buf_set(ret, BYTES(p, p != NULL ? strcspn(p, "\n") : 0));
}

static int read_link(int proc, const char *name, struct buf *ret)
{
        char path[PATH_MAX];
        ssize_t n = readlinkat(proc, name, path, sizeof(path));

        return n < 0 ? 0 : buf_set(ret, BYTES(path, (size_t)n));
}

static int read_parent(struct peer *p)
{
        char name[40];

        snprintf(name, sizeof(name), "/proc/%d/exe", (int)p->ppid);
        return read_link(AT_FDCWD, name, &p->parent_exe);
}

/* A kernel without audit has no such file. */
static void read_loginuid(int proc, struct peer *p)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        unsigned uid;

        if (proc_read(proc, "loginuid", &text) == 0 && sscanf((const char *)text.ptr, "%u", &uid) == 1 && uid != UINT_MAX) {
                p->has_loginuid = true;
                p->loginuid = uid;
        }
}

static int changed(void)
{
        return err(ERR_DENIED, "the caller is not the process any more that it was");
}

static bool has_ended(int pidfd)
{
        struct pollfd p = { .fd = pidfd, .events = POLLIN };

        return pidfd >= 0 && poll(&p, 1, 0) == 1;
}

static int open_proc(pid_t pid, int *ret)
{
        char name[32];

        snprintf(name, sizeof(name), "/proc/%d", (int)pid);
        *ret = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (*ret < 0)
                return errno == ENOENT ? changed() : err_errno("cannot look at a caller's %s", name);
        return 0;
}

/* An executable that we may not look at is none that a rule could name. */
static int read_exe(int proc, struct peer *p)
{
        int r;

        r = read_link(proc, "exe", &p->exe);
        if (r != 0 || p->exe.len == 0)
                return r;
        r = exe_digest(proc, &p->exe_dev, &p->exe_ino, &p->exe_sha256);
        if (r == ERR_NOMEM)
                return r;
        if (r != 0)
                buf_reset(&p->exe);
        return 0;
}

static int fill(int proc, struct peer *p)
{
        struct stat_fields before, after;
        uid_t uid;
        int r;

        r = read_stat(proc, &before);
        if (r == 0)
                r = read_status(proc, &uid, p);
        if (r == 0 && uid != p->uid)
                r = changed();
        if (r == 0)
                r = read_exe(proc, p);
        if (r == 0)
                r = read_cgroup(proc, &p->cgroup);
        if (r == 0)
                r = cgroup_names(BYTES_OF(&p->cgroup), &p->unit, &p->container);
        if (r != 0)
                return r;
        read_loginuid(proc, p);
        p->ppid = before.ppid;
        p->tty = before.tty != 0;
        p->start_time = before.start_time;
        r = read_parent(p);
        if (r == 0)
                r = read_stat(proc, &after);
        return r == 0 && (after.start_time != before.start_time || has_ended(p->pidfd)) ? changed() : r;
}

static int peer_of(pid_t pid, uid_t uid, int pidfd, struct peer *ret)
{
        CLEANUP(close_fd) int proc = -1;
        struct peer p = { .pid = pid, .uid = uid, .pidfd = pidfd };
        int r;

        r = open_proc(pid, &proc);
        if (r == 0)
                r = fill(proc, &p);
        if (r != 0) {
                peer_clear(&p);
                return r;
        }
        *ret = p;
        return 0;
}

int peer_of_socket(int fd, struct peer *ret)
{
        struct pollfd hangup = { .fd = fd, .events = POLLRDHUP };
        struct ucred cred;
        socklen_t len = sizeof(cred), pidfd_len = sizeof(int);
        int pidfd = -1, r;

        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) != 0)
                return err_errno("the kernel does not say who has connected");
        /* In another PID namespace that is not below ours. */
        if (cred.pid <= 0)
                return err(ERR_DENIED, "the caller is a process that cannot be seen from here");
        if (getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &pidfd_len) != 0) {
                /* It has ended, and the number may be another's by now. */
                if (errno != ENOPROTOOPT)
                        return changed();
                pidfd = (int)syscall(SYS_pidfd_open, cred.pid, 0);
        }
        r = peer_of(cred.pid, cred.uid, pidfd, ret);
        /* Older kernels have only the number: had its process ended before we looked, its end of the socket would be closed. */
        if (r == 0 && poll(&hangup, 1, 0) == 1 && (hangup.revents & (POLLHUP | POLLRDHUP))) {
                peer_clear(ret);
                r = changed();
        }
        return r;
}

void peer_glimpse(pid_t pid, struct peer_glimpse *ret)
{
        char path[48];
        struct statx st;

        *ret = (struct peer_glimpse){ 0 };
        snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
        /* Not a word to a server of files, which might not answer. */
        if (statx(AT_FDCWD, path, AT_STATX_DONT_SYNC, STATX_INO, &st) == 0)
                *ret = (struct peer_glimpse){ makedev(st.stx_dev_major, st.stx_dev_minor), st.stx_ino };
}

bool peer_is(const struct peer *p, const struct peer_glimpse *then)
{
        /* An executable that could not be looked at is none that a rule could name. */
        return p->exe.len == 0 || (p->exe_dev == then->exe_dev && p->exe_ino == then->exe_ino);
}

int peer_of_pid(pid_t pid, struct peer *ret)
{
        CLEANUP(close_fd) int proc = -1;
        uid_t uid;
        int r;

        r = open_proc(pid, &proc);
        if (r != 0)
                return err(ERR_NOENT, "there is no process %d", (int)pid);
        r = read_status(proc, &uid, NULL);
        return r != 0 ? r : peer_of(pid, uid, (int)syscall(SYS_pidfd_open, pid, 0), ret);
}

int peer_check(const struct peer *p)
{
        CLEANUP(buf_clear) struct buf cgroup = { 0 };
        CLEANUP(close_fd) int proc = -1;
        struct stat_fields now;
        struct stat exe;
        uid_t uid;
        int r;

        if (has_ended(p->pidfd))
                return changed();
        r = open_proc(p->pid, &proc);
        if (r == 0)
                r = read_stat(proc, &now);
        if (r == 0)
                r = read_status(proc, &uid, NULL);
        if (r == 0)
                r = read_cgroup(proc, &cgroup);
        if (r != 0)
                return r == ERR_NOMEM ? r : changed();
        if (now.start_time != p->start_time || uid != p->uid || !bytes_equal(BYTES_OF(&cgroup), BYTES_OF(&p->cgroup)))
                return changed();
        if (p->exe.len > 0 && (fstatat(proc, "exe", &exe, 0) != 0 || exe.st_dev != p->exe_dev || exe.st_ino != p->exe_ino))
                return changed();
        return 0;
}
