/* SPDX-License-Identifier: BSD-2-Clause */
/* Starts and stops the daemon of `holdfast dev`. */
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "lib/file.h"
#include "tools/dev.h"
#include "tools/module.h"

#define START_MS 20000
#define STOP_MS 8000

/* Where it says that it is ready: sd_notify(3). */
static int notify_open(const struct dev_dir *d, int *ret_fd)
{
        struct sockaddr_un a = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        snprintf(a.sun_path, sizeof a.sun_path, "%s/notify", d->path);
        if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) != 0 || setenv("NOTIFY_SOCKET", a.sun_path, 1) != 0) {
                int r = err_errno("cannot make the socket %s", a.sun_path);

                close_fd(&fd);
                return r;
        }
        *ret_fd = fd;
        return 0;
}

/* The last line that it wrote says why it did not start. */
static int why_not(int log)
{
        char text[2048];
        ssize_t n = pread(log, text, sizeof text - 1, 0);
        char *line, *end;

        text[n > 0 ? n : 0] = 0;
        end = strrchr(text, '\n');
        if (end != NULL)
                *end = 0;
        line = strrchr(text, '\n');
        line = line != NULL ? line + 1 : text;
        return err(ERR_DAEMON, "the daemon does not start: %s", line[0] != 0 ? line : "it says nothing");
}

/* READY=1, or the end of its output. */
static int await_ready(int notify, int ended, int log)
{
        struct pollfd p[] = { { .fd = notify, .events = POLLIN }, { .fd = ended, .events = POLLIN } };

        if (poll(p, 2, START_MS) > 0 && (p[0].revents & POLLIN) != 0)
                return 0;
        return why_not(log);
}

int dev_daemon_start(const struct dev_dir *d, struct dev_daemon *ret)
{
        CLEANUP(close_fd) int notify = -1, log = -1, ended = -1;
        CLEANUP(buf_clear) struct buf program = { 0 };
        pid_t parent = getpid();
        char path[128];
        int life[2], r;

        ret->pid = -1;
        snprintf(path, sizeof path, "%s/daemon.log", d->path);
        log = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (log < 0)
                return err_errno("cannot make %s", path);
        r = module_daemon_path(&program);
        if (r == 0 && buf_str(&program) == NULL)
                r = err(ERR_NOMEM, "out of memory");
        if (r == 0)
                r = notify_open(d, &notify);
        if (r != 0)
                return r;
        /* The child has the other end for as long as it lives. */
        if (pipe(life) != 0)
                return err_errno("cannot make a pipe");
        ended = life[0];
        fcntl(life[0], F_SETFD, FD_CLOEXEC);
        ret->pid = fork();
        if (ret->pid == 0)
                dev_become(log, parent, (const char *[]){ (const char *)program.ptr, NULL });
        close(life[1]);
        unsetenv("NOTIFY_SOCKET");
        return ret->pid > 0 ? await_ready(notify, ended, log) : err_errno("cannot start holdfastd");
}

void dev_daemon_stop(struct dev_daemon *s)
{
        dev_stop(&s->pid, STOP_MS);
}
