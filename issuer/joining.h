/* SPDX-License-Identifier: BSD-2-Clause */
/* How a host is let in: over one connection (issuer/route_join.c), or by what is carried there and back (issuer/route_challenge.c). Inside issuer/ only. */
#ifndef HOLDFAST_ISSUER_JOINING_H
#define HOLDFAST_ISSUER_JOINING_H

#include "issuer/route.h"

#define JOIN_MAX (128u << 10)           /* octets of what a host shows of itself */

/* What a host shows of itself. */
struct shown {
        json_t *body;
        struct buf ek, ak, srk;
        struct buf ek_chain[TRUST_CHAIN_MAX], ak_chain[TRUST_CHAIN_MAX];
        struct trusted_host host;
};
extern const struct body_member join_members[];
void shown_clear(struct shown *s);
int join_read(struct call *c, struct bytes text, struct shown *s);

/* Who is it, and may he join at all? vouched: an operator says so. */
int join_judge(struct call *c, const struct shown *s, bool vouched, struct talk_join *j);
/* Two secrets that come back only if all three keys are in one TPM: kept in j, and for the TPM as {"ak":..,"srk":..}. */
int join_ask(const struct shown *s, struct talk_join *j, json_t **ret);
/* It has shown that they are: log, database, and what the host is told. */
int join_enter(struct call *c, const struct authority_view *v, struct talk_join *j, struct db_host *ret_host, json_t **ret_joined);

/* A challenge that an operator brings back. Zero-initialise; carried_clear(). */
struct carried {
        uint8_t proof[TALK_SECRET];     /* what the evidence must be made with */
        bool joins;
        struct talk_join join;
};
void carried_clear(struct carried *k);
/* It is used, whatever comes of it. ERR_NOENT, ERR_STALE, ERR_FOREIGN; a host that is to join is judged anew. */
int carried_take(struct call *c, struct bytes challenge, const char *host, const char *agent, struct carried *ret);

/* What a profile wants of evidence and gives, as hosts are told. */
json_t *policy_json(const struct profile *p);

#endif
