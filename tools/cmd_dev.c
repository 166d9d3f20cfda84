/* SPDX-License-Identifier: BSD-2-Clause */
/* holdfast dev: runs CMD with a private software TPM and daemon, waits for it and passes signals and its exit status on. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "lib/file.h"
#include "tools/dev.h"
#include "tools/module.h"
#include "tools/text.h"

/* What is passed on. */
static const int passed[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2 };

static void fill_set(sigset_t *set)
{
        sigemptyset(set);
        sigaddset(set, SIGCHLD);
        for (size_t i = 0; i < ARRAY_LEN(passed); ++i)
                sigaddset(set, passed[i]);
}

/* Nobody but this user: for its daemon, and for CMD what finds that. */
static int daemon_env(const struct dev_dir *d)
{
        CLEANUP(buf_clear) struct buf socket = { 0 }, rule = { 0 };
        int r;

        r = buf_printf(&socket, "%s/run/pkcs11.sock", d->path);
        if (r == 0)
                r = buf_printf(&rule, "allow user=%u human=yes", (unsigned)geteuid());
        if (r == 0 && (buf_str(&socket) == NULL || buf_str(&rule) == NULL || setenv("HOLDFAST_SOCKET", buf_str(&socket), 1) != 0 ||
                       setenv("HOLDFAST_DEFAULT_RULE", buf_str(&rule), 1) != 0))
                r = err(ERR_NOMEM, "out of memory");
        return r;
}

int dev_env(const struct cli *c, const struct dev_dir *d, const struct dev_tpm *t)
{
        static const char *const tctis[] = { "HOLDFAST_TCTI", "TPM2TOOLS_TCTI", "TPM2OPENSSL_TCTI", "TPM2_PKCS11_TCTI" };
        static const char *const modules[] = { "PKCS11_MODULE", "PKCS11_MODULE_PATH" };
        static const char *const others[] = { "HOLDFAST_SOCKET", "HOLDFAST_OPERATOR_SOCKET", "HOLDFAST_OPERATOR_GROUP", "HOLDFAST_AUDIT", "NOTIFY_SOCKET",
                                             "HOLDFAST_ISSUER", "HOLDFAST_ISSUER_CA", "HOLDFAST_ISSUER_HOST", "HOLDFAST_ISSUER_TOKEN_FILE", "HOLDFAST_ISSUER_CONF",
                                             "HOLDFAST_TOKEN_SOCKET", "HOLDFAST_CREDENTIALS", "HOLDFAST_HTTP_SOCKET" };
        CLEANUP(buf_clear) struct buf store = { 0 }, module = { 0 }, dir = { 0 }, path = { 0 };
        const char *old = getenv("PATH");
        int r, failed = 0;

        r = buf_printf(&store, "%s/store", d->path);
        if (r == 0)
                r = module_path(&module);
        /* From a build tree, CMD's `holdfast` shall be this one. */
        if (r == 0 && module_build_dir(&dir) == 0)
                r = buf_printf(&path, "%s%s%s", buf_str(&dir), old != NULL ? ":" : "", old != NULL ? old : "");
        if (r != 0)
                return r;
        for (size_t i = 0; i < ARRAY_LEN(tctis); ++i)
                failed |= setenv(tctis[i], t->tcti, 1);
        for (size_t i = 0; i < ARRAY_LEN(modules); ++i)
                failed |= setenv(modules[i], buf_str(&module), 1);
        failed |= setenv("HOLDFAST_STORE", buf_str(&store), 1);
        failed |= setenv("HOLDFAST_DEV", d->path, 1);
        /* Nothing of whoever runs this. */
        for (size_t i = 0; i < ARRAY_LEN(others); ++i)
                failed |= unsetenv(others[i]);
        if (path.len > 0)
                failed |= setenv("PATH", buf_str(&path), 1);
        if (failed != 0)
                return err(ERR_NOMEM, "out of memory");
        if (cli_flag(c, "direct"))
                return setenv("HOLDFAST_SOCKET", "none", 1) == 0 ? 0 : err(ERR_NOMEM, "out of memory");
        return daemon_env(d);
}

