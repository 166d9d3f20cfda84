/* SPDX-License-Identifier: BSD-2-Clause */
/* Stands between a test and its software TPM: spoils one answer, counts commands, remembers what went over the wire. */
#ifndef HOLDFAST_TESTS_PROXY_H
#define HOLDFAST_TESTS_PROXY_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include "tests/swtpm.h"

enum fault {
        FAULT_NONE,
        FAULT_CODE,             /* arg: a response code instead of the work */
        FAULT_LOST,             /* arg: a response code instead of the answer; the work is done */
        FAULT_TRUNCATED,        /* only arg octets, then the end */
        FAULT_SHORT,            /* the last arg octets are missing, and the size says so */
        FAULT_EXTRA,            /* arg more octets, the size says so */
        FAULT_TRAILING,         /* arg more octets than the size says */
        FAULT_LONG,             /* more than any TPM may send */
        FAULT_TAG,              /* arg instead of the tag */
        FAULT_SIZE,             /* arg instead of the size */
        FAULT_FLIP,             /* bit arg, counted from the end, is another */
        FAULT_PARAMETER_SIZE,   /* arg instead of parameterSize */
        FAULT_RESET,            /* the TPM loses its power just before, and is not started up */
        FAULT_CLOSE,            /* the work is done, the connection ends */
        FAULT_LATE,             /* the answer comes arg milliseconds late */
        FAULT_NEVER,            /* no work, no answer, until the caller goes */
};

struct proxy {
        char sock[96];
        char tcti[112];
        const struct swtpm *sw;
        int listener, stop[2];
        pthread_t thread;

        _Atomic unsigned commands;      /* since proxy_arm() */
        _Atomic unsigned at;            /* the command to spoil, from 1; 0: none */
        enum fault fault;
        uint32_t arg;

        bool no_command_audit;          /* the TPM has not TPM2_SetCommandCodeAuditStatus and TPM2_GetCommandAuditDigest, as some chips */

        void (*seen)(void *ctx, const uint8_t *cmd, size_t len, const uint8_t *rsp, size_t rsp_len); /* NULL: nobody wants to */
        void *seen_ctx;

        uint8_t *wire;                  /* what was sent and received, in order */
        size_t wire_len, wire_cap;
};

/* 0, or -1 having said why. In the software TPM's directory. */
int proxy_start(struct proxy *p, const struct swtpm *sw);
void proxy_stop(struct proxy *p);
/* Spoils the n-th command from now on. Between operations only. */
void proxy_arm(struct proxy *p, unsigned n, enum fault fault, uint32_t arg);
/* Whether these octets went over the wire. */
bool proxy_saw(const struct proxy *p, const void *what, size_t len);

#endif
