/* SPDX-License-Identifier: BSD-2-Clause */
/* Host names as certificates may hold them (RFC 5280 4.2.1.6, RFC 9525 2): letters, digits and hyphens, in lower case, never in part. */
#ifndef HOLDFAST_ISSUER_DNSNAME_H
#define HOLDFAST_ISSUER_DNSNAME_H

#include "lib/buf.h"

/* wildcard: "*." may stand before two labels or more. No dot at the end, no IP address. ERR_FORMAT. */
int dnsname_check(struct bytes name, bool wildcard);

#endif
