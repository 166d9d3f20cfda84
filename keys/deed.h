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

/* pin_login() and pin_set() for whoever knows a PIN: no rule is asked, a wrong PIN is a refusal. */
int deed_login(struct keyring *k, const struct caller *c, const char *agent, enum pin_who who, struct bytes pin, struct buf *ret_secret);
int deed_pin_set(struct keyring *k, const struct caller *c, const char *agent, enum pin_who who, struct bytes secret, struct bytes pin);

int deed_agent_create(struct keyring *k, const struct caller *c, const char *name, const char *owner, const struct attrs *more);
int deed_agent_replace(struct keyring *k, const struct caller *c, const char *old, const char *name, const char *owner, const struct attrs *more);

/* What operators alone do: deed_operator.c. */
int deed_agent_delete(struct keyring *k, const struct caller *c, const char *agent);
int deed_agent_owner(struct keyring *k, const struct caller *c, const char *agent, const char *owner);
/* The security officer gives the user a new PIN, which also gives the tries back. */
int deed_agent_pin(struct keyring *k, const struct caller *c, const char *agent, struct bytes so_pin, struct bytes pin);
int deed_rule_allow(struct keyring *k, const struct caller *c, const char *agent, struct bytes rule, unsigned *ret_number);
int deed_rule_deny(struct keyring *k, const struct caller *c, const char *agent, unsigned number);
/* agent NULL: all. A lock that could not be recorded holds, and is an error: the other way about a full disk would keep it away. */
int deed_lock(struct keyring *k, const struct caller *c, const char *agent, const char *why);
int deed_unlock(struct keyring *k, const struct caller *c, const char *agent);

#endif
