/* SPDX-License-Identifier: BSD-2-Clause */
/* Exported lines to a file, which may be rotated away meanwhile, to standard output, or into a command. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "lib/file.h"
#include "tools/audit.h"
#include "tools/audit_sinking.h"

#define LOOK_MS 5

/* A line that somebody was killed over is ended, not continued. */
static int end_line(struct audit_sink *s)
{
        struct stat st;
        char last = '\n';

        if (fstat(s->fd, &st) != 0)
                return sink_away("look at", s);
        s->good = st.st_size;
        if (!S_ISREG(st.st_mode) || st.st_size == 0)
                return 0;
        if (pread(s->fd, &last, 1, st.st_size - 1) != 1)
                return sink_away("read", s);
        if (last != '\n' && write(s->fd, "\n", 1) != 1)
                return sink_away("write to", s);
        s->good += last != '\n';
        return 0;
}

int sink_file_open(struct audit_sink *s)
{
        int r;

        s->framing = FRAME_LINE;
        s->fd = open(s->where, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0600);
        if (s->fd < 0)
                return sink_away("open", s);
        r = end_line(s);
        if (r != 0)
                close_fd(&s->fd);
        return r;
}

int sink_stdout_open(struct audit_sink *s)
{
        s->framing = FRAME_LINE;
        s->fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
        return s->fd < 0 ? sink_away("open", s) : 0;
}

/* What is no file cannot be synced, and need not be. */
int sink_file_flush(struct audit_sink *s)
{
        struct stat there, ours;

        if (fdatasync(s->fd) != 0 && errno != EINVAL && errno != EROFS)
                return sink_away("sync", s);
        if (s->kind->prefix == NULL)
                return 0;
        /* Rotated away: the next line goes into a new one. */
        if (stat(s->where, &there) != 0 || fstat(s->fd, &ours) != 0 || there.st_ino != ours.st_ino || there.st_dev != ours.st_dev)
                close_fd(&s->fd);
        return 0;
}

int sink_command_open(struct audit_sink *s)
{
        int ends[2];

        s->framing = FRAME_LINE;
        if (pipe2(ends, O_CLOEXEC) != 0)
                return sink_away("make a pipe to", s);
        s->pid = fork();
        if (s->pid == 0) {
                signal(SIGPIPE, SIG_DFL);
                if (dup2(ends[0], STDIN_FILENO) >= 0)
                        execl("/bin/sh", "sh", "-c", s->where, (char *)NULL);
                _exit(127);
        }
        close(ends[0]);
        s->fd = ends[1];
        if (s->pid < 0) {
                close_fd(&s->fd);
                return sink_away("start", s);
        }
        return 0;
}

/* Until the command has read all. */
int sink_command_flush(struct audit_sink *s)
{
        int left = 0;

        for (;;) {
                struct pollfd p = { .fd = s->fd };

                if (ioctl(s->fd, FIONREAD, &left) != 0)
                        return sink_away("look at the pipe to", s);
                if (left == 0)
                        return 0;
                if (poll(&p, 1, 0) > 0 && (p.revents & POLLERR) != 0)
                        return err(ERR_IO, "the command %s does not read any more", s->where);
                if (audit_stopped())
                        return err(ERR_IO, "stopped before the command %s had read all", s->where);
                audit_sleep(LOOK_MS);
        }
}

int sink_command_close(struct audit_sink *s)
{
        int status = 0;
        pid_t pid = s->pid;

        if (pid < 0)
                return 0;
        s->pid = -1;
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
                if (audit_stopped())
                        kill(pid, SIGTERM);
        }
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
                return 0;
        if (WIFEXITED(status))
                return err(ERR_IO, "the command %s ended with status %d", s->where, WEXITSTATUS(status));
        return err(ERR_IO, "the command %s was killed by signal %d", s->where, WTERMSIG(status));
}
