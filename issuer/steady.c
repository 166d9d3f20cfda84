/* SPDX-License-Identifier: BSD-2-Clause */
/* Has the clock jumped? */
#include "issuer/steady.h"

/* What NTP corrects bit by bit is no jump. */
#define JUMP 60

uint64_t steady_for(struct steady *s, uint64_t wall, uint64_t boot)
{
        uint64_t expected = s->wall + (boot - s->boot);
        uint64_t off = wall > expected ? wall - expected : expected - wall;

        if (!s->seen || off > JUMP)
                s->since = boot;
        s->seen = true;
        s->wall = wall;
        s->boot = boot;
        return boot - s->since;
}
