/* SPDX-License-Identifier: BSD-2-Clause */
/* The token socket: agents ask for a JWT by HTTP/1.1, and get it if a rule lets them sign with the key by the mechanism "JWT". Who asks, the kernel says.
 *
 *   GET /v1/token?agent=build-42&audience=https%3A%2F%2Fapi.example[&key=tls]  ->  {"token":"...","expires_at":1764072000} */
#ifndef HOLDFAST_DAEMON_TOKEN_H
#define HOLDFAST_DAEMON_TOKEN_H

#include "daemon/core.h"

struct renewer;

struct token_options {
        struct core *core;
        struct renewer *renewer;
        int listen_fd;                  /* the service manager's, the caller's; -1: one of our own, where the configuration says */
};

struct token_server;
int token_start(const struct token_options *o, struct token_server **ret);
/* Lets what is being done be done; the renewer has been interrupted. Accepts NULL. */
void token_stop(struct token_server *s);

#endif
