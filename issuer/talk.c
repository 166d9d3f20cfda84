/* SPDX-License-Identifier: BSD-2-Clause */
/* What was said on this connection that the next request may refer to? */
#include "issuer/talk.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "lib/crypto.h"
#include "lib/err.h"

struct talk {
        pthread_mutex_t lock;           /* a connection has one request at a time; that a nonce is good once does not hang on that */
        bool nonce, join;               /* which of them there is */
        uint64_t nonce_until, join_until;
        uint8_t value[TALK_SECRET];
        char host[DB_HOST_MAX + 1];
        struct talk_join joining;
};

void talk_join_clear(struct talk_join *j)
{
        buf_clear(&j->ak_spki);
        buf_clear(&j->ek_spki);
        wipe(j, sizeof(*j));
}

static void talk_free(void *ptr)
{
        struct talk *t = ptr;

        talk_join_clear(&t->joining);
        pthread_mutex_destroy(&t->lock);
        wipe(t, sizeof(*t));
        free(t);
}

struct talk *talk_of(struct http_state *state)
{
        struct talk *t = state->ptr;

        if (t != NULL)
                return t;
        t = calloc(1, sizeof(*t));
        if (t == NULL || pthread_mutex_init(&t->lock, NULL) != 0) {
                free(t);
                return NULL;
        }
        state->ptr = t;
        state->free = talk_free;
        return t;
}

int talk_nonce_new(struct talk *t, const char *host, uint64_t ticks, uint8_t ret[TALK_SECRET])
{
        uint8_t value[TALK_SECRET];
        int r;

        if (strlen(host) > DB_HOST_MAX)
                return err(ERR_FORMAT, "a host's name of more than %d octets", DB_HOST_MAX);
        r = crypto_random(value, sizeof(value));
        if (r != 0)
                return r;
        pthread_mutex_lock(&t->lock);
        memcpy(t->value, value, sizeof(value));
        memcpy(t->host, host, strlen(host) + 1);
        t->nonce_until = ticks + TALK_SECONDS;
        t->nonce = true;
        pthread_mutex_unlock(&t->lock);
        memcpy(ret, value, sizeof(value));
        return 0;
}

int talk_nonce_take(struct talk *t, const char *host, uint64_t ticks, uint8_t ret[TALK_SECRET])
{
        bool there, late, foreign;

        pthread_mutex_lock(&t->lock);
        there = t->nonce;
        late = ticks >= t->nonce_until;
        foreign = strcmp(t->host, host) != 0;
        t->nonce = false;
        if (there && !late && !foreign)
                memcpy(ret, t->value, TALK_SECRET);
        wipe(t->value, sizeof(t->value));
        pthread_mutex_unlock(&t->lock);
        if (!there)
                return err(ERR_NOENT, "there is no nonce on this connection, or it was used");
        if (late)
                return err(ERR_STALE, "the nonce has ended");
        return foreign ? err(ERR_FOREIGN, "the nonce was for another host") : 0;
}

void talk_join_put(struct talk *t, struct talk_join *j, uint64_t ticks)
{
        pthread_mutex_lock(&t->lock);
        talk_join_clear(&t->joining);
        t->joining = *j;
        t->join_until = ticks + TALK_SECONDS;
        t->join = true;
        pthread_mutex_unlock(&t->lock);
        wipe(j, sizeof(*j));
}

int talk_join_take(struct talk *t, uint64_t ticks, struct talk_join *ret)
{
        bool there, late;

        pthread_mutex_lock(&t->lock);
        there = t->join;
        late = ticks >= t->join_until;
        t->join = false;
        if (there && !late)
                *ret = t->joining;
        else
                talk_join_clear(&t->joining);
        wipe(&t->joining, sizeof(t->joining));
        pthread_mutex_unlock(&t->lock);
        if (!there)
                return err(ERR_NOENT, "there is nothing to answer on this connection, or it was answered");
        return late ? err(ERR_STALE, "the answer comes too late") : 0;
}
