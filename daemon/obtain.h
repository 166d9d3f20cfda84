/* SPDX-License-Identifier: BSD-2-Clause */
/* One credential for one key, with evidence made for it; or its end. */
#ifndef HOLDFAST_DAEMON_OBTAIN_H
#define HOLDFAST_DAEMON_OBTAIN_H

#include "daemon/join.h"

/* Borrowed. */
struct obtain_wish {
        const char *agent;
        struct item *key;
        const char *profile;            /* NULL: the issuer chooses */
        const char *audience;           /* of a JWT; NULL: none */
        bool token_only;
        const struct peer *process;     /* who uses the key; NULL: not known */
};
/* What client_credential() says, or what evidence_make() does. */
int obtain(struct core *core, struct client *c, const struct joined *j, const struct obtain_wish *w, struct answer_credential *ret);

/* The issuer revokes what it has given to the agent, also if that is locked. */
int obtain_revocation(struct core *core, struct client *c, const struct joined *j, const char *agent, const char *reason, uint64_t *ret_n);

#endif
