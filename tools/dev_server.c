/* SPDX-License-Identifier: BSD-2-Clause */
/* Starts what `holdfast dev` needs beside CMD, and hears whether it came up. */
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include "lib/file.h"
#include "tools/dev.h"

#define START_MS 20000

/* Where it says that it is ready: sd_notify(3). */
static int notify_open(const struct dev_dir *d, int *ret_fd)
{
        struct sockaddr_un a = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        snprintf(a.sun_path, sizeof a.sun_path, "%s/notify", d->path);
        unlink(a.sun_path);
        if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) != 0 || setenv("NOTIFY_SOCKET", a.sun_path, 1) != 0) {
                int r = err_errno("cannot make the socket %s", a.sun_path);

                close_fd(&fd);
                return r;
        }
        *ret_fd = fd;
        return 0;
}

/* The last line that it wrote says why. */
static int why_not(const char *name, int log)
{
        off_t end = lseek(log, 0, SEEK_END);
        char text[2048], *line, *last;
        ssize_t n = pread(log, text, sizeof text - 1, end > (off_t)sizeof text - 1 ? end - (off_t)sizeof text + 1 : 0);

        text[n > 0 ? n : 0] = 0;
        last = strrchr(text, '\n');
        if (last != NULL)
                *last = 0;
        line = strrchr(text, '\n');
        line = line != NULL ? line + 1 : text;
        return err(ERR_DAEMON, "the %s does not start: %s", name, line[0] != 0 ? line : "it says nothing");
}

/* READY=1, or the end of its output. */
static int await_ready(const char *name, int notify, int ended, int log)
{
        struct pollfd p[] = { { .fd = notify, .events = POLLIN }, { .fd = ended, .events = POLLIN } };

        if (poll(p, 2, START_MS) > 0 && (p[0].revents & POLLIN) != 0)
                return 0;
        return why_not(name, log);
}

static int open_log(const struct dev_dir *d, const char *name, int *ret_fd)
{
        char path[128];

        snprintf(path, sizeof path, "%s/%s.log", d->path, name);
        *ret_fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        return *ret_fd >= 0 ? 0 : err_errno("cannot make %s", path);
}

int dev_server_start(const struct dev_dir *d, const char *name, const char *const argv[], pid_t *ret)
{
        CLEANUP(close_fd) int notify = -1, log = -1, ended = -1;
        pid_t parent = getpid();
        int life[2], r;

        *ret = -1;
        r = open_log(d, name, &log);
        if (r == 0)
                r = notify_open(d, &notify);
        if (r != 0)
                return r;
        /* The child has the other end for as long as it lives. */
        if (pipe(life) != 0)
                return err_errno("cannot make a pipe");
        ended = life[0];
        fcntl(life[0], F_SETFD, FD_CLOEXEC);
        *ret = fork();
        if (*ret == 0)
                dev_become(log, parent, argv);
        close(life[1]);
        unsetenv("NOTIFY_SOCKET");
        return *ret > 0 ? await_ready(name, notify, ended, log) : err_errno("cannot start %s", argv[0]);
}

int dev_run(const struct dev_dir *d, const char *name, const char *const argv[])
{
        CLEANUP(close_fd) int log = -1;
        pid_t parent = getpid(), pid;
        int status, r = open_log(d, name, &log);

        if (r != 0)
                return r;
        pid = fork();
        if (pid == 0)
                dev_become(log, parent, argv);
        if (pid < 0 || waitpid(pid, &status, 0) != pid)
                return err_errno("cannot run %s", argv[0]);
        return status == 0 ? 0 : why_not(name, log);
}
