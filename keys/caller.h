/* SPDX-License-Identifier: BSD-2-Clause */
/* On whose behalf is something done? Asks the rules before, writes the record after. */
#ifndef HOLDFAST_KEYS_CALLER_H
#define HOLDFAST_KEYS_CALLER_H

#include "audit/record.h"
#include "keys/policy.h"

/* Who decides. keys/policy.c's is policy_judge; a module without a daemon has none, and not its code. */
struct judge {
        int (*decide)(struct policy *p, const struct peer *who, const char *agent, const struct request *q, struct decision *ret);
        bool (*sees)(struct policy *p, const struct peer *who, const char *agent);
        int (*owner)(struct policy *p, const char *agent, struct buf *ret);
};
extern const struct judge policy_judge;

/* One per connection, or per process where there is no daemon. Borrowed; a NULL caller may do everything and leaves no record:
 * the store's file mode has decided, nobody keeps a log. */
struct caller {
        const struct judge *judge;                      /* NULL: who may open the store may use its keys */
        struct policy *policy;
        /* ERR_* if it shows beforehand that nothing could be recorded: then nothing is done. NULL: that does not show. */
        int (*ready)(void *log);
        /* Durable when it returns 0. Fills in seq, prev and what the TPM says. NULL: nothing is recorded. */
        int (*record)(void *log, struct audit_record *rec);
        void *log;
        const struct peer *peer;                        /* NULL: nobody the kernel could name */
        int (*peer_check)(const struct peer *p);        /* ERR_DENIED unless it is the process that it was; NULL with no peer */
};

/* What is to be done. Borrowed. */
struct deed {
        enum audit_event event;
        const char *agent;
        struct request request;                         /* now_ms is filled in */
        struct bytes key_public;                        /* TPM2B_PUBLIC as in the key's file */
        struct bytes digest;                            /* what will be signed; of another operation its input, which is hashed */
        struct bytes detail;
        struct decision decision;                       /* caller_may()'s */
};

/* 0: it may be done, and caller_did() must follow. Else ERR_*, recorded already; ERR_DENIED with the reason where a rule refused. */
int caller_may(const struct caller *c, struct deed *d);
/* Something other than a rule forbids it, as err_text() says: recorded as a refusal. Returns r. */
int caller_refuse(const struct caller *c, struct deed *d, int r);
/* Records how it went: outcome 0 or ERR_*. Returns outcome, or what went wrong with the record: the result must not be released then. */
int caller_did(const struct caller *c, const struct deed *d, int outcome, struct bytes result);
bool caller_sees(const struct caller *c, const char *agent);

/* "ECDSA", "RSA-PKCS1-SHA256", "RSA-PSS-SHA256-MGF1-SHA256-32": what rules and records call it. */
#define MECHANISM_NAME_MAX 48
void mechanism_name(const struct pk_params *p, char ret[MECHANISM_NAME_MAX]);

#endif
