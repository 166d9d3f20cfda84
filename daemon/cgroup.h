/* SPDX-License-Identifier: BSD-2-Clause */
/* What the path of a control group says of who put a process there. */
#ifndef HOLDFAST_DAEMON_CGROUP_H
#define HOLDFAST_DAEMON_CGROUP_H

#include "lib/buf.h"

/* The system's unit, and the container's 64 hex digits; empty where there is none. Nothing is taken from below either: that part of
 * the tree belongs to whoever it was delegated to, a user's own service manager say, who may name groups there as they like. */
int cgroup_names(struct bytes path, struct buf *ret_unit, struct buf *ret_container);

#endif
