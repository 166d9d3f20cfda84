/* SPDX-License-Identifier: BSD-2-Clause */
/* When is the next try? */
#include "daemon/schedule.h"
#include <time.h>
#include "lib/crypto.h"

#define FIRST_MS 2000           /* after the first failure; each further one doubles it */
#define LONGEST_MS 600000
#define SHORTEST_MS 500
#define DOUBLINGS 9
#define EARLY 20                /* at most one part in so many of the life */
#define LEAST_MS 1000           /* between two that went well: a part in so many of the life, too, within these bounds */
#define LEAST_LONGEST_MS 60000

void schedule_now(struct schedule_now *ret)
{
        struct timespec boot, wall;

        clock_gettime(CLOCK_BOOTTIME, &boot);
        clock_gettime(CLOCK_REALTIME, &wall);
        *ret = (struct schedule_now){
                .boot_ms = (uint64_t)boot.tv_sec * 1000 + (uint64_t)boot.tv_nsec / 1000000,
                .wall = wall.tv_sec > 0 ? (uint64_t)wall.tv_sec : 0,
        };
        /* Without random numbers all come at once. */
        (void)crypto_random((uint8_t *)&ret->random, sizeof(ret->random));
}

void schedule_kept(struct schedule *s, const struct schedule_now *n, uint64_t not_before, uint64_t renew_after, uint64_t not_after)
{
        uint64_t whole = renew_after > not_before ? renew_after - not_before : 0;
        uint64_t left = renew_after > n->wall ? renew_after - n->wall : 0;
        uint64_t early;

        *s = (struct schedule){ .not_after = not_after, .life = not_after > not_before ? not_after - not_before : 0 };
        /* What is given for a time without the issuer makes nothing later. */
        if (whole > 0 && whole < s->life / 3 * 2)
                s->life = whole + whole / 2;
        /* A clock that went back must not keep it waiting. */
        if (left > whole)
                left = whole;
        early = s->life * 1000 / EARLY;
        early = early > 0 ? n->random % early : 0;
        s->due_ms = n->boot_ms + (left * 1000 > early ? left * 1000 - early : 0);
}

void schedule_issued(struct schedule *s, const struct schedule_now *n, uint64_t not_before, uint64_t renew_after, uint64_t not_after)
{
        uint64_t least;

        schedule_kept(s, n, not_before, renew_after, not_after);
        /* Where clocks are apart, or the issuer says so, it is due as soon as it is there: not all the time. */
        least = s->life * 1000 / EARLY;
        if (least > LEAST_LONGEST_MS)
                least = LEAST_LONGEST_MS;
        if (least < LEAST_MS)
                least = LEAST_MS;
        if (s->due_ms < n->boot_ms + least)
                s->due_ms = n->boot_ms + least;
}

void schedule_failed(struct schedule *s, const struct schedule_now *n)
{
        uint64_t longest = s->life > 0 && s->life * 100 < LONGEST_MS ? s->life * 100 : LONGEST_MS;
        uint64_t wait = (uint64_t)FIRST_MS << (s->failures < DOUBLINGS ? s->failures : DOUBLINGS);

        if (wait > longest)
                wait = longest;
        if (wait < SHORTEST_MS)
                wait = SHORTEST_MS;
        s->failures++;
        s->due_ms = n->boot_ms + wait / 2 + n->random % (wait / 2 + 1);
}

uint64_t schedule_wait(const struct schedule *s, const struct schedule_now *n)
{
        uint64_t wait = s->due_ms > n->boot_ms ? s->due_ms - n->boot_ms : 0, end;

        if (s->failures > 0 || s->not_after == 0)
                return wait;
        end = s->not_after > n->wall ? (s->not_after - n->wall) * 1000 : 0;
        return end < wait ? end : wait;
}
