/* SPDX-License-Identifier: BSD-2-Clause */
/* What the robustness tests share: a token to test on, children to kill, rows of the table.
 *
 * Each test prints rows "ROW F2|what was done|what came of it|ok" (or FAILED), which run.sh makes
 * a table of, and exits 0 if all are ok, 77 if it cannot run here. With ROBUST_FULL=1 they do
 * the full counts, else as many as `make check` has time for. */
#ifndef HOLDFAST_TESTS_ROBUST_H
#define HOLDFAST_TESTS_ROBUST_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Starts a software TPM with a store and agent "a" and sets the environment for the module; with
 * P11_TOKEN set, the caller has done so (another module, to compare). Everything goes with the process. */
void robust_start(void);
/* Directory of the store, and a fresh one beside it for copies. */
const char *robust_store(void);
const char *robust_scratch(void);
/* Full counts wanted: returns full, else quick. */
int robust_count(int quick, int full);

/* One row; FAILED is remembered for robust_end(). */
void robust_row(bool ok, const char *id, const char *what, const char *result, ...) __attribute__((format(printf, 4, 5)));
/* Stops what was started. The exit status. */
int robust_end(void);

/* A program beside this one, its output and how it ended. */
struct child {
        pid_t pid;
        int out;                /* read end */
        char text[65536];       /* what it printed, cut off at that */
        int status;             /* of waitpid() */
        bool hung;              /* did not end in time and was killed */
};
/* argv[0] is a program's name in the directory of this one, or "holdfast" for the one that HOLDFAST names; env: "NAME=value" ..., NULL, on top of ours. */
void child_start(struct child *c, const char *const argv[], const char *const env[]);
/* Reads to the end and waits, at most so many seconds. */
void child_wait(struct child *c, unsigned seconds);
void child_run(struct child *c, const char *const argv[], const char *const env[], unsigned seconds);
bool child_ok(const struct child *c);
bool child_crashed(const struct child *c);
/* Path of a program or preload library of the tests. */
const char *robust_path(const char *name);

/* Whether HOLDFAST names a program: without it, tests of the command line are left out. */
bool robust_has_holdfast(void);

/* cp -a; removes what was there. */
void copy_tree(const char *from, const char *to);

#endif
