/* SPDX-License-Identifier: BSD-2-Clause */
/* Who keeps what an issuer gave from ending? */
#include "daemon/renew.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "daemon/renewing.h"
#include "daemon/self.h"
#include "lib/err.h"

#define STACK_SIZE (512u * 1024)
#define NAP_MS 30000            /* at most: what slept, suspended, is late by no more */
#define GIVE_WAY_MS 20
#define IDLE_MS 2000            /* for a shorter pause the connection to the issuer stays */

/* With lock held: what is due first. *ret_key NULL: the join is. Milliseconds until then. */
static uint64_t first_due(struct renewer *r, struct enrolled **ret_key)
{
        struct schedule_now now;
        uint64_t first;

        schedule_now(&now);
        *ret_key = NULL;
        first = r->joined.carried ? UINT64_MAX : schedule_wait(&r->join_plan, &now);
        for (struct enrolled *x = r->list; renew_active(r) && first > 0 && x != NULL; x = x->next) {
                uint64_t wait = x->e.carried ? UINT64_MAX : schedule_wait(&x->plan, &now);

                if (wait < first) {
                        first = wait;
                        *ret_key = x;
                }
        }
        return first;
}

static void nap(struct renewer *r, uint64_t ms)
{
        struct timespec until;

        if (ms > NAP_MS)
                ms = NAP_MS;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += (time_t)(ms / 1000);
        until.tv_nsec += (long)(ms % 1000) * 1000000;
        if (until.tv_nsec >= 1000000000) {
                until.tv_sec++;
                until.tv_nsec -= 1000000000;
        }
        pthread_cond_timedwait(&r->wake, &r->lock, &until);
}

/* A mutex goes again to the one that has just let it go, and with an issuer that hangs each turn of the renewer's is long: others have theirs between two. */
void renew_talk(struct renewer *r)
{
        pthread_mutex_lock(&r->lock);
        r->waiting++;
        pthread_mutex_unlock(&r->lock);
        pthread_mutex_lock(&r->talk);
        pthread_mutex_lock(&r->lock);
        r->waiting--;
        pthread_mutex_unlock(&r->lock);
}

/* Without the lock. e: what was due, the join if it is NULL. */
static void serve_due(struct renewer *r, const struct enrolment *e)
{
        pthread_mutex_lock(&r->talk);
        if (e != NULL)
                renew_key_due(r, e);
        else
                renew_join_due(r);
        pthread_mutex_unlock(&r->talk);
}

/* Whoever speaks now keeps the connection. */
static void rest(struct renewer *r)
{
        if (pthread_mutex_trylock(&r->talk) != 0)
                return;
        client_rest(r->client);
        renew_forget_gone(r);
        pthread_mutex_unlock(&r->talk);
}

/* With lock held, which is let go meanwhile. */
static void wait_idle(struct renewer *r, uint64_t ms)
{
        nap(r, ms);
        if (ms < IDLE_MS)
                return;
        pthread_mutex_unlock(&r->lock);
        rest(r);
        pthread_mutex_lock(&r->lock);
}

static void *renewer_thread(void *arg)
{
        struct renewer *r = arg;

        pthread_mutex_lock(&r->lock);
        while (!r->ending) {
                CLEANUP(enrolment_clear) struct enrolment e = { 0 };
                struct enrolled *key;
                uint64_t wait = first_due(r, &key);

                if (wait == 0 && key != NULL && enrolment_copy(&key->e, &e) != 0)
                        wait = IDLE_MS;
                if (wait > 0) {
                        wait_idle(r, wait);
                        continue;
                }
                if (r->waiting > 0)
                        nap(r, GIVE_WAY_MS);
                pthread_mutex_unlock(&r->lock);
                serve_due(r, key != NULL ? &e : NULL);
                pthread_mutex_lock(&r->lock);
        }
        pthread_mutex_unlock(&r->lock);
        return NULL;
}

static int restored(void *ctx, const struct enrolment *e)
{
        struct renewer *r = ctx;
        struct enrolled *x = calloc(1, sizeof(*x));
        struct schedule_now now;
        int n = x != NULL ? enrolment_copy(e, &x->e) : err(ERR_NOMEM, "out of memory");

        if (n != 0) {
                free(x);
                return n;
        }
        schedule_now(&now);
        schedule_kept(&x->plan, &now, e->not_before, e->renew_after, e->not_after);
        x->next = r->list;
        r->list = x;
        return 0;
}

