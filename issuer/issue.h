/* SPDX-License-Identifier: BSD-2-Clause */
/* What POST /v1/credential goes through, from the evidence to the credentials. Inside issuer/ only. */
#ifndef HOLDFAST_ISSUER_ISSUE_H
#define HOLDFAST_ISSUER_ISSUE_H

#include "issuer/profile.h"
#include "issuer/route.h"

struct issue {
        const char *host, *agent;
        const struct profile *profile;  /* NULL: none was found yet */
        struct db_host known;
        struct hf_evidence_result result;
        struct profile_grant grant;
        struct buf x509, jwt, ssh_user, ssh_host; /* those that are given */
};
void issue_clear(struct issue *i);

/* The evidence is accepted, and everything else that the profile wants is there: which credentials, for which audience (NULL: not said). */
int issue_grant(struct call *c, struct issue *i, unsigned want, const char *audience);
/* Record, database, credentials: in this order, so that whatever was answered is in both. */
int issue_give(struct call *c, struct issue *i, const struct authority_view *v);

/* hf_evidence_result's checks, those that were made. NULL: no memory. */
json_t *issue_checks(const struct hf_evidence_result *r);

#endif
