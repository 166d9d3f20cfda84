/* SPDX-License-Identifier: BSD-2-Clause */
/* What the issuer counts, and how Prometheus gets to read it (text exposition format 0.0.4). A new number is a row in metrics.c. */
#ifndef HOLDFAST_ISSUER_METRICS_H
#define HOLDFAST_ISSUER_METRICS_H

#include "lib/buf.h"

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

enum metric {
        /* the HTTP server's own */
        METRIC_REQUESTS,                /* route, status */
        METRIC_REQUEST_SECONDS,         /* route; histogram */
        METRIC_CONNECTIONS,             /* via; gauge */
        METRIC_ACCEPTED,                /* via */
        METRIC_REFUSED,                 /* why: "connections", "address", "queue", "memory", "tls", "request", "timeout" */
        METRIC_HANDSHAKES,              /* version, resumed "yes"/"no" */
        METRIC_QUEUE,                   /* gauge: requests that wait for a worker */
        METRIC_BODY_MEMORY,             /* gauge: octets */
        /* the service's */
        METRIC_ISSUED,                  /* kind: "x509", "jwt", "ssh-user", "ssh-host" */
        METRIC_CREDENTIAL_REFUSED,      /* reason: the problem's word or the check that failed */
        METRIC_JOINS,                   /* outcome: "active", "pending" or the problem's word */
        METRIC_REVOCATIONS,             /* what: "host", "agent", "credential" */
        METRIC_VERIFY_SECONDS,          /* histogram: checking one evidence */
        METRIC_COMMIT_SECONDS,          /* what: "database", "log"; histogram */
        METRIC_READY,                   /* gauge: 1 or 0 */
        METRIC_CA_ENDS,                 /* use: "x509", "ak"; gauge: Unix time, seconds */
        METRIC_N
};

struct metrics;

struct metrics *metrics_new(void);
void metrics_free(struct metrics *m);

/* All do nothing if m is NULL. Labels that a row does not have are NULL; they are copied, and of strings from outside nothing but
 * printable ASCII stays. A row keeps 256 sets of labels: what comes later counts as "other". */
void metrics_count(struct metrics *m, enum metric which, const char *label1, const char *label2, uint64_t n);
/* A gauge goes up or down. */
void metrics_move(struct metrics *m, enum metric which, const char *label1, int64_t by);
void metrics_set(struct metrics *m, enum metric which, const char *label1, int64_t value);
/* A histogram sees one value. */
void metrics_seconds(struct metrics *m, enum metric which, const char *label1, double seconds);

int metrics_text(struct metrics *m, struct buf *ret);

#endif
