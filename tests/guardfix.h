/* SPDX-License-Identifier: BSD-2-Clause */
/* A store on a software TPM whose counter stands behind its sums, for tests of the guard. */
#ifndef HOLDFAST_TESTS_GUARDFIX_H
#define HOLDFAST_TESTS_GUARDFIX_H

#include "keys/guard.h"
#include "tests/fixture.h"

struct guardfix {
        struct fixture f;       /* agent "a" with keys and data, agent "b" with data */
        uint32_t index;         /* of the counter */
        bool no_counter;        /* guardfix_open() gives none */
        bool fails;             /* raising it fails */
        unsigned raised, reads;
        struct guard *guard;
};

/* Makes all this and opens the guard, the first time. All assert. */
void guardfix_start(struct guardfix *g);
void guardfix_stop(struct guardfix *g);
/* As a daemon's end, and its next start. */
void guardfix_close(struct guardfix *g);
void guardfix_open(struct guardfix *g);
/* What both do, without asserting. */
int guardfix_try_open(struct guardfix *g, bool first);
void guardfix_make_counter(struct guardfix *g);
struct store *guardfix_store(struct guardfix *g);
uint64_t guardfix_counter(struct guardfix *g);
void guardfix_raise(struct guardfix *g);
void guardfix_remove_counter(struct guardfix *g);

/* An object of data. */
void guardfix_add(struct guardfix *g, const char *agent, const char *label, const char *value);
struct item *guardfix_item(struct guardfix *g, const char *agent, const char *label);
/* Path of a file in the store, kept until the fourth next call. */
const char *guardfix_path(struct guardfix *g, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Path of that object's file. */
const char *guardfix_item_path(struct guardfix *g, const char *agent, const char *label);
/* sh -c. */
void guardfix_sh(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Flips a bit. */
void guardfix_flip(const char *path, long at);
/* The finding of that agent ("" of all), or NULL. Kept until the next call. */
const char *guardfix_finding(struct guardfix *g, const char *agent);
unsigned guardfix_findings(struct guardfix *g);
/* Both agents are as they should be, and nothing was found. */
void guardfix_expect_good(struct guardfix *g);
/* Signs with a's key. */
int guardfix_sign(struct guardfix *g);
int guardfix_sign_with(struct guardfix *g, struct item *i);

/* Changes of each kind, to be made in this order. */
#define GUARDFIX_CHANGES 15
void guardfix_change(struct guardfix *g, unsigned n);
void guardfix_change_item(struct guardfix *g, const char *label, const char *value);
void guardfix_remove_item(struct guardfix *g, const char *label);

#endif
