/* SPDX-License-Identifier: BSD-2-Clause */
/* Time as deadlines want it: it only goes forward. */
#ifndef HOLDFAST_TPM_CLOCK_H
#define HOLDFAST_TPM_CLOCK_H

#include <stdint.h>

uint64_t clock_us(void);
/* Milliseconds until then, rounded up, 0 if it is past: what poll() takes. */
int clock_left_ms(uint64_t until_us);
/* Sleeps so long, but not past until_us. */
void clock_nap(uint64_t us, uint64_t until_us);

#endif
