/* SPDX-License-Identifier: BSD-2-Clause */
/* What operators do with agents and keys, in one step each that is done or not: the daemon for them, with a caller that tells the log,
 * or the command line itself where no daemon owns the store, with a caller of NULL. */
#ifndef HOLDFAST_KEYS_MANAGE_H
#define HOLDFAST_KEYS_MANAGE_H

#include "keys/deed.h"

/* A new agent. Borrowed. */
struct agent_wish {
        const char *name, *owner;
        const struct key_kind *kind;    /* of its first key; NULL: none */
        struct bytes label;             /* of that key */
        bool pins;                      /* with the two that follow */
        struct bytes pin, so_pin;
        bool lockout_tpm;               /* wrong PINs count in the TPM too */
        struct bytes rule;              /* the agent's first; empty: none */
        bool dry;                       /* only see whether it could be done */
};
/* Without its key and its rule there is no agent either. *ret: the key, NULL where none was made. */
int manage_agent_create(struct keyring *k, const struct caller *c, const struct agent_wish *w, struct item **ret);

/* pin: the user's, where the agent has PINs. A label that a key of the agent has already is ERR_EXIST. */
int manage_key_create(struct keyring *k, const struct caller *c, const char *agent, struct bytes pin, const struct key_wish *w, bool dry,
                      struct item **ret);
/* With certificates and public keys beside it. */
int manage_key_delete(struct keyring *k, const struct caller *c, const char *agent, struct item *key);
/* In the place of an older one. ERR_FOREIGN if it is for another public key. */
int manage_cert_import(struct keyring *k, const struct caller *c, const char *agent, struct item *key, struct bytes der, bool dry, bool *ret_replaced);

#endif