/* bash reads a file after its own, other shells take PS1 as it is. */
static int write_bashrc(const struct dev_dir *d)
{
        static const char text[] = "[ ! -r ~/.bashrc ] || . ~/.bashrc\nPS1=\"(holdfast-dev) $PS1\"\n";
        CLEANUP(close_fd) int dirfd = -1;
        int r;

        r = dir_open(AT_FDCWD, d->path, &dirfd);
        return r == 0 ? file_write(dirfd, "bashrc", BYTES_STR(text), 0600, true) : r;
}

static void exec_shell(const struct dev_dir *d)
{
        const char *shell = getenv("SHELL"), *name;
        char rc[96];

        if (shell == NULL || shell[0] != '/')
                shell = "/bin/sh";
        name = strrchr(shell, '/') + 1;
        snprintf(rc, sizeof rc, "%s/bashrc", d->path);
        if (strcmp(name, "bash") == 0 && write_bashrc(d) == 0) {
                execl(shell, name, "--rcfile", rc, "-i", (char *)NULL);
                return;
        }
        setenv("PS1", "(holdfast-dev) $ ", 1);
        execl(shell, name, "-i", (char *)NULL);
}

int dev_exec(const struct cli *c, const struct dev_dir *d)
{
        const char *log = getenv("TSS2_LOG");
        sigset_t none;

        /* main() has set that for our own calls. */
        if (log != NULL && strcmp(log, "all+none") == 0)
                unsetenv("TSS2_LOG");
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        if (c->n_args > 0)
                execvp(c->args[0], c->args);
        else
                exec_shell(d);
        say(c, "holdfast: cannot run %s: %s.", c->n_args > 0 ? c->args[0] : "a shell", strerror(errno));
        return errno == ENOENT ? 127 : 126;
}

/* The supervisor's exit status; a byte through the pipe for each signal that came from a process. The terminal's own have
 * gone to CMD already. */
static int watch(pid_t supervisor, int signals)
{
        siginfo_t info;
        sigset_t set;
        int status;

        fill_set(&set);
        for (;;) {
                uint8_t sig;

                if (waitpid(supervisor, &status, WNOHANG) == supervisor)
                        return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
                if (sigwaitinfo(&set, &info) < 0 || info.si_signo == SIGCHLD || info.si_code == SI_KERNEL)
                        continue;
                sig = (uint8_t)info.si_signo;
                if (write(signals, &sig, 1) < 0 && errno == EPIPE)
                        continue;
        }
}

int cmd_dev(struct cli *c)
{
        CLEANUP(close_fd) int from = -1;
        CLEANUP(close_fd) int to = -1;
        struct dev_dir d;
        sigset_t set;
        pid_t pid;
        int fds[2], r;

        if (cli_flag(c, "store") || cli_flag(c, "tcti"))
                return err(ERR_USAGE, "holdfast dev has a store and a TPM of its own");
        if (cli_flag(c, "direct") && cli_flag(c, "issuer"))
                return err(ERR_USAGE, "an issuer is spoken to by the daemon: choose one of --direct and --issuer");
        if (pipe2(fds, O_CLOEXEC) != 0)
                return err_errno("cannot make a pipe");
        from = fds[0];
        to = fds[1];
        r = dev_dir_make(&d);
        if (r != 0)
                return r;
        fill_set(&set);
        sigprocmask(SIG_BLOCK, &set, NULL);
        signal(SIGPIPE, SIG_IGN);
        fflush(NULL);
        pid = fork();
        if (pid == 0) {
                signal(SIGPIPE, SIG_DFL);
                close_fd(&to);
                r = dev_supervise(c, &d, from);
                fflush(NULL);
                _exit(r);
        }
        r = pid > 0 ? watch(pid, to) : err_errno("cannot start a process");
        /* Only if the supervisor was killed is there anything left. */
        if (!cli_flag(c, "keep"))
                dev_dir_remove(&d);
        return r;
}
