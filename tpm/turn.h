/* SPDX-License-Identifier: BSD-2-Clause */
/* Whose operation is next? One at a time. First come, first served, but whoever comes with many threads gets no more turns for that: between
 * two turns of one party every other party that waits has one. */
#ifndef HOLDFAST_TPM_TURN_H
#define HOLDFAST_TPM_TURN_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct turn_wait;

struct turns {
        pthread_mutex_t lock;           /* held for moments */
        pthread_condattr_t monotonic;
        bool busy;
        uint64_t party, round;          /* of the one who has the turn, or had it last */
        struct turn_wait *first;        /* who waits, in the order they will be served in */
        unsigned waiting;
};

void turns_init(struct turns *t);
void turns_destroy(struct turns *t);
/* ERR_TIMEOUT. */
int turn_take(struct turns *t, uint64_t until_us);
/* To the next one, who goes on at once. */
void turn_give(struct turns *t);
/* How many wait. */
unsigned turn_waiting(struct turns *t);

#endif
