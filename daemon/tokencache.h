/* SPDX-License-Identifier: BSD-2-Clause */
/* Tokens that were issued not long ago, so that an agent that asks for one at every request does not cost the TPM and the issuer one each. */
#ifndef HOLDFAST_DAEMON_TOKENCACHE_H
#define HOLDFAST_DAEMON_TOKENCACHE_H

#include "lib/buf.h"

#define TOKENCACHE_MAX 256              /* tokens; the one that was used longest ago goes */

struct tokencache;

int tokencache_new(struct tokencache **ret);
/* Wipes. Accepts NULL. */
void tokencache_free(struct tokencache *t);

/* Thread-safe. name: whatever says which token it is. ERR_NOENT: there is none that is good for so long; boot_ms: now, by a clock that nobody sets. As long
 * as it is fresh, two thirds of its life at most, it is given out, and longer (stale) only where no other can be had. */
int tokencache_get(struct tokencache *t, struct bytes name, uint64_t boot_ms, bool stale, struct buf *ret_token, uint64_t *ret_not_after);
/* fresh, life: so many seconds from now on. */
int tokencache_put(struct tokencache *t, struct bytes name, uint64_t boot_ms, uint64_t fresh, uint64_t life, struct bytes token, uint64_t not_after);
/* All whose names begin so. */
void tokencache_drop(struct tokencache *t, struct bytes beginning);

#endif
