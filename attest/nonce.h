/* SPDX-License-Identifier: BSD-2-Clause */
/* For which challenge is evidence made when an issuer sends a nonce? For one that hangs on the issuer's URL, too: else an issuer that a host
 * speaks to could pass on another one's nonce, and take that one's credentials. */
#ifndef HOLDFAST_ATTEST_NONCE_H
#define HOLDFAST_ATTEST_NONCE_H

#include "lib/buf.h"

#define NONCE_CHALLENGE 32

/* url: as the host was told it, and as the issuer's own configuration has it; a "/" at its end does not count. ERR_RANGE: one is too long. */
int nonce_challenge(struct bytes url, struct bytes nonce, uint8_t ret[NONCE_CHALLENGE]);
/* The same for having what this agent was given revoked, and for nothing else. */
int nonce_revoke_challenge(struct bytes url, struct bytes agent, struct bytes nonce, uint8_t ret[NONCE_CHALLENGE]);

#endif
