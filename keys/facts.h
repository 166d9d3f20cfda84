/* SPDX-License-Identifier: BSD-2-Clause */
/* What there is to tell of an agent and a key, apart from where it stands: read from the store, or out of the daemon's answer. */
#ifndef HOLDFAST_KEYS_FACTS_H
#define HOLDFAST_KEYS_FACTS_H

#include "keys/keyring.h"

/* Zero-initialise; key_facts_clear(). Text has a NUL behind it. */
struct key_facts {
        struct buf label, id;
        struct buf kind;                /* "P-256", "unknown", "damaged": then nothing but label, ID and file is there */
        struct buf usage, created;
        struct buf file;                /* its path */
        struct buf spki;                /* empty: no public half */
        bool damaged;
        bool label_unique;              /* no other key of the agent has that label */
        bool certificate;               /* one stands beside it */
};
void key_facts_clear(struct key_facts *f);
/* A damaged file hides no other, and shows by what its name says. ERR_STALE if it was removed meanwhile. */
int key_facts_read(struct store *s, const char *agent, struct item *i, struct key_facts *ret);

struct agent_facts {
        struct buf owner, created, serial;
        struct pin_state pins;
        size_t keys;
};
void agent_facts_clear(struct agent_facts *f);
int agent_facts_read(struct keyring *k, const char *agent, struct agent_facts *ret);

#endif
