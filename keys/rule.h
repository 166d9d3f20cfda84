/* SPDX-License-Identifier: BSD-2-Clause */
/* One line of an agent's rules: text to structure and back, and does it match? holdfast-policy(5) is its manual.
 *
 *      allow user=ci path=/usr/bin/curl keys=tls ops=sign mechanisms=ECDSA rate=10/s,1000/d hours=mon-fri/08:00-18:00 not-after=2027-01-31T00:00:00Z human=no
 *
 * Every condition named must match; a list within one condition is an "or". Unknown words are errors, never ignored. */
#ifndef HOLDFAST_KEYS_RULE_H
#define HOLDFAST_KEYS_RULE_H

#include "keys/peer.h"
#include "lib/alg.h"

#define RULES_MAX 32            /* of one agent */
#define RULE_TEXT_MAX 4096

struct rule;

/* What somebody wants to do. Borrowed. */
struct request {
        struct bytes key_label, key_id;
        const char *operation;          /* "sign", "decrypt", "derive", "mac", "generate", "create", "change", "delete" */
        const char *mechanism;          /* "ECDSA", "RSA-PSS" ...; NULL where there is none */
        uint64_t now_ms;                /* wall clock */
};

/* ERR_FORMAT with the word that is wrong. Users, groups by name or number, looked up when the rule is read. */
int rule_parse(struct bytes text, struct rule **ret);
/* Is it one? Says what is wrong as rule_parse() does. */
int rule_check(struct bytes text);
/* Canonical text. */
int rule_format(const struct rule *r, struct buf *ret);
void rule_free(struct rule *r);

/* 0, or ERR_DENIED with the sentence that says which condition failed. r == NULL for peer alone: rule_sees(). */
int rule_match(const struct rule *r, const struct peer *p, const struct request *q);
/* Do its conditions on who asks match? What a peer may see depends on these alone. */
bool rule_sees(const struct rule *r, const struct peer *p);

/* Limits, each so many per seconds. */
#define RULE_RATES_MAX 3
struct rule_rate {
        unsigned count;
        unsigned seconds;
};
size_t rule_rates(const struct rule *r, const struct rule_rate **ret);

#endif
