/* SPDX-License-Identifier: BSD-2-Clause */
/* What the TPM's NV counter stands at: by the daemon, by the user, or not known. */
#ifndef HOLDFAST_TOOLS_AUDIT_COUNTER_H
#define HOLDFAST_TOOLS_AUDIT_COUNTER_H

#include "tools/cli.h"
#include "tools/daemon.h"

/* Zero-initialise; audit_counter_clear(). */
struct audit_counter {
        bool known, asks, must;
        uint64_t value;
        const char *why;                /* not known */
        struct daemon *daemon;
        char text[256];                 /* of why */
};
void audit_counter_clear(struct audit_counter *n);

/* By --nv; else by the daemon, if dir is the log that it writes. That nobody can be asked is no error unless --nv wants it. */
int audit_counter_choose(const struct cli *c, const char *dir, struct audit_counter *ret);
/* As it is now. */
int audit_counter_ask(struct audit_counter *n);
/* Lets the TPM vouch for all that the log tells, where the daemon is asked: its word on the log, or ret_log NULL. */
int audit_counter_checkpoint(struct audit_counter *n, json_t **ret_log);

#endif
