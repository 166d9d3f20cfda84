/* SPDX-License-Identifier: BSD-2-Clause */
/* What the handlers of the routes share. Inside issuer/ only. */
#ifndef HOLDFAST_ISSUER_ROUTE_H
#define HOLDFAST_ISSUER_ROUTE_H

#include <jansson.h>
#include <time.h>
#include "issuer/body.h"
#include "issuer/service.h"
#include "issuer/talk.h"

/* One request. */
struct call {
        struct service *s;
        const struct http_request *q;
        struct http_reply *reply;
        const char *word;               /* of the problem, once there is one; NULL: by its code */
        json_t *checks;                 /* of evidence that is not accepted */
};

/* 0, and the reply is written; else the problem is, from word, checks and err_text(). */
typedef int route_handler(struct call *c);
route_handler route_nonce, route_join, route_join_answer, route_credential, route_policy, route_revoke;
route_handler route_admin_hosts, route_admin_agents, route_admin_credentials, route_admin_revoke, route_admin_approve, route_admin_token,
        route_admin_status, route_admin_challenge;
route_handler route_health, route_ready, route_metrics, route_public;

/* r is a refusal of this kind, unless it is none at all but the issuer's own trouble. Returns r. */
int refused(struct call *c, const char *word, int r);
bool is_refusal(int r);

/* o is taken over, and may be NULL for want of memory. */
int reply_json(struct call *c, json_t *o);
/* An object member by member, where jansson would take a tenth of a renewal's time. Names are ours; an empty text is left out. */
int reply_text(struct call *c, const char *name, struct bytes text);
int reply_number(struct call *c, const char *name, uint64_t v);
int reply_member(struct call *c, const char *name, const json_t *o);
int reply_checks(struct call *c, const struct hf_evidence_result *result);
json_t *json_base64(struct bytes b);
json_t *json_octets(struct bytes text);
/* A host's name as one may have: a DNS name in lower case. An agent's name: UTF-8 without control characters and "/". ERR_FORMAT. */
int check_host_name(const char *name);
int check_agent_name(const char *name);

/* "key-compromise": as operators write it. */
const char *reason_word(enum crl_reason reason);
/* start: by CLOCK_MONOTONIC. */
double seconds_since(const struct timespec *start);

/* What was decided, for the ledger. Texts may be NULL. */
struct decision {
        enum audit_event event;
        const char *host, *agent, *operation, *rule;
        struct bytes owner, key_public;
        const char *more;               /* further "name=value" behind host and address */
        bool anyones;                   /* a refusal that anybody may bring about: ledger_append_refusal() */
};
/* Durable when it returns 0. r: 0, or why it was refused: err_text() says it, and says it still afterwards. */
int decision_note(struct call *c, const struct decision *d, int r, uint64_t *ret_record);
/* For a refusal: returns r, whatever becomes of the record. */
int decision_refused(struct call *c, const struct decision *d, int r);

#endif
