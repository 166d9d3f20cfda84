/* SPDX-License-Identifier: BSD-2-Clause */
/* Stands between the TSS and a link: refuses a response that is not one, counts commands, writes the trace. */
#ifndef HOLDFAST_TPM_TCTI_H
#define HOLDFAST_TPM_TCTI_H

#include <stdatomic.h>
#include <tss2/tss2_tcti.h>
#include "tpm/link.h"
#include "tpm/response.h"

struct tcti {
        TSS2_TCTI_CONTEXT_COMMON_V2 common;     /* first: this is a TSS2_TCTI_CONTEXT */
        struct link *link;
        int trace_fd;                           /* -1: no trace */
        _Atomic uint64_t commands;
        uint64_t deadline_us;                   /* for the next command */

        /* The last command: 0 or why there is no response, and the response, pointing into packet. */
        int error;
        const struct command *command;
        struct response response;
        size_t len;
        uint8_t packet[TPM_PACKET_MAX + 1];     /* one more, so that what is too long shows */
};

/* trace: a file's name or NULL. The link becomes ours. */
int tcti_open(struct link *l, const char *trace, struct tcti *ret);
TSS2_TCTI_CONTEXT *tcti_context(struct tcti *t);
void tcti_close(struct tcti *t);
/* In a forked child. */
void tcti_abandon(struct tcti *t);

#endif
