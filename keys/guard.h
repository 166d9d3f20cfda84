/* SPDX-License-Identifier: BSD-2-Clause */
/* Seals of a daemon's store: what was edited while the daemon did not look, or put back from an older copy, is noticed and named. What fails is
 * refused, the rest works. What the daemon itself changes through keys/store.h is told to the file "sums" before and after; the
 * whole hangs on a MAC and on a counter in the TPM. An agent's files are read when it is first used, and when somebody else changed its directory. */
#ifndef HOLDFAST_KEYS_GUARD_H
#define HOLDFAST_KEYS_GUARD_H

#include "keys/store.h"

struct guard;

/* An NV counter of its own. Called by one thread at a time. */
struct guard_counter {
        void *ctx;
        int (*read)(void *ctx, uint64_t *ret);
        int (*raise)(void *ctx, uint64_t to);   /* by one, to this */
};
/* Watches s from now on. first: the secret behind mac_key was made just now, so a store without sums is taken as it is; otherwise somebody
 * removed them. c copied; NULL: none, then an older copy of all is not noticed. 0 also if all agents must be refused: guard_findings(). */
int guard_open(struct store *s, struct bytes mac_key, bool first, const struct guard_counter *c, struct guard **ret);
/* Accepts NULL. */
void guard_close(struct guard *g);

/* ERR_FOREIGN, with the sentence that names agent and file, if the agent must be refused; agent NULL: if all must. The store asks by itself
 * wherever it reads a file of an agent. */
int guard_check(struct guard *g, const char *agent);
/* Takes what is there as it is: an agent's files, or with NULL those of the whole store, and the counter. */
int guard_accept(struct guard *g, const char *agent);

struct guard_finding {
        char agent[AGENT_NAME_MAX + 1]; /* "": of the whole store */
        bool refuses;                   /* it, or all of them, until it is put right or accepted; otherwise a warning */
        char text[320];
};
/* What is known so far. *ret is freed with free(). */
int guard_findings(struct guard *g, struct guard_finding **ret, size_t *ret_n);
/* Another number whenever there may be other findings. */
unsigned guard_news(struct guard *g);

#endif
