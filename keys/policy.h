/* SPDX-License-Identifier: BSD-2-Clause */
/* May this peer do that with this agent's key? Rules of the agent's file, locks, rates. Deny by default. */
#ifndef HOLDFAST_KEYS_POLICY_H
#define HOLDFAST_KEYS_POLICY_H

#include "keys/rule.h"
#include "keys/store.h"

struct policy;

/* Reads rules from s as they are asked for, and again when they changed: a change takes effect at the next decision. Thread-safe. */
int policy_new(struct store *s, struct policy **ret);
void policy_free(struct policy *p);
/* Forgets what was read: for changes that no decision has noticed, what is seen among them. */
void policy_reload(struct policy *p);

/* Reads the rules of all agents that are new or whose files have changed, and forgets agents that are gone; counts towards rates stay. For a
 * daemon, at its start and after whatever may change what peers see: nobody who lists tokens waits for files then. */
int policy_read_all(struct policy *p);

struct decision {
        bool allowed;
        char rule[64];                  /* "allow-2", "lock", "default": which line decided */
        char reason[256];               /* why not; "" if allowed */
};
/* 0 with a decision, allowed or not. ERR_*: it could not be found out, which is a refusal too. Counts towards rates when allowed. */
int policy_decide(struct policy *p, const struct peer *who, const char *agent, const struct request *q, struct decision *ret);
/* The same without counting, and a line for every rule with why it does not match: for `policy check`. */
int policy_explain(struct policy *p, const struct peer *who, const char *agent, const struct request *q, struct decision *ret, struct buf *ret_text);
/* Whether the agent's token shows to that peer, by the rules as they were last read. A locked agent shows, and does nothing. */
bool policy_sees(struct policy *p, const struct peer *who, const char *agent);
/* The agent's owner, for records; empty if there is no such agent. */
int policy_owner(struct policy *p, const char *agent, struct buf *ret);

/* Rules in the agent's file: lines allow-1, allow-2 ...; numbers are kept, gaps are reused last. ERR_EXIST if it is there already. */
int policy_allow(struct store *s, const char *agent, struct bytes rule, unsigned *ret_number);
int policy_deny(struct store *s, const char *agent, unsigned number);
/* Lock: a line of the agent's file, or of a file of the store's for all of them. Survives a restart. */
int policy_lock(struct store *s, const char *agent, const char *why);   /* agent NULL: all */
int policy_unlock(struct store *s, const char *agent);

/* Reads an agent's rules anew if its file changed, for what is seen: decisions do so by themselves. */
void policy_read(struct policy *p, const char *agent);

/* A lock that is in force at once, while policy_lock() is on its way to the disk. The caller's, until it is released. agent NULL: all. */
struct policy_hold {
        struct policy_hold *next;
        const char *agent;
};
void policy_hold(struct policy *p, struct policy_hold *h);
void policy_release(struct policy *p, struct policy_hold *h);

/* For people: what is in force. Calls fn for each rule, as its file has it now, in the order they are asked in; what fn returns that is not 0 ends it. */
int policy_each(struct store *s, const char *agent, int (*fn)(void *ctx, unsigned number, struct bytes rule), void *ctx);
/* ERR_NOENT unless the agent has a rule of that number. */
int policy_must_have(struct store *s, const char *agent, unsigned number);
/* Why the agent, or with NULL all of them, are locked. ERR_NOENT: they are not. */
int policy_why_locked(struct store *s, const char *agent, struct buf *ret);

#endif
