/* SPDX-License-Identifier: BSD-2-Clause */
/* One request to the token socket, and its answer as octets of HTTP. */
#ifndef HOLDFAST_DAEMON_TOKEN_ANSWER_H
#define HOLDFAST_DAEMON_TOKEN_ANSWER_H

#include "daemon/renew.h"

/* head: what came, up to and with the empty line, or all that there is room for. *ret_keep: the connection is for further requests. ERR_NOMEM: there is no
 * answer. */
int token_answer(struct core *core, struct renewer *r, const struct peer *who, struct bytes head, struct buf *ret, bool *ret_keep);

#endif
