/* SPDX-License-Identifier: BSD-2-Clause */
/* "AGENT/LABEL" on the command line, to the key it names. */
#ifndef HOLDFAST_TOOLS_KEYNAME_H
#define HOLDFAST_TOOLS_KEYNAME_H

#include "keys/keyring.h"

/* Splits at the first '/'; an agent's name has none. ret_label is empty where there is none. */
int keyname_split(const char *name, struct buf *ret_agent, struct buf *ret_label);

/* A key with the agent it belongs to. Zero-initialise; keyname_clear(). */
struct named_key {
        char agent[AGENT_NAME_MAX + 1];
        struct item *item;
};
void keyname_clear(struct named_key *k);

/* Without a label: the agent's only key, or the one labelled "default". id: hex, or NULL. ERR_NOENT; ERR_INVAL if
 * more than one key fits. */
int keyname_find(struct keyring *k, const char *name, const char *id, struct named_key *ret);

/* The objects of one type that share a key's ID, in order; *i is where to go on, 0 at first. NULL behind the last. Borrowed from l. */
struct item *keyname_beside(struct item_list *l, struct item *key, enum item_type type, size_t *i);

/* "pkcs11:" URI of the key as clients find it: by its label if no other key of the agent has that, else by its ID. */
int keyname_uri(struct keyring *k, const char *agent, struct item *item, const char *type, struct buf *ret);
/* A reference file (lib/ref.h) with the private key's URI. */
int keyname_ref(struct keyring *k, const char *agent, struct item *item, struct buf *ret);

#endif
