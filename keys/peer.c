/* SPDX-License-Identifier: BSD-2-Clause */
/* A peer's memory. */
#include <unistd.h>
#include "keys/peer.h"

void peer_clear(struct peer *p)
{
        buf_clear(&p->exe);
        buf_clear(&p->exe_sha256);
        buf_clear(&p->cgroup);
        buf_clear(&p->unit);
        buf_clear(&p->container);
        buf_clear(&p->parent_exe);
        if (p->pidfd >= 0)
                close(p->pidfd);
        *p = (struct peer){ .pidfd = -1 };
}
