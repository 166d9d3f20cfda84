/* SPDX-License-Identifier: BSD-2-Clause */
/* How does a socket appear with its rights, in one step, and go again without taking another's away? */
#include "daemon/listen.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "lib/err.h"
#include "lib/file.h"

#define BACKLOG 4096
#define DIR_MODE 0755           /* clients of other users go through it */

static int make_directory(const char *path)
{
        CLEANUP(buf_clear) struct buf dir = { 0 };
        const char *slash = strrchr(path, '/');
        mode_t ours;
        int r;

        if (slash == NULL || slash == path)
                return 0;
        if (buf_append(&dir, path, (size_t)(slash - path)) != 0 || buf_str(&dir) == NULL)
                return err(ERR_NOMEM, "out of memory");
        /* Ours is for what nobody else may see. */
        ours = umask(0777 & ~DIR_MODE);
        r = dir_make(buf_str(&dir), DIR_MODE);
        umask(ours);
        return r;
}

/* What a dead one left is in nobody's way. */
static int must_be_free(const struct sockaddr_un *a)
{
        CLEANUP(close_fd) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        if (fd < 0)
                return err_errno("cannot make a socket");
        if (connect(fd, (const struct sockaddr *)a, sizeof(*a)) == 0 || errno == EAGAIN)
                return err(ERR_EXIST, "another process listens at %s", a->sun_path);
        return 0;
}

/* Under a name of its own first: nobody connects before its rights are as they should be. */
static int bind_at(int fd, const char *temp, const char *path, mode_t mode, gid_t gid, struct listener *ret)
{
        struct sockaddr_un a = { .sun_family = AF_UNIX }, there = a;
        struct stat st;
        int r;

        if ((size_t)snprintf(a.sun_path, sizeof(a.sun_path), "%s", temp) >= sizeof(a.sun_path))
                return err(ERR_RANGE, "the path of a socket has at most %zu characters: %s", sizeof(a.sun_path) - 5, path);
        if (lstat(path, &st) == 0 && !S_ISSOCK(st.st_mode))
                return err(ERR_EXIST, "%s is there and is no socket", path);
        snprintf(there.sun_path, sizeof(there.sun_path), "%s", path);
        r = must_be_free(&there);
        if (r != 0)
                return r;
        unlink(temp);
        if (bind(fd, (const struct sockaddr *)&a, sizeof(a)) != 0)
                return err_errno("cannot make the socket %s", path);
        if (chmod(temp, mode) != 0 || (gid != (gid_t)-1 && chown(temp, (uid_t)-1, gid) != 0) || stat(temp, &st) != 0 ||
            listen(fd, BACKLOG) != 0 || rename(temp, path) != 0) {
                r = err_errno("cannot make the socket %s", path);
                unlink(temp);
                return r;
        }
        ret->dev = st.st_dev;
        ret->ino = st.st_ino;
        return 0;
}

int listener_open(const char *path, mode_t mode, gid_t gid, struct listener *ret)
{
        struct listener l = LISTENER_NONE;
        CLEANUP(buf_clear) struct buf temp = { 0 };
        int r = make_directory(path);

        if (r == 0)
                r = buf_append_str(&l.path, path);
        if (r == 0)
                r = buf_printf(&temp, "%s.new", path);
        if (r == 0 && (buf_str(&l.path) == NULL || buf_str(&temp) == NULL))
                r = err(ERR_NOMEM, "out of memory");
        if (r == 0) {
                l.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
                r = l.fd >= 0 ? bind_at(l.fd, buf_str(&temp), path, mode, gid, &l) : err_errno("cannot make a socket");
        }
        if (r == 0) {
                *ret = l;
                return 0;
        }
        close_fd(&l.fd);
        buf_clear(&l.path);
        return r;
}

void listener_forget(struct listener *l)
{
        struct stat st;

        if (l->path.len > 0 && lstat(buf_str(&l->path), &st) == 0 && st.st_dev == l->dev && st.st_ino == l->ino)
                unlink(buf_str(&l->path));
        buf_clear(&l->path);
}

void listener_close(struct listener *l)
{
        listener_forget(l);
        close_fd(&l->fd);
        l->fd = -1;
}
