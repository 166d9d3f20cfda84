/* SPDX-License-Identifier: BSD-2-Clause */
/* Certificate revocation lists (RFC 5280 5). */
#ifndef HOLDFAST_ISSUER_CRL_H
#define HOLDFAST_ISSUER_CRL_H

#include "issuer/cred_x509.h"

/* RFC 5280 5.3.1. */
enum crl_reason { CRL_UNSPECIFIED = 0, CRL_KEY_COMPROMISE = 1, CRL_SUPERSEDED = 4, CRL_CESSATION = 5, CRL_PRIVILEGE_WITHDRAWN = 9 };

struct crl_entry {
        uint8_t serial[GRANT_SERIAL_SIZE];
        uint64_t when;
        enum crl_reason reason;
};

struct crl {
        const struct crl_entry *entries;
        size_t n;
        uint64_t number;                /* rises from list to list */
        uint64_t this_update, next_update;
};

/* In DER. No certificate outlives its grant by more than a day, so that an entry may go when its certificate has ended. */
int crl_write(const struct x509_ca *ca, const struct crl *c, struct buf *ret);

#endif
