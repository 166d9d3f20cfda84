/* SPDX-License-Identifier: BSD-2-Clause */
/* SPIFFE IDs, strictly: SPIFFE-ID, section 2. What is not written exactly as it should be is none. */
#ifndef HOLDFAST_ISSUER_SPIFFE_H
#define HOLDFAST_ISSUER_SPIFFE_H

#include "lib/buf.h"

enum {
        SPIFFE_ID_MAX = 2048,           /* octets */
        SPIFFE_TRUST_DOMAIN_MAX = 255,
};

/* Slices of what was parsed. */
struct spiffe_id {
        struct bytes trust_domain;
        struct bytes path;              /* with the "/" in front; empty for the trust domain's own ID */
};

/* ERR_FORMAT. */
int spiffe_parse(struct bytes text, struct spiffe_id *ret);
/* Just the name. ERR_FORMAT. */
int spiffe_trust_domain_check(struct bytes name);

#endif
