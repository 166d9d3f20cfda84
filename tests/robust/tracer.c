/* SPDX-License-Identifier: BSD-2-Clause */
/* How does one stop many threads at each system call, and only for as long as one wants to? */
#include "tests/robust/tracer.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define OPTIONS (PTRACE_O_TRACECLONE | PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL)
#define SYSCALL_STOP (SIGTRAP | 0x80)
#define NAP_US 200

static void must(long r, const char *what)
{
        /* A thread may be gone at any time: the program was killed. */
        if (r >= 0 || errno == ESRCH)
                return;
        perror(what);
        abort();
}

static void child(const char *const argv[], const char *errors, int go)
{
        int fd = open(errors, O_WRONLY | O_CREAT | O_APPEND, 0600);
        char byte;

        dup2(fd, 1);
        dup2(fd, 2);
        if (read(go, &byte, 1) == 1)
                execv(argv[0], (char *const *)argv);
        _exit(127);
}

void tracer_start(struct tracer *t, const char *const argv[], const char *errors)
{
        int go[2];

        *t = (struct tracer){ 0 };
        if (pipe2(go, O_CLOEXEC) != 0)
                abort();
        t->pid = fork();
        if (t->pid == 0)
                child(argv, errors, go[0]);
        /* A group of its own, by which its threads are waited for. */
        if (setpgid(t->pid, t->pid) != 0)
                abort();
        /* Before it may forbid it. */
        must(ptrace(PTRACE_SEIZE, t->pid, NULL, (void *)(intptr_t)OPTIONS), "PTRACE_SEIZE");
        t->threads[t->n++] = t->pid;
        if (write(go[1], "x", 1) != 1)
                abort();
        close(go[0]);
        close(go[1]);
}

static void forget(struct tracer *t, pid_t tid)
{
        for (size_t i = 0; i < t->n; i++)
                if (t->threads[i] == tid)
                        t->threads[i] = t->threads[--t->n];
}

static void remember(struct tracer *t, pid_t tid)
{
        forget(t, tid);
        if (t->n == TRACER_THREADS)
                abort();
        t->threads[t->n++] = tid;
}

static bool enters(pid_t tid)
{
        struct __ptrace_syscall_info info = { 0 };

        return ptrace(PTRACE_GET_SYSCALL_INFO, tid, (void *)sizeof(info), &info) > 0 && info.op == PTRACE_SYSCALL_INFO_ENTRY;
}

static void count(struct tracer *t)
{
        t->calls++;
        if (t->calls != t->at)
                return;
        kill(t->pid, SIGKILL);
        t->killed = true;
}

/* A thread has stopped, for whatever reason. */
static void stopped(struct tracer *t, pid_t tid, int status)
{
        int sig = WSTOPSIG(status), event = status >> 16, deliver = 0;
        unsigned long made = 0;

        if (event == PTRACE_EVENT_CLONE) {
                must(ptrace(PTRACE_GETEVENTMSG, tid, NULL, &made), "PTRACE_GETEVENTMSG");
                remember(t, (pid_t)made);
        } else if (sig == SYSCALL_STOP) {
                if (t->armed && !t->killed && enters(tid))
                        count(t);
        } else if (event == 0) {
                deliver = sig;
        }
        must(ptrace(t->armed ? PTRACE_SYSCALL : PTRACE_CONT, tid, NULL, (void *)(intptr_t)deliver), "PTRACE_CONT");
}

/* False if there was nothing. A thread may show itself before the one that made it is heard of, or when that is never heard of again. */
static bool step(struct tracer *t)
{
        int status;
        pid_t tid = waitpid(-t->pid, &status, __WALL | WNOHANG);

        if (tid <= 0)
                return false;
        if (WIFSTOPPED(status)) {
                remember(t, tid);
                stopped(t, tid, status);
        } else if (tid == t->pid) {
                t->pid = 0;
                t->n = 0;
                t->status = status;
        } else {
                forget(t, tid);
        }
        return true;
}

void tracer_arm(struct tracer *t, unsigned long at)
{
        t->armed = true;
        t->calls = 0;
        t->at = at;
        /* Those that run stop once, and go on as the others will. */
        for (size_t i = 0; i < t->n; i++)
                must(ptrace(PTRACE_INTERRUPT, t->threads[i], NULL, NULL), "PTRACE_INTERRUPT");
}

static int64_t now_us(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

void tracer_run(struct tracer *t, int ms)
{
        int64_t end = now_us() + (int64_t)ms * 1000;

        while (t->pid != 0 && !step(t) && now_us() < end)
                usleep(NAP_US);
}

void tracer_end(struct tracer *t, int sig)
{
        if (t->pid != 0)
                kill(t->pid, sig);
        while (t->pid != 0)
                tracer_run(t, 1000);
}
