/* SPDX-License-Identifier: BSD-2-Clause */
/* The supervisor of `holdfast dev`: makes everything, runs CMD, takes everything away, whoever dies first. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>
#include "keys/admin.h"
#include "lib/file.h"
#include "tools/dev.h"
#include "tools/text.h"

#define STRAYS_MS 1000

struct scene {
        struct cli *cli;
        const struct dev_dir *dir;
        struct dev_tpm tpm;
        struct dev_daemon daemon;
        struct dev_issuer issuer;
        pid_t cmd;                /* -1: not running */
        int status;               /* of CMD, once it has ended */
};

static int prepare(struct scene *s)
{
        CLEANUP(conf_clear) struct conf conf = { 0 };
        struct admin_init how = { 0 };
        int r;

        r = dev_tpm_start(s->dir, &s->tpm);
        if (r == 0)
                r = dev_env(s->cli, s->dir, &s->tpm);
        if (r == 0)
                r = conf_load(&conf);
        if (r == 0)
                r = dev_ek_certify(&conf, s->dir);
        if (r == 0)
                r = admin_init(&conf, &how);
        if (r == 0 && cli_flag(s->cli, "issuer"))
                r = dev_issuer_start(s->dir, &s->issuer);
        if (r == 0 && !cli_flag(s->cli, "direct"))
                r = dev_daemon_start(s->dir, &s->daemon);
        return r == 0 && cli_flag(s->cli, "issuer") ? dev_issuer_join(s->dir) : r;
}

static int start_command(struct scene *s)
{
        pid_t supervisor = getpid();

        fflush(NULL);
        s->cmd = fork();
        if (s->cmd < 0)
                return err_errno("cannot start a process");
        if (s->cmd > 0)
                return 0;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != supervisor)
                _exit(EXIT_FAILURE);
        _exit(dev_exec(s->cli, s->dir));
}

/* Whoever has ended: CMD, swtpm, the daemon, or what CMD left behind. */
static void reap(struct scene *s)
{
        int status;
        pid_t pid;

        while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
                if (pid == s->cmd) {
                        s->cmd = -1;
                        s->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
                } else if (pid == s->tpm.pid) {
                        s->tpm.pid = -1;
                        say(s->cli, "holdfast: the software TPM has ended; its last words are in %s/tpm.log", s->dir->path);
                } else if (pid == s->daemon.pid) {
                        s->daemon.pid = -1;
                        say(s->cli, "holdfast: the daemon has ended; its last words are in %s/daemon.log", s->dir->path);
                } else if (pid == s->issuer.pid) {
                        s->issuer.pid = -1;
                        say(s->cli, "holdfast: the issuer has ended; its last words are in %s/issuer.log", s->dir->path);
                }
        }
}

/* Until CMD has ended, or nobody is there any more to tell. */
static void tend(struct scene *s, int signals, int children)
{
        struct pollfd p[] = { { .fd = signals, .events = POLLIN }, { .fd = children, .events = POLLIN } };
        struct signalfd_siginfo info;
        uint8_t sig;

        while (s->cmd > 0) {
                if (poll(p, ARRAY_LEN(p), -1) < 0 && errno != EINTR)
                        return;
                if (p[1].revents != 0 && read(children, &info, sizeof info) > 0)
                        reap(s);
                if (p[0].revents == 0 || s->cmd < 0)
                        continue;
                if (read(signals, &sig, 1) != 1)
                        return;
                kill(s->cmd, sig);
        }
}

/* Our children at this moment: those of CMD that outlived it have become ours. */
static size_t signal_children(const struct scene *s, int sig)
{
        char path[64];
        size_t n = 0;
        long pid;
        FILE *f;

        snprintf(path, sizeof path, "/proc/self/task/%ld/children", (long)getpid());
        f = fopen(path, "re");
        if (f == NULL)
                return 0;
        while (fscanf(f, "%ld", &pid) == 1) {
                if (pid == s->tpm.pid || pid == s->daemon.pid || pid == s->issuer.pid)
                        continue;
                kill((pid_t)pid, sig);
                ++n;
        }
        fclose(f);
        return n;
}

/* Asks them to end, and after half the time makes them. */
static void end_strays(struct scene *s)
{
        for (int ms = 0; ms < STRAYS_MS; ms += 5) {
                if (signal_children(s, ms < STRAYS_MS / 2 ? SIGTERM : SIGKILL) == 0)
                        return;
                poll(NULL, 0, ms == 0 ? 1 : 5);
                reap(s);
        }
}

static int take_away(struct scene *s)
{
        end_strays(s);
        dev_daemon_stop(&s->daemon);
        dev_issuer_stop(&s->issuer);
        dev_tpm_stop(&s->tpm);
        if (!cli_flag(s->cli, "keep"))
                return dev_dir_remove(s->dir);
        say(s->cli, "Kept      %s", s->dir->path);
        return 0;
}

int dev_supervise(struct cli *c, const struct dev_dir *d, int signals)
{
        struct scene s = { .cli = c, .dir = d, .tpm = { .pid = -1 }, .daemon = { .pid = -1 }, .issuer = { .pid = -1 }, .cmd = -1 };
        CLEANUP(close_fd) int children = -1;
        sigset_t chld;
        int r;

        sigemptyset(&chld);
        sigaddset(&chld, SIGCHLD);
        prctl(PR_SET_CHILD_SUBREAPER, 1);
        children = signalfd(-1, &chld, SFD_CLOEXEC | SFD_NONBLOCK);
        r = children < 0 ? err_errno("cannot watch processes") : prepare(&s);
        if (r == 0 && (c->n_args == 0 || cli_flag(c, "verbose")))
                say(c, "swtpm  P-256 EK with certificate%s%s   state %s   assurance: simulator", s.daemon.pid > 0 ? "   holdfastd" : "",
                    s.issuer.pid > 0 ? "   holdfast-issuer" : "", d->path);
        if (r == 0)
                r = start_command(&s);
        if (r == 0)
                tend(&s, signals, children);
        if (r < 0)
                say_failure(c, r);
        /* The one who was waiting is dead. */
        if (s.cmd > 0)
                kill(s.cmd, SIGKILL);
        if (take_away(&s) != 0)
                say_failure(c, ERR_IO);
        else if (r == 0 && c->n_args == 0)
                say(c, "cleaned up");
        return r < 0 ? cli_exit_status(r) : s.status;
}
