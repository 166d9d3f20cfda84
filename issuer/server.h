/* SPDX-License-Identifier: BSD-2-Clause */
/* All that holdfast-issuer serve consists of, put together, renewed and taken apart again. */
#ifndef HOLDFAST_ISSUER_SERVER_H
#define HOLDFAST_ISSUER_SERVER_H

#include "issuer/conf.h"

struct server;

struct server_options {
        const char *conf;               /* the file */
        const char *const *listen;      /* in place of the configured addresses; NULL ends them */
        bool access_log;                /* on standard output */
        bool quiet;
};

/* When it returns 0, requests are answered. Says where it listens, and writes DIR/address. */
int server_open(const struct server_options *o, struct server **ret);
/* Answers what has begun, writes the log's last checkpoint. NULL is fine. */
void server_close(struct server *s);

/* Once a second: checkpoints, new certificates, new lists. What fails is told once, and again when it goes on. */
void server_tick(struct server *s);
/* Reads the configuration, what it names, and the TLS certificate anew. What is wrong leaves what was. */
int server_reload(struct server *s);

#endif
