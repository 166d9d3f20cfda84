/* SPDX-License-Identifier: BSD-2-Clause */
/* Which object of an agent do these names mean? */
#ifndef HOLDFAST_KEYS_FIND_H
#define HOLDFAST_KEYS_FIND_H

#include "keys/store.h"

/* A key by label and ID, each empty where it is not given. Without both: the agent's only key, or the one labelled "default".
 * ERR_NOENT; ERR_INVAL if more than one fits. *ret is a reference. */
int find_key(struct store *s, const char *agent, struct bytes label, struct bytes id, struct item **ret);
/* The objects of one type that share a key's ID, in order; *i is where to go on, 0 at first. NULL behind the last. Borrowed from l. */
struct item *find_beside(const struct item_list *l, struct item *key, enum item_type type, size_t *i);
/* The certificate beside a key, as DER; ret stays as it is if there is none. */
int find_cert(struct store *s, const char *agent, struct item *key, struct buf *ret);
/* How many of the agent's keys have that label? */
size_t find_count(const struct item_list *l, struct bytes label);

#endif
