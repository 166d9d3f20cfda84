/* SPDX-License-Identifier: BSD-2-Clause */
/* Whoever owns the store does what the verbs want: the daemon where there is one, else this command itself. */
#ifndef HOLDFAST_TOOLS_KEEPER_H
#define HOLDFAST_TOOLS_KEEPER_H

#include "keys/direct.h"
#include "keys/facts.h"
#include "keys/manage.h"
#include "tools/cli.h"
#include "tools/daemon.h"
#include "tools/keyname.h"

/* One of them. Zero-initialise; keeper_close(). */
struct keeper {
        struct keyring *keyring;
        struct direct *direct;          /* the log, where this command writes one */
        struct daemon *daemon;
};
/* writes: ERR_DAEMON where a daemon owns the store and does not answer, for it notices every other hand in it. To read, the rights on the
 * store are enough. */
int keeper_open(const struct cli *c, bool writes, struct keeper *ret);
void keeper_close(struct keeper *k);

/* In order of names; what fn returns that is not 0 ends it. */
typedef int keeper_agent_fn(void *ctx, const char *name, const struct agent_facts *f);
int keeper_agents(struct keeper *k, keeper_agent_fn *fn, void *ctx);
int keeper_agent(struct keeper *k, const char *name, struct agent_facts *ret);
/* *ret_allows: it has a rule from the start. ret_key->kind is empty where no key was made. */
int keeper_agent_create(struct keeper *k, const struct agent_wish *w, struct key_facts *ret_key, bool *ret_allows);
int keeper_agent_owner(struct keeper *k, const char *name, const char *owner);
int keeper_agent_pin(struct keeper *k, const char *name, struct bytes so_pin, struct bytes pin);
int keeper_agent_delete(struct keeper *k, const char *name);

/* Of one agent, or with NULL of all. */
typedef int keeper_key_fn(void *ctx, const char *agent, const struct key_facts *f);
int keeper_keys(struct keeper *k, const char *agent, keeper_key_fn *fn, void *ctx);
/* ret_cert: DER of the certificate beside it, empty if there is none; may be NULL. */
int keeper_key(struct keeper *k, const struct key_name *n, struct key_facts *ret, struct buf *ret_cert);
int keeper_key_create(struct keeper *k, const char *agent, struct bytes pin, const struct key_wish *w, bool dry, struct key_facts *ret);
/* ret: which it was. */
int keeper_key_delete(struct keeper *k, const struct key_name *n, bool dry, struct key_facts *ret);
int keeper_cert_import(struct keeper *k, const struct key_name *n, struct bytes der, bool dry, struct key_facts *ret, bool *ret_replaced);

/* Rules and locks. agent NULL: all. */
int keeper_allow(struct keeper *k, const char *agent, const char *rule, bool dry, unsigned *ret_number);
int keeper_deny(struct keeper *k, const char *agent, unsigned number, bool dry);
int keeper_lock(struct keeper *k, const char *agent, const char *why, bool dry);
int keeper_unlock(struct keeper *k, const char *agent, bool dry);

/* What is in force. Zero-initialise; keeper_effective_clear(). */
struct effective {
        struct {
                unsigned number;
                struct buf rule;
        } rules[RULES_MAX];
        size_t n;
        bool locked, all_locked;
        struct buf why, all_why;
};
void keeper_effective_clear(struct effective *e);
int keeper_effective(struct keeper *k, const char *agent, struct effective *ret);

#endif