static int open_files(struct renewer *r)
{
        CLEANUP(buf_clear) struct buf socket = { 0 }, dir = { 0 };
        const struct conf *c = &r->o.core->conf;
        int n = conf_socket_daemon(c, &socket);

        if (n == 0)
                n = conf_beside(c->credentials, buf_str(&socket), CONF_CREDENTIALS, &dir);
        if (n == 0)
                n = credentials_open(r->o.core->keyring, buf_str(&dir), &r->credentials);
        return n == 0 ? credentials_restore(r->credentials, restored, r) : n;
}

static int start_thread(struct renewer *r)
{
        pthread_attr_t attr;
        int n;

        pthread_attr_init(&attr);
        pthread_attr_setstacksize(&attr, STACK_SIZE);
        n = pthread_create(&r->thread, &attr, renewer_thread, r);
        pthread_attr_destroy(&attr);
        return n == 0 ? 0 : err(ERR_NOMEM, "cannot start a thread");
}

int renewer_run(struct renewer *r)
{
        int n = 0;

        if (r->running)
                return 0;
        if (r->credentials == NULL)
                n = open_files(r);
        if (n == 0 && r->cache == NULL)
                n = tokencache_new(&r->cache);
        if (n == 0 && r->tokens == NULL)
                n = token_start(&(struct token_options){ .core = r->o.core, .renewer = r, .listen_fd = r->o.token_fd }, &r->tokens);
        if (n == 0)
                n = start_thread(r);
        r->running = n == 0;
        return n;
}

int renew_open_client(struct renewer *r, const struct joined *j)
{
        struct client *c = NULL, *old;
        int n = join_client(r->o.core, j, &c);

        if (n != 0)
                return n;
        pthread_mutex_lock(&r->lock);
        old = r->client;
        r->client = c;
        /* Who has interrupted us has not seen this one. */
        if (r->ending)
                client_stop(c);
        pthread_mutex_unlock(&r->lock);
        client_free(old);
        return 0;
}

/* The issuer that is configured or remembered. */
static int adopt(struct renewer *r)
{
        struct schedule_now now;
        int n = join_read(r->o.core, &r->joined);

        if (n == 0)
                n = renew_open_client(r, &r->joined);
        if (n != 0)
                return n;
        r->present = true;
        schedule_now(&now);
        if (renew_active(r))
                schedule_kept(&r->join_plan, &now, now.wall, r->joined.ak_renew_after, r->joined.ak_not_after);
        return renewer_run(r);
}

int renewer_start(const struct renewer_options *o, struct renewer **ret)
{
        struct renewer *r = calloc(1, sizeof(*r));
        pthread_condattr_t monotonic;
        int n;

        if (r == NULL)
                return err(ERR_NOMEM, "out of memory");
        r->o = *o;
        self_caller(o->core, NULL, &r->self);
        pthread_mutex_init(&r->talk, NULL);
        pthread_mutex_init(&r->lock, NULL);
        pthread_condattr_init(&monotonic);
        pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
        pthread_cond_init(&r->wake, &monotonic);
        pthread_condattr_destroy(&monotonic);
        n = adopt(r);
        if (n == ERR_NOENT && o->core->conf.issuer_url == NULL)
                n = 0;
        if (n == 0)
                *ret = r;
        else
                renewer_stop(r);
        return n;
}

void renewer_interrupt(struct renewer *r)
{
        if (r == NULL)
                return;
        pthread_mutex_lock(&r->lock);
        r->ending = true;
        if (r->client != NULL)
                client_stop(r->client);
        pthread_cond_broadcast(&r->wake);
        pthread_mutex_unlock(&r->lock);
}

void renewer_stop(struct renewer *r)
{
        if (r == NULL)
                return;
        renewer_interrupt(r);
        token_stop(r->tokens);
        if (r->running)
                pthread_join(r->thread, NULL);
        client_free(r->client);
        tokencache_free(r->cache);
        credentials_close(r->credentials);
        while (r->list != NULL) {
                struct enrolled *x = r->list;

                r->list = x->next;
                enrolment_clear(&x->e);
                free(x);
        }
        joined_clear(&r->joined);
        pthread_cond_destroy(&r->wake);
        pthread_mutex_destroy(&r->lock);
        pthread_mutex_destroy(&r->talk);
        free(r);
}
