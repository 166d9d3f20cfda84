/* SPDX-License-Identifier: BSD-2-Clause */
/* Kills a program, all its threads with it, on entry to a system call of one's choice. By ptrace(2): not one call is missed. */
#ifndef HOLDFAST_TESTS_ROBUST_TRACER_H
#define HOLDFAST_TESTS_ROBUST_TRACER_H

#include <stdbool.h>
#include <sys/types.h>

#define TRACER_THREADS 64

struct tracer {
        pid_t pid;              /* of the program; 0 when it is gone */
        pid_t threads[TRACER_THREADS];
        size_t n;
        bool armed;
        unsigned long calls;    /* entered since tracer_arm(), by any thread */
        unsigned long at;       /* the one to kill at, from 1; 0: none */
        bool killed;
        int status;             /* of waitpid(), when it is gone */
};

/* Runs argv[0] (a path) with its standard error in the file errors. Untraced calls cost nothing yet. All by one thread. */
void tracer_start(struct tracer *t, const char *const argv[], const char *errors);
/* From now on every call counts. */
void tracer_arm(struct tracer *t, unsigned long at);
/* Lets it go on until something has happened or ms are over. */
void tracer_run(struct tracer *t, int ms);
/* Sends the signal and waits for the end. */
void tracer_end(struct tracer *t, int sig);

#endif
