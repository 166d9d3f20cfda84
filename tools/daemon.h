/* SPDX-License-Identifier: BSD-2-Clause */
/* Asks the daemon that owns a store, over its operators' socket. */
#ifndef HOLDFAST_TOOLS_DAEMON_H
#define HOLDFAST_TOOLS_DAEMON_H

#include <jansson.h>
#include "lib/conf.h"

struct daemon;

/* ERR_NOENT: no daemon is meant, the store is whoever's who may write to it. ERR_DAEMON: one owns the store and does not answer.
 * ERR_PERM: one is there and does not take orders from this user. */
int daemon_open(const struct conf *c, struct daemon **ret);
void daemon_close(struct daemon *d);
/* Takes the request, which may be NULL for want of memory. What the daemon says went wrong is what this returns. */
int daemon_ask(struct daemon *d, json_t *request, json_t **ret_reply);
/* The same where the reply has nothing more to say. */
int daemon_do(struct daemon *d, json_t *request);
/* NULL members are left out: daemon_request("lock", "agent", agent, NULL). Values are text. */
json_t *daemon_request(const char *order, ...) __attribute__((sentinel));
/* base64; nothing where there are no bytes. */
void daemon_add_bytes(json_t *request, const char *name, struct bytes b);

#endif
