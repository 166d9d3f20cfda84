/* SPDX-License-Identifier: BSD-2-Clause */
/* How much time is left? */
#include "tpm/clock.h"

#include <limits.h>
#include <time.h>

uint64_t clock_us(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

int clock_left_ms(uint64_t until_us)
{
        uint64_t now = clock_us(), ms;

        if (now >= until_us)
                return 0;
        ms = (until_us - now + 999) / 1000;
        return ms > INT_MAX ? INT_MAX : (int)ms;
}

void clock_nap(uint64_t us, uint64_t until_us)
{
        uint64_t now = clock_us();
        struct timespec ts;

        if (now >= until_us)
                return;
        if (us > until_us - now)
                us = until_us - now;
        ts.tv_sec = (time_t)(us / 1000000);
        ts.tv_nsec = (long)(us % 1000000) * 1000;
        nanosleep(&ts, NULL);
}
