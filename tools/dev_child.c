/* SPDX-License-Identifier: BSD-2-Clause */
/* How do the servers of `holdfast dev` begin and end? */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "tools/dev.h"

/* A session of its own, so that the terminal's signals are CMD's alone. */
void dev_become(int log, pid_t parent, const char *const argv[])
{
        sigset_t none;

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        setsid();
        /* The supervisor has blocked some, and a mask is inherited. */
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        if (getppid() != parent)
                _exit(1);
        for (int fd = 0; fd <= 2; ++fd)
                dup2(log, fd);
        execvp(argv[0], (char *const *)argv);
        dprintf(2, "%s: %s\n", argv[0], strerror(errno));
        _exit(127);
}

void dev_stop(pid_t *pid, unsigned ms)
{
        if (*pid <= 0)
                return;
        kill(*pid, SIGTERM);
        for (; ms > 0; --ms) {
                if (waitpid(*pid, NULL, WNOHANG) != 0) {
                        *pid = -1;
                        return;
                }
                poll(NULL, 0, 1);
        }
        kill(*pid, SIGKILL);
        waitpid(*pid, NULL, 0);
        *pid = -1;
}
