/* SPDX-License-Identifier: BSD-2-Clause */
/* For how long has the time of day gone as fast as the clock that nobody sets? What was issued since then, and what lived no longer than that before it,
 * has really ended when the time of day says so. A function of its arguments. */
#ifndef HOLDFAST_ISSUER_STEADY_H
#define HOLDFAST_ISSUER_STEADY_H

#include <stdbool.h>
#include <stdint.h>

struct steady {
        bool seen;
        uint64_t wall, boot;            /* at the last call */
        uint64_t since;                 /* boot: when it began to be steady */
};

/* Seconds; 0 at the first call, and when the time of day has jumped by more than a minute since the last. */
uint64_t steady_for(struct steady *s, uint64_t wall, uint64_t boot);

#endif
