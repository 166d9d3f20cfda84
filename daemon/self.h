/* SPDX-License-Identifier: BSD-2-Clause */
/* The daemon itself as a caller: what it does unasked is in the log, with the agent's owner, and no rule is asked. */
#ifndef HOLDFAST_DAEMON_SELF_H
#define HOLDFAST_DAEMON_SELF_H

#include "daemon/core.h"

/* peer: for whom, where that is somebody; borrowed. NULL: nobody. */
void self_caller(const struct core *core, const struct peer *peer, struct caller *ret);

#endif
