/* SPDX-License-Identifier: BSD-2-Clause */
/* Operations that change a store, and what may be there after one of them was interrupted. */
#ifndef HOLDFAST_TESTS_ROBUST_OPS_H
#define HOLDFAST_TESTS_ROBUST_OPS_H

#include <stdbool.h>
#include <stddef.h>

struct op {
        const char *name;
        const char *const *argv;  /* of the worker or the command line */
        const char *token;        /* of another agent than "a" that it makes or deletes, or NULL */
};
/* NULL behind the last. Those of the command line come last, and only where there is one. */
const struct op *op_at(size_t i);
struct child;
/* Did this run of it say that it was done? */
bool op_acked(const struct op *op, const struct child *c);

/* What was found wrong, summed up over runs. */
struct damage {
        unsigned runs;
        unsigned halves;        /* half key pairs, keys that do not sign, torn data */
        unsigned lost;          /* acknowledged things that are not there, or deleted ones that are */
        unsigned unusable;      /* the store cannot be read, or no new key made */
        unsigned crashes;       /* of the interrupted program itself, hangs included */
};
bool damage_none(const struct damage *d);
/* Keys "old" and "victim", the data object "note" and another agent "doomed", which every operation starts from. Leaves a copy at `base`. */
void ops_prepare(const char *base);
/* Looks at HOLDFAST_STORE of env (NULL: ours) after `op`; acked: the operation had been acknowledged. */
void op_judge(const struct op *op, bool acked, const char *const env[], struct damage *d);

#endif
