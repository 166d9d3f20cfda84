/* SPDX-License-Identifier: BSD-2-Clause */
/* The log of a process that uses keys itself, where [audit] direct wants one and no daemon writes it. The code that writes is in a
 * shared object of its own, loaded with the first thing that has to be told. */
#ifndef HOLDFAST_KEYS_DIRECT_H
#define HOLDFAST_KEYS_DIRECT_H

#include "keys/caller.h"
#include "keys/keyring.h"

struct direct;

/* *ret is NULL where the keyring's configuration does not want a log. Opens nothing yet. The keyring is borrowed. */
int direct_new(struct keyring *k, struct direct **ret);
/* Allows everything, provided that the log can be opened. NULL for a NULL. */
const struct caller *direct_caller(const struct direct *d);
void direct_free(struct direct *d);
/* In a forked child: closes what the parent's log has open. */
void direct_abandon(struct direct *d);

#endif
