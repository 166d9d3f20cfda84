/* SPDX-License-Identifier: BSD-2-Clause */
/* Threads that take jobs from one queue. */
#ifndef HOLDFAST_ISSUER_HTTP_POOL_H
#define HOLDFAST_ISSUER_HTTP_POOL_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

/* Part of what is to be worked on. */
struct pool_job {
        struct pool_job *next;
};

struct pool;

int pool_open(size_t threads, void (*work)(struct pool_job *job), struct pool **ret);
/* False if max jobs wait already. Afterwards the job is the pool's until work() is through with it. */
bool pool_submit(struct pool *p, struct pool_job *job, size_t max);
size_t pool_waiting(struct pool *p);
/* Works off what waits, then ends the threads. */
void pool_close(struct pool *p);

/* A thread in which all signals are blocked: they are the main thread's business. */
int thread_start(pthread_t *ret, void *(*fn)(void *), void *arg);

#endif
