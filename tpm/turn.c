/* SPDX-License-Identifier: BSD-2-Clause */
/* Whose operation is next? */
#include "tpm/turn.h"
#include <time.h>
#include "lib/err.h"
#include "tpm/tpm.h"

/* On the stack of a thread that waits. */
struct turn_wait {
        struct turn_wait *next;
        uint64_t party, round;
        bool mine;
        pthread_cond_t served;
};

static _Thread_local uint64_t on_behalf;

void tpm_on_behalf(const char *who)
{
        uint64_t h = who != NULL ? 14695981039346656037u : 0;

        /* FNV-1a. Two that meet in one number share their turns, and that is all. */
        for (; who != NULL && *who != '\0'; who++)
                h = (h ^ (uint8_t)*who) * 1099511628211u;
        on_behalf = h;
}

void turns_init(struct turns *t)
{
        *t = (struct turns){ 0 };
        pthread_mutex_init(&t->lock, NULL);
        pthread_condattr_init(&t->monotonic);
        pthread_condattr_setclock(&t->monotonic, CLOCK_MONOTONIC);
}

void turns_destroy(struct turns *t)
{
        pthread_condattr_destroy(&t->monotonic);
        pthread_mutex_destroy(&t->lock);
}

/* Under the lock. A party's next turn is in the round after its last one, a newcomer's in the round that is being served. */
static void queue(struct turns *t, struct turn_wait *w)
{
        struct turn_wait **link;

        w->round = t->party == w->party ? t->round + 1 : t->round;
        for (const struct turn_wait *o = t->first; o != NULL; o = o->next)
                if (o->party == w->party)
                        w->round = o->round + 1;
        for (link = &t->first; *link != NULL && (*link)->round <= w->round; link = &(*link)->next)
                ;
        w->next = *link;
        *link = w;
        t->waiting++;
}

/* Under the lock. */
static void leave_queue(struct turns *t, const struct turn_wait *w)
{
        struct turn_wait **link = &t->first;

        while (*link != w)
                link = &(*link)->next;
        *link = w->next;
        t->waiting--;
}

/* Under the lock. */
static bool wait_for_turn(struct turns *t, uint64_t until_us)
{
        const struct timespec ts = { .tv_sec = (time_t)(until_us / 1000000), .tv_nsec = (long)(until_us % 1000000) * 1000 };
        struct turn_wait w = { .party = on_behalf };
        int e = 0;

        pthread_cond_init(&w.served, &t->monotonic);
        queue(t, &w);
        while (!w.mine && e == 0)
                e = pthread_cond_timedwait(&w.served, &t->lock, &ts);
        if (!w.mine)
                leave_queue(t, &w);
        pthread_cond_destroy(&w.served);
        return w.mine;
}

int turn_take(struct turns *t, uint64_t until_us)
{
        bool mine = true;

        pthread_mutex_lock(&t->lock);
        if (t->busy) {
                mine = wait_for_turn(t, until_us);
        } else {
                t->busy = true;
                t->party = on_behalf;
        }
        pthread_mutex_unlock(&t->lock);
        return mine ? 0 : err(ERR_TIMEOUT, "other threads kept the TPM busy all the time");
}

void turn_give(struct turns *t)
{
        struct turn_wait *next;

        pthread_mutex_lock(&t->lock);
        next = t->first;
        t->busy = next != NULL;
        if (next != NULL) {
                t->first = next->next;
                t->waiting--;
                t->party = next->party;
                t->round = next->round;
                next->mine = true;
                pthread_cond_signal(&next->served);
        }
        pthread_mutex_unlock(&t->lock);
}

unsigned turn_waiting(struct turns *t)
{
        unsigned n;

        pthread_mutex_lock(&t->lock);
        n = t->waiting;
        pthread_mutex_unlock(&t->lock);
        return n;
}
