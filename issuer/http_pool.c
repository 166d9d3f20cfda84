/* SPDX-License-Identifier: BSD-2-Clause */
/* Who runs what may block? */
#include "issuer/http_pool.h"
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include "lib/err.h"

struct pool {
        pthread_mutex_t lock;
        pthread_cond_t more;
        struct pool_job *first, **last;
        size_t waiting;
        bool ending;
        void (*work)(struct pool_job *job);
        size_t threads_n;
        pthread_t threads[];
};

static struct pool_job *next_job(struct pool *p)
{
        struct pool_job *job;

        pthread_mutex_lock(&p->lock);
        while (p->first == NULL && !p->ending)
                pthread_cond_wait(&p->more, &p->lock);
        job = p->first;
        if (job != NULL) {
                p->first = job->next;
                if (p->first == NULL)
                        p->last = &p->first;
                p->waiting--;
        }
        pthread_mutex_unlock(&p->lock);
        return job;
}

static void *worker(void *arg)
{
        struct pool *p = arg;
        struct pool_job *job;

        while ((job = next_job(p)) != NULL)
                p->work(job);
        return NULL;
}

int thread_start(pthread_t *ret, void *(*fn)(void *), void *arg)
{
        sigset_t all, before;
        int e;

        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        e = pthread_create(ret, NULL, fn, arg);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        return e == 0 ? 0 : err(ERR_NOMEM, "cannot start a thread: %s", strerror(e));
}

int pool_open(size_t threads, void (*work)(struct pool_job *job), struct pool **ret)
{
        struct pool *p = calloc(1, sizeof(*p) + threads * sizeof(p->threads[0]));
        int r = 0;

        if (p == NULL)
                return err(ERR_NOMEM, "out of memory");
        pthread_mutex_init(&p->lock, NULL);
        pthread_cond_init(&p->more, NULL);
        p->last = &p->first;
        p->work = work;
        while (r == 0 && p->threads_n < threads) {
                r = thread_start(&p->threads[p->threads_n], worker, p);
                if (r == 0)
                        p->threads_n++;
        }
        if (r != 0) {
                pool_close(p);
                return r;
        }
        *ret = p;
        return 0;
}

bool pool_submit(struct pool *p, struct pool_job *job, size_t max)
{
        bool taken;

        pthread_mutex_lock(&p->lock);
        taken = p->waiting < max;
        if (taken) {
                job->next = NULL;
                *p->last = job;
                p->last = &job->next;
                p->waiting++;
                pthread_cond_signal(&p->more);
        }
        pthread_mutex_unlock(&p->lock);
        return taken;
}

size_t pool_waiting(struct pool *p)
{
        size_t n;

        pthread_mutex_lock(&p->lock);
        n = p->waiting;
        pthread_mutex_unlock(&p->lock);
        return n;
}

void pool_close(struct pool *p)
{
        if (p == NULL)
                return;
        pthread_mutex_lock(&p->lock);
        p->ending = true;
        pthread_cond_broadcast(&p->more);
        pthread_mutex_unlock(&p->lock);
        for (size_t i = 0; i < p->threads_n; i++)
                pthread_join(p->threads[i], NULL);
        pthread_cond_destroy(&p->more);
        pthread_mutex_destroy(&p->lock);
        free(p);
}
