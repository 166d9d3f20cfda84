/* SPDX-License-Identifier: BSD-2-Clause */
/* What the issuer does for hosts and operators: the table of its routes, and what all of them work with. It opens no socket. */
#ifndef HOLDFAST_ISSUER_SERVICE_H
#define HOLDFAST_ISSUER_SERVICE_H

#include "issuer/authority.h"
#include "issuer/conf.h"
#include "issuer/db.h"
#include "issuer/http.h"
#include "issuer/ledger.h"
#include "issuer/trusted.h"

/* Borrowed, all of it, and used by any number of threads at once. */
struct service {
        const struct issuer_conf *conf;
        const struct trusted *trusted;
        struct db *db;
        struct ledger *ledger;
        struct authority *authority;
        struct metrics *metrics;        /* NULL: nothing is counted */
        uint64_t (*now)(void);          /* Unix time, seconds; NULL: the system's */
        uint64_t (*ticks)(void);        /* seconds that no setting of a clock changes, for nonces; NULL: since boot */
};

/* An http_handler and an http_body_limit; ctx is the service. */
void service_handle(void *ctx, const struct http_request *q, struct http_reply *reply);
size_t service_body_limit(void *ctx, const char *method, const char *path);

/* Can it issue now? 0, or why not. */
int service_ready(struct service *s);

uint64_t service_now(const struct service *s);
uint64_t service_ticks(const struct service *s);

#endif
