/* SPDX-License-Identifier: BSD-2-Clause */
/* What an issuer gave for agents' keys, as files that everybody may read: CREDENTIALS/AGENT/LABEL/, each exchanged in one step. The store keeps what
 * they are made of, one file for each key below "credentials", from which they are put back at a start. */
#ifndef HOLDFAST_DAEMON_CREDENTIALS_H
#define HOLDFAST_DAEMON_CREDENTIALS_H

#include "enroll/answer.h"
#include "keys/caller.h"
#include "keys/keyring.h"

/* A key that is enrolled, and how that stands. Owned; a NUL behind each text that is not counted. */
struct enrolment {
        char agent[AGENT_NAME_MAX + 1];
        struct buf label;
        struct buf profile;             /* that was asked for; empty: the issuer chooses */
        struct buf spiffe_id;           /* empty: nothing was issued yet */
        uint64_t not_before, not_after, renew_after; /* Unix time, seconds */
        bool carried;                   /* it came by hand, and so does the next: nothing renews it */
        char last_error[256];           /* of the last try; empty: it went well */
};
void enrolment_clear(struct enrolment *e);
int enrolment_copy(const struct enrolment *from, struct enrolment *ret);

struct credentials;

/* directory: is made if it is missing. */
int credentials_open(struct keyring *k, const char *directory, struct credentials **ret);
/* Accepts NULL. */
void credentials_close(struct credentials *c);

/* What was kept: the files appear again, and fn hears of each. A key that is gone, or another one, is forgotten. */
int credentials_restore(struct credentials *c, int (*fn)(void *ctx, const struct enrolment *e), void *ctx);
/* A new answer, checked: kept, durably, then in the files; its certificate beside the key is exchanged for who knows it by PKCS#11. Fills in e from it.
 * key: e's. */
int credentials_put(struct credentials *c, const struct caller *who, struct enrolment *e, struct item *key, const struct answer_credential *a);
/* Only how it stands, in status.json. */
int credentials_tell(struct credentials *c, const struct enrolment *e);
/* Everything but the certificate beside the key. */
int credentials_remove(struct credentials *c, const char *agent, struct bytes label);

#endif
