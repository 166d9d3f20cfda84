/* SPDX-License-Identifier: BSD-2-Clause */
/* The parts of an X.509 certificate that name it, as DER, without judging it (RFC 5280 4.1). */
#ifndef HOLDFAST_LIB_X509_H
#define HOLDFAST_LIB_X509_H

#include "lib/buf.h"

/* Whole elements with their tags, borrowed from the certificate. */
struct x509_parts {
        struct bytes serial, issuer, subject, spki;
};

/* ERR_FORMAT, also for trailing bytes. Extensions and signature are not looked into. */
int x509_parts(struct bytes der, struct x509_parts *ret);

#endif
