/* SPDX-License-Identifier: BSD-2-Clause */
/* What operators ask of the daemon: one JSON object, answered by one. docs/formats.md lists orders and members. */
#ifndef HOLDFAST_DAEMON_ORDER_H
#define HOLDFAST_DAEMON_ORDER_H

#include <jansson.h>
#include "daemon/core.h"
#include "keys/caller.h"

#define ORDER_MAX 65536         /* octets of a request */
#define ORDER_REPLY_MAX (6u << 20) /* of a reply: evidence with its logs */
#define ORDER_ARGS_MAX 12

enum order_type {
        ORDER_TEXT = 1,
        ORDER_BYTES,            /* a string of base64 */
        ORDER_NUMBER,
        ORDER_FLAG,
};

struct order_arg {
        const char *name;
        enum order_type type;
        bool needed;
};

struct order_call;

struct order {
        const char *name;
        int (*run)(struct order_call *c); /* 0, or ERR_* and its sentence; adds its members to the reply */
        struct order_arg args[ORDER_ARGS_MAX]; /* up to the first without a name */
};
/* NULL behind the last. */
const struct order *order_at(size_t i);

/* One order as it is carried out. Zero-initialise; order_call_clear(). */
struct order_call {
        struct core *core;
        const struct caller *caller;    /* tells the log who asked */
        const struct order *order;
        json_t *request, *reply;
        size_t told;                    /* octets that order_room() gave */
};
void order_call_clear(struct order_call *c);

/* ERR_FORMAT: not one flat JSON object, an order that there is not, a member that it has not, is twice, is of another type, or is
 * missing. Fills in order and request. */
int order_read(struct bytes text, struct order_call *ret);
/* The reply to one request, whatever that is. */
int order_answer(struct core *core, const struct peer *who, struct bytes request, struct buf *ret_reply);

/* Members of the request; NULL, 0, false, empty where there is none. */
const char *order_text(const struct order_call *c, const char *name);
struct bytes order_text_bytes(const struct order_call *c, const char *name);
int order_bytes(const struct order_call *c, const char *name, struct buf *ret);
uint64_t order_number(const struct order_call *c, const char *name);
bool order_flag(const struct order_call *c, const char *name);

/* A member of the reply. Takes value, which may be NULL: ERR_NOMEM then. */
int order_add(struct order_call *c, const char *name, json_t *value);
/* A stranger's bytes as text: what is no UTF-8, or a control character, as '?'. */
json_t *order_string(struct bytes text);
json_t *order_base64(struct bytes b);
/* Is there room in the reply for so many octets more? */
bool order_room(struct order_call *c, size_t octets);

/* One for each order. */
int order_status(struct order_call *c);
int order_reload(struct order_call *c);
int order_checkpoint(struct order_call *c);
int order_counter(struct order_call *c);
int order_accept(struct order_call *c);
int order_agent_create(struct order_call *c);
int order_agent_set(struct order_call *c);
int order_agent_delete(struct order_call *c);
int order_agent_list(struct order_call *c);
int order_agent_show(struct order_call *c);
int order_key_create(struct order_call *c);
int order_key_delete(struct order_call *c);
int order_key_list(struct order_call *c);
int order_key_show(struct order_call *c);
int order_cert_import(struct order_call *c);
int order_allow(struct order_call *c);
int order_deny(struct order_call *c);
int order_effective(struct order_call *c);
int order_policy_check(struct order_call *c);
int order_lock(struct order_call *c);
int order_unlock(struct order_call *c);

int order_evidence(struct order_call *c);
int order_join(struct order_call *c);
int order_enroll(struct order_call *c);
int order_enrolled(struct order_call *c);
int order_unenroll(struct order_call *c);
int order_revoke(struct order_call *c);

/* A key for a reply. */
int order_key_json(struct order_call *c, const char *agent, struct item *i, json_t **ret);

#endif
