/* SPDX-License-Identifier: BSD-2-Clause */
/* How does the server begin and end? */
#include "issuer/http.h"
#include <openssl/err.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include "issuer/http_conn.h"
#include "lib/err.h"

#define WORKERS 8
#define GREETERS 2
#define LOOPS_MAX 16
#define WORKERS_MAX 256
#define DESCRIPTORS_OTHERS 64           /* of databases, logs and the like */

int64_t http_micros(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

const char *http_via_name(enum http_via via)
{
        static const char *const names[] = { [HTTP_TLS] = "tls", [HTTP_PLAIN] = "plain", [HTTP_UNIX] = "unix" };

        return names[via];
}

void http_memory_hold(struct http_server *s, struct http_exchange *x, size_t n)
{
        atomic_fetch_add(&s->memory, n);
        x->memory += n;
        metrics_move(s->o.metrics, METRIC_BODY_MEMORY, NULL, (int64_t)n);
}

bool http_memory_take(struct http_server *s, struct http_exchange *x, size_t n)
{
        if (atomic_load(&s->memory) + n > s->limits.memory)
                return false;
        http_memory_hold(s, x, n);
        return true;
}

void http_memory_release(struct http_server *s, struct http_exchange *x)
{
        if (x->memory == 0)
                return;
        atomic_fetch_sub(&s->memory, x->memory);
        metrics_move(s->o.metrics, METRIC_BODY_MEMORY, NULL, -(int64_t)x->memory);
        x->memory = 0;
}

static void limit(unsigned *what, unsigned otherwise)
{
        if (*what == 0)
                *what = otherwise;
}

/* As many connections as there may be descriptors, and not more. */
static void fill_limits(struct http_limits *l)
{
        struct rlimit files;

        limit(&l->connections, 4096);
        limit(&l->connections_per_address, 256);
        limit(&l->queue, 256);
        limit(&l->handshake_ms, 10000);
        limit(&l->head_ms, 10000);
        limit(&l->body_ms, 30000);
        limit(&l->idle_ms, 75000);
        limit(&l->write_ms, 30000);
        if (l->memory == 0)
                l->memory = (size_t)256 << 20;
        if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur != RLIM_INFINITY && files.rlim_cur < (rlim_t)l->connections + DESCRIPTORS_OTHERS)
                l->connections = files.rlim_cur > 2 * DESCRIPTORS_OTHERS ? (unsigned)files.rlim_cur - DESCRIPTORS_OTHERS : DESCRIPTORS_OTHERS;
}

static int open_listeners(struct http_server *s)
{
        int r = 0;

        s->listeners = calloc(s->o.listen_n, sizeof(*s->listeners));
        if (s->listeners == NULL)
                return err(ERR_NOMEM, "out of memory");
        while (r == 0 && s->listeners_n < s->o.listen_n) {
                const struct http_listen *where = &s->o.listen[s->listeners_n];

                if (where->via == HTTP_TLS && s->tls == NULL)
                        r = http_tls_context(&s->o, s->o.identity, s->tickets, &s->tls);
                if (r == 0)
                        r = http_listener_open(where, &s->listeners[s->listeners_n]);
                if (r == 0)
                        s->listeners_n++;
        }
        return r;
}

static int open_threads(struct http_server *s)
{
        size_t loops = s->o.loops;
        int r = pool_open(s->o.workers, http_work, &s->workers);

        if (r == 0)
                r = pool_open(GREETERS, http_greet, &s->greeters);
        s->loops = calloc(loops, sizeof(*s->loops));
        if (s->loops == NULL)
                return err(ERR_NOMEM, "out of memory");
        while (r == 0 && s->loops_n < loops)
                r = http_loop_open(s, &s->loops[s->loops_n++]);
        return r;
}

int http_server_open(const struct http_server_options *o, struct http_server **ret)
{
        struct http_server *s = calloc(1, sizeof(*s));
        int r;

        if (s == NULL)
                return err(ERR_NOMEM, "out of memory");
        s->o = *o;
        s->limits = o->limits;
        fill_limits(&s->limits);
        limit(&s->o.workers, WORKERS);
        limit(&s->o.loops, 1);
        pthread_mutex_init(&s->tls_lock, NULL);
        if (o->listen_n == 0 || o->handler == NULL || s->o.workers > WORKERS_MAX || s->o.loops > LOOPS_MAX)
                r = err(ERR_INVAL, "a server needs a handler, an address, at most %d workers and %d loops", WORKERS_MAX, LOOPS_MAX);
        else
                r = http_tickets_new(&s->tickets);
        if (r == 0)
                r = census_new(s->limits.connections, s->limits.connections_per_address, &s->census);
        if (r == 0)
                r = open_listeners(s);
        if (r == 0)
                r = open_threads(s);
        if (r != 0) {
                http_server_close(s, 0);
                return r;
        }
        *ret = s;
        return 0;
}

unsigned http_server_port(const struct http_server *s, size_t i)
{
        return s->listeners[i].port;
}

int http_server_identity(struct http_server *s, const struct http_identity *identity)
{
        SSL_CTX *fresh = NULL, *old;
        int r = http_tls_context(&s->o, identity, s->tickets, &fresh);

        if (r != 0)
                return r;
        pthread_mutex_lock(&s->tls_lock);
        old = s->tls;
        s->tls = fresh;
        pthread_mutex_unlock(&s->tls_lock);
        SSL_CTX_free(old);
        return 0;
}

void http_server_close(struct http_server *s, unsigned grace_ms)
{
        if (s == NULL)
                return;
        atomic_store(&s->grace_ms, grace_ms);
        atomic_store(&s->stopping, true);
        for (size_t i = 0; i < s->listeners_n; i++)
                shutdown(s->listeners[i].fd, SHUT_RDWR);
        for (size_t i = 0; i < s->loops_n; i++)
                if (s->loops[i].running)
                        http_loop_wake(&s->loops[i]);
        for (size_t i = 0; i < s->loops_n; i++)
                if (s->loops[i].running)
                        pthread_join(s->loops[i].thread, NULL);
        /* Whoever gave the last connection back is through with its loop only then. */
        pool_close(s->greeters);
        pool_close(s->workers);
        for (size_t i = 0; i < s->loops_n; i++)
                http_loop_close(&s->loops[i]);
        free(s->loops);
        for (size_t i = 0; i < s->listeners_n; i++)
                http_listener_close(&s->listeners[i]);
        free(s->listeners);
        SSL_CTX_free(s->tls);
        http_tickets_free(s->tickets);
        census_free(s->census);
        pthread_mutex_destroy(&s->tls_lock);
        free(s);
}
