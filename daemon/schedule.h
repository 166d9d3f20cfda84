/* SPDX-License-Identifier: BSD-2-Clause */
/* When is something that ends to be renewed? By a clock that nobody sets (CLOCK_BOOTTIME): the time of day counts only where it says that the
 * end has come. A function of its arguments. */
#ifndef HOLDFAST_DAEMON_SCHEDULE_H
#define HOLDFAST_DAEMON_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

struct schedule {
        uint64_t due_ms;                /* since boot */
        uint64_t not_after, life;       /* Unix time; seconds; 0: nothing was issued yet */
        unsigned failures;              /* in a row */
};

/* Both clocks, read at one moment. */
struct schedule_now {
        uint64_t boot_ms, wall;         /* wall: seconds */
        uint32_t random;                /* spreads what would otherwise come at once */
};
void schedule_now(struct schedule_now *ret);

/* What was issued some time ago is good from then to then; it is to be renewed at renew_after, a little before that. */
void schedule_kept(struct schedule *s, const struct schedule_now *n, uint64_t not_before, uint64_t renew_after, uint64_t not_after);
/* The same of what was issued now, whose next is never due at once. */
void schedule_issued(struct schedule *s, const struct schedule_now *n, uint64_t not_before, uint64_t renew_after, uint64_t not_after);
/* It did not work: again after a while, at most ten minutes or a tenth of the life. */
void schedule_failed(struct schedule *s, const struct schedule_now *n);
/* Milliseconds until it is due; 0: it is. */
uint64_t schedule_wait(const struct schedule *s, const struct schedule_now *n);

#endif
