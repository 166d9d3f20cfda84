/* SPDX-License-Identifier: BSD-2-Clause */
/* With what does a host without a network show that its keys are in one TPM? With evidence whose challenge nobody else can know: what comes of the
 * challenge that it was sent and of the two secrets that only its TPM makes of what came along. So its attestation key signs for all three. */
#ifndef HOLDFAST_ATTEST_JOINPROOF_H
#define HOLDFAST_ATTEST_JOINPROOF_H

#include "lib/buf.h"

#define JOINPROOF_SIZE 32

int joinproof(struct bytes challenge, struct bytes ak_secret, struct bytes srk_secret, uint8_t ret[JOINPROOF_SIZE]);

#endif
