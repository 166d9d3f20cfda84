/* SPDX-License-Identifier: BSD-2-Clause */
/* Which token was issued for that not long ago? */
#include "daemon/tokencache.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "lib/err.h"

struct cached {
        struct buf name, token;
        uint64_t not_after;             /* as the token says */
        uint64_t fresh_ms, end_ms;      /* until when it is given out without need, and at all */
        uint64_t used;                  /* a count: the smallest was used longest ago */
};

struct tokencache {
        pthread_mutex_t lock;
        struct cached list[TOKENCACHE_MAX];
        size_t n;
        uint64_t uses;
};

int tokencache_new(struct tokencache **ret)
{
        struct tokencache *t = calloc(1, sizeof(*t));

        if (t == NULL)
                return err(ERR_NOMEM, "out of memory");
        pthread_mutex_init(&t->lock, NULL);
        *ret = t;
        return 0;
}

static void cached_clear(struct cached *c)
{
        buf_clear(&c->name);
        buf_clear(&c->token);
        *c = (struct cached){ 0 };
}

void tokencache_free(struct tokencache *t)
{
        if (t == NULL)
                return;
        for (size_t i = 0; i < t->n; i++)
                cached_clear(&t->list[i]);
        pthread_mutex_destroy(&t->lock);
        free(t);
}

/* Under the lock. */
static struct cached *find(struct tokencache *t, struct bytes name)
{
        for (size_t i = 0; i < t->n; i++)
                if (bytes_equal(BYTES_OF(&t->list[i].name), name))
                        return &t->list[i];
        return NULL;
}

int tokencache_get(struct tokencache *t, struct bytes name, uint64_t boot_ms, bool stale, struct buf *ret_token, uint64_t *ret_not_after)
{
        struct cached *c;
        int r = ERR_NOENT;

        pthread_mutex_lock(&t->lock);
        c = find(t, name);
        if (c != NULL && boot_ms < (stale ? c->end_ms : c->fresh_ms)) {
                r = buf_set(ret_token, BYTES_OF(&c->token));
                *ret_not_after = c->not_after;
                c->used = ++t->uses;
        }
        pthread_mutex_unlock(&t->lock);
        return r;
}

/* Under the lock: a place for a new one. */
static struct cached *room(struct tokencache *t)
{
        struct cached *oldest = &t->list[0];

        if (t->n < TOKENCACHE_MAX)
                return &t->list[t->n++];
        for (size_t i = 1; i < t->n; i++)
                if (t->list[i].used < oldest->used)
                        oldest = &t->list[i];
        cached_clear(oldest);
        return oldest;
}

int tokencache_put(struct tokencache *t, struct bytes name, uint64_t boot_ms, uint64_t fresh, uint64_t life, struct bytes token, uint64_t not_after)
{
        const uint64_t most = life * 2000 / 3;
        struct cached new = { .not_after = not_after, .fresh_ms = boot_ms + (fresh * 1000 < most ? fresh * 1000 : most), .end_ms = boot_ms + life * 1000 }, *c;
        int r;

        r = buf_set(&new.name, name);
        if (r == 0)
                r = buf_set(&new.token, token);
        if (r != 0) {
                cached_clear(&new);
                return r;
        }
        pthread_mutex_lock(&t->lock);
        c = find(t, name);
        if (c == NULL)
                c = room(t);
        cached_clear(c);
        new.used = ++t->uses;
        *c = new;
        pthread_mutex_unlock(&t->lock);
        return 0;
}

void tokencache_drop(struct tokencache *t, struct bytes beginning)
{
        pthread_mutex_lock(&t->lock);
        for (size_t i = t->n; i-- > 0;) {
                struct cached *c = &t->list[i], *last;

                if (c->name.len < beginning.len || memcmp(c->name.ptr, beginning.ptr, beginning.len) != 0)
                        continue;
                cached_clear(c);
                last = &t->list[--t->n];
                if (last != c)
                        *c = *last;
                *last = (struct cached){ 0 };
        }
        pthread_mutex_unlock(&t->lock);
}
