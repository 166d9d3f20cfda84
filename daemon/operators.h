/* SPDX-License-Identifier: BSD-2-Clause */
/* The operators' socket: each message is a length, four octets with the highest first, and so many octets of JSON (daemon/order.h). */
#ifndef HOLDFAST_DAEMON_OPERATORS_H
#define HOLDFAST_DAEMON_OPERATORS_H

#include "daemon/core.h"

struct operators_options {
        int listen_fd;                  /* SOCK_STREAM, listening; the caller's, and non-blocking from then on. Its mode says who is an operator */
        struct core *core;
};

struct operators;
int operators_start(const struct operators_options *o, struct operators **ret);
/* Takes no more orders, lets what is being done be done, and answered. Accepts NULL. */
void operators_stop(struct operators *o);

#endif
