/* SPDX-License-Identifier: BSD-2-Clause */
/* What a running daemon has, put together in the right order and taken apart in the reverse. */
#ifndef HOLDFAST_DAEMON_CORE_H
#define HOLDFAST_DAEMON_CORE_H

#include "keys/caller.h"
#include "keys/guard.h"
#include "keys/keyring.h"
#include "keys/policy.h"
#include "keys/recorder.h"
#include "keys/secret.h"
#include "lib/conf.h"

struct attester; /* keys/evidence.h */
struct renewer; /* daemon/renew.h */
struct server;  /* daemon/serve.h */
struct witness; /* daemon/witness.h */

/* Made by core_open(); read by everybody, changed by nobody but core.c. */
struct core {
        struct conf conf;
        int lock;                       /* no other daemon has this store */
        struct keyring *keyring;
        struct policy *policy;
        struct guard *guard;
        struct recorder *recorder;
        struct attester *attester;
        struct witness *witness;        /* NULL: none */
        struct tpm *tpm;                /* the keyring's */
        struct tpm_ak ak;
        uint32_t counter, store_counter; /* NV indices: of the log, of the store */
        uint8_t counter_auth[SECRET_SIZE];
        char version[64];               /* "holdfastd 0.1" */
        uint64_t started_us;            /* clock_us() */
        struct guard_finding *told;     /* findings that the log has */
        size_t n_told;
        unsigned news;                  /* guard_news() then */
        bool news_told;
        struct server *server;          /* whoever runs it sets it, for status */
        struct renewer *renewer;        /* the same, for orders; NULL: none */
};

/* Before core_open(). */
#define CORE_NONE { .lock = -1 }

/* What is missing in store and TPM is made: the sealed secret, the attestation key, the counters. Everything durable before what hangs on
 * it. ERR_NOTINIT: no store yet. ERR_FOREIGN: the store is another TPM's, or the log an old copy.
 * ERR_TIMEOUT: another daemon has it. */
int core_open(const struct conf *c, struct core *ret);
/* The last checkpoint, then everything, whatever goes wrong: ERR_* of the checkpoint. Nobody may be using it any more. */
int core_close(struct core *c);
/* Writes what the guard has found since into the log. By one thread. */
int core_tell_findings(struct core *c);
/* Reads the rules anew, and tells the log who asked for it. */
int core_reload(struct core *c, const struct caller *who);
/* The newest checkpoint of the log. */
int core_newest_note(struct core *c, struct buf *ret);
/* What the log's counter in the TPM says now. */
int core_counter(struct core *c, uint64_t *ret);

#endif
