/* SPDX-License-Identifier: BSD-2-Clause */
/* A store of a test's own, with one agent and no TPM: keys are out of tests/vectors. */
#ifndef HOLDFAST_TESTS_STOREFIXTURE_H
#define HOLDFAST_TESTS_STOREFIXTURE_H

#include "keys/store.h"
#include "tests/tempdir.h"

struct storefixture {
        struct tempdir *dir;    /* the store is its "store" */
        char path[80];
        struct store *store;
        struct tsskey key;      /* an EC key of somebody's TPM */
};

#define AGENT "build-42"

/* cmocka's set-up and tear-down; *state is the struct storefixture. */
int storefixture_setup(void **state);
int storefixture_teardown(void **state);

/* A key, or data, with that label and ID. */
struct item_spec key_spec(const struct storefixture *f, const char *label, const char *id);
struct item_spec data_spec(const char *label, const char *id, const char *value);
/* Adds it or fails. */
struct item *add_item(struct storefixture *f, struct item_spec spec);
/* How many files there are in the agent's directory, "agent" too. */
unsigned agent_files(struct storefixture *f);
/* How many objects of the agent a search in this store shows. */
size_t count_items(struct store *s);

#endif
