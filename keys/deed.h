/* SPDX-License-Identifier: BSD-2-Clause */
/* What changes a store on somebody's behalf: allowed by the rules first, and in the log. With a caller of NULL each is
 * what keyring.h and store.h have under the like name. Nothing that could not be recorded stays done: what can be taken back is
 * recorded after, what cannot before. */
#ifndef HOLDFAST_KEYS_DEED_H
#define HOLDFAST_KEYS_DEED_H

#include "keys/caller.h"
#include "keys/keyring.h"

/* What a new key shall be. Borrowed. */
struct key_wish {
        const struct key_kind *kind;
        unsigned usage;                 /* ALG_SIGN | ALG_DECRYPT | ALG_DERIVE */
        struct bytes label, id;         /* id empty: keyring_default_id() */
        const struct attrs *attrs;
        bool in_memory;                 /* a session's key, without a file */
};
int deed_key_make(struct keyring *k, const struct caller *c, const char *agent, struct bytes secret, const struct key_wish *w, struct item **ret);
/* Takes back a key that its caller never hears of: no rule is asked, the log is told. */
void deed_key_unmake(struct keyring *k, const struct caller *c, const char *agent, struct item *i);

int deed_object_add(struct keyring *k, const struct caller *c, const char *agent, const struct item_spec *spec, struct item **ret);
int deed_object_change(struct keyring *k, const struct caller *c, const char *agent, struct item *i, const struct item_spec *spec,
                         struct item **ret);
int deed_object_remove(struct keyring *k, const struct caller *c, const char *agent, struct item *i);

int deed_agent_create(struct keyring *k, const struct caller *c, const char *name, const char *owner, const struct attrs *more);
int deed_agent_replace(struct keyring *k, const struct caller *c, const char *old, const char *name, const char *owner, const struct attrs *more);

#endif
