/* SPDX-License-Identifier: BSD-2-Clause */
/* One agent's key pairs and their signatures, by the PKCS#11 module that goes with this command: the way that the agent itself has. */
#ifndef HOLDFAST_TOOLS_P11KEYS_H
#define HOLDFAST_TOOLS_P11KEYS_H

#include "lib/pk.h"

#define P11KEYS_MAX 64

struct p11key {
        struct buf label, id;
        struct pubkey pub;
        unsigned long object;           /* the private half's handle */
};
struct p11keys {
        struct p11key list[P11KEYS_MAX];
        size_t n;
};
/* For CLEANUP(). */
void p11keys_clear(struct p11keys *k);
/* The only one; of several that labelled label, or "default" where label is empty. ERR_NOENT. */
int p11keys_choose(const struct p11keys *k, struct bytes label, const struct p11key **ret);

struct p11agent;

/* ERR_NOENT: this user sees no such agent. ERR_NOTSUP: it has a PIN. The module is initialised until p11agent_close(). */
int p11agent_open(const char *agent, struct p11agent **ret);
void p11agent_close(struct p11agent *a);
/* EC and RSA pairs that can sign, in the module's order; those beyond P11KEYS_MAX are left out. */
int p11agent_keys(struct p11agent *a, struct p11keys *ret);
/* The data's digest, signed: r || s, or PKCS#1 v1.5. */
int p11agent_sign(struct p11agent *a, const struct p11key *k, const struct hash *h, struct bytes data, struct buf *ret);

#endif
