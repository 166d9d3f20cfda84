/* SPDX-License-Identifier: BSD-2-Clause */
/* What a policy says of PCRs, against what was quoted. Inside attest/ only. */
#ifndef HOLDFAST_ATTEST_MEASURED_H
#define HOLDFAST_ATTEST_MEASURED_H

#include "attest/checking.h"

/* The order in which a policy lists digests: shorter ones first. */
int digest_compare(const void *a, const void *b);

/* As in checking.h. What the policy does not ask is passed over. */
int check_golden(struct checking *c);
int check_event_log(struct checking *c);
int check_ima(struct checking *c);
/* The value of a quoted PCR, NULL if it was not. */
const uint8_t *quoted_pcr(const struct checking *c, unsigned pcr);

#endif
