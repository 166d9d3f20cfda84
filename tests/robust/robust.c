/* SPDX-License-Identifier: BSD-2-Clause */
/* Starts and ends what robustness tests run on. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include "tests/fixture.h"
#include "tests/robust/robust.h"

static struct fixture fixture;
static bool own_fixture, failed;
static pid_t owner;
static char scratch[128];

static void stop(void)
{
        /* Children of ours that exit() must not take the TPM with them. */
        if (own_fixture && getpid() == owner)
                fixture_stop(&fixture);
        own_fixture = false;
}

static void stop_on_signal(int sig)
{
        stop();
        signal(sig, SIG_DFL);
        raise(sig);
}

void robust_start(void)
{
#ifdef HF_SANITIZED
        /* The sanitizers want to be the first library, and to own malloc. */
        exit(77);
#endif
        setvbuf(stdout, NULL, _IOLBF, 0);
        if (getenv("P11_TOKEN"))
                return;
        fixture_start(&fixture);
        own_fixture = true;
        owner = getpid();
        atexit(stop);
        signal(SIGINT, stop_on_signal);
        signal(SIGTERM, stop_on_signal);
        keyring_close(fixture.keyring);
        fixture.keyring = NULL;
        snprintf(scratch, sizeof(scratch), "%s/scratch", fixture.swtpm.dir);
        setenv("HOLDFAST_TCTI", fixture.conf.tcti, 1);
        setenv("HOLDFAST_STORE", fixture.conf.store, 1);
}

const char *robust_store(void)
{
        return fixture.conf.store;
}

const char *robust_scratch(void)
{
        return scratch;
}

int robust_count(int quick, int full)
{
        return getenv("ROBUST_FULL") ? full : quick;
}

void robust_row(bool ok, const char *id, const char *what, const char *result, ...)
{
        va_list ap;

        printf("ROW %s|%s|", id, what);
        va_start(ap, result);
        vprintf(result, ap);
        va_end(ap);
        printf("|%s\n", ok ? "ok" : "FAILED");
        if (!ok)
                failed = true;
}

int robust_end(void)
{
        stop();
        return failed ? 1 : 0;
}

const char *robust_path(const char *name)
{
        static char path[4][4096];
        static unsigned next;
        char self[4000];
        ssize_t n;

        n = readlink("/proc/self/exe", self, sizeof(self) - 1);
        self[n > 0 ? n : 0] = '\0';
        *strrchr(self, '/') = '\0';
        /* libtool keeps what is not installed yet one directory below. */
        if (strcmp(strrchr(self, '/'), "/.libs") == 0)
                *strrchr(self, '/') = '\0';
        next = (next + 1) % 4;
        snprintf(path[next], sizeof(path[next]), "%s/%s", self, name);
        return path[next];
}

void child_start(struct child *c, const char *const argv[], const char *const env[])
{
        int p[2];

        *c = (struct child){ .out = -1 };
        if (pipe2(p, O_CLOEXEC) != 0)
                abort();
        c->pid = fork();
        if (c->pid == 0) {
                dup2(p[1], 1);
                for (size_t i = 0; env && env[i]; i++)
                        putenv((char *)env[i]);
                execv(strcmp(argv[0], "holdfast") == 0 ? getenv("HOLDFAST") : robust_path(argv[0]), (char *const *)argv);
                _exit(127);
        }
        close(p[1]);
        c->out = p[0];
}

static int64_t now_ms(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void child_wait(struct child *c, unsigned seconds)
{
        struct pollfd pfd = { .fd = c->out, .events = POLLIN };
        int64_t end = now_ms() + (int64_t)seconds * 1000, left;
        size_t len = 0;
        ssize_t n = 1;

        while (n > 0 && len < sizeof(c->text) - 1) {
                left = end - now_ms();
                if (left <= 0 || poll(&pfd, 1, (int)left) <= 0) {
                        c->hung = true;
                        kill(c->pid, SIGKILL);
                        break;
                }
                n = read(c->out, c->text + len, sizeof(c->text) - 1 - len);
                len += n > 0 ? (size_t)n : 0;
        }
        c->text[len] = '\0';
        close(c->out);
        while (waitpid(c->pid, &c->status, 0) < 0 && errno == EINTR)
                ;
}

void child_run(struct child *c, const char *const argv[], const char *const env[], unsigned seconds)
{
        child_start(c, argv, env);
        child_wait(c, seconds);
}

bool child_ok(const struct child *c)
{
        return !c->hung && WIFEXITED(c->status) && WEXITSTATUS(c->status) == 0;
}

bool child_crashed(const struct child *c)
{
        return !c->hung && WIFSIGNALED(c->status) && WTERMSIG(c->status) != SIGKILL;
}

bool robust_has_holdfast(void)
{
        const char *path = getenv("HOLDFAST");

        return path && access(path, X_OK) == 0;
}

void copy_tree(const char *from, const char *to)
{
        char command[1024];

        snprintf(command, sizeof(command), "rm -rf '%s' && cp -a '%s' '%s'", to, from, to);
        if (system(command) != 0) {
                fprintf(stderr, "%s failed\n", command);
                exit(1);
        }
}
