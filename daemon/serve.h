/* SPDX-License-Identifier: BSD-2-Clause */
/* Serves PKCS#11 on a listening Unix socket until told to stop: one thread per connection once its first request begins. */
#ifndef HOLDFAST_DAEMON_SERVE_H
#define HOLDFAST_DAEMON_SERVE_H

#include "keys/caller.h"
#include "keys/keyring.h"

struct serve_options {
        int listen_fd;                  /* SOCK_STREAM, listening; the caller's, and non-blocking from then on */
        struct keyring *keyring;
        struct policy *policy;          /* policy_read_all() has been called, or the first who lists tokens waits for it */
        int (*record)(void *log, struct audit_record *rec); /* as struct caller has it */
        void *log;
        unsigned max_per_uid;           /* connections that one user may have, silent ones included */
        unsigned max;                   /* of all together */
        unsigned stall_ms;              /* who stops in the middle of a request, or does not take its answer, is cut off then; 0: SERVE_STALL_MS */
};

#define SERVE_STALL_MS 30000u
/* Descriptors of a connection that has a thread: its socket, two files in memory, its process. */
#define SERVE_DESCRIPTORS 4

struct server;
int serve_start(const struct serve_options *o, struct server **ret);
/* Takes no more connections, lets running operations finish (at most grace_ms), then cuts the rest. Frees. */
void serve_stop(struct server *s, unsigned grace_ms);
/* For status and tests. */
struct serve_counts {
        unsigned silent, served;        /* connections now */
        uint64_t accepted, refused;     /* since the start */
};
void serve_counts(struct server *s, struct serve_counts *ret);

#endif
