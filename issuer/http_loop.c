/* SPDX-License-Identifier: BSD-2-Clause */
/* Who waits for sockets, lets clients in, and sees connections to their end? */
#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "issuer/http_conn.h"
#include "lib/err.h"

#define ACCEPTS_MAX 64                  /* then the others have their turn */
#define EVICTABLE_MS 1000               /* whoever waits for longer has to go when somebody new comes to a full house */
#define PAUSE_US 50000                  /* before the next try, where the process has no descriptors left */

static void refused(const struct http_loop *l, const char *why)
{
        metrics_count(l->server->o.metrics, METRIC_REFUSED, why, NULL, 1);
}

/* Whom the server has waited for longest. */
static bool evict(struct http_loop *l)
{
        struct http_conn *c = TAILQ_FIRST(&l->waiting);

        if (c == NULL || http_micros() / 1000 - c->since < EVICTABLE_MS)
                return false;
        refused(l, "connections");
        http_conn_close(c);
        return true;
}

static void let_in(struct http_loop *l, enum http_via via, int fd, const struct sockaddr *from)
{
        struct census_home *home = NULL;
        enum census_answer answer = census_enter(l->server->census, from, &home);

        if (answer == CENSUS_FULL && evict(l))
                answer = census_enter(l->server->census, from, &home);
        if (answer == CENSUS_WELCOME) {
                http_conn_new(l, via, fd, from, home);
                return;
        }
        refused(l, answer == CENSUS_FULL ? "connections" : "address");
        close(fd);
}

static void listen_all(struct http_loop *l, bool on)
{
        for (size_t i = 0; i < l->server->listeners_n; i++) {
                if (on)
                        event_add(&l->entrances[i].event, NULL);
                else
                        event_del(&l->entrances[i].event);
        }
}

static void on_accept(evutil_socket_t fd, short what, void *arg)
{
        static const struct timeval pause = { .tv_usec = PAUSE_US };
        struct http_entrance *e = arg;

        (void)what;
        for (unsigned i = 0; i < ACCEPTS_MAX; i++) {
                struct sockaddr_storage from = { 0 };
                socklen_t len = sizeof(from);
                int client = accept4(fd, (struct sockaddr *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

                if (client >= 0) {
                        let_in(e->loop, e->listener->via, client, (struct sockaddr *)&from);
                } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
                        if (evict(e->loop))
                                continue;
                        listen_all(e->loop, false);
                        evtimer_add(&e->loop->resume, &pause);
                        return;
                } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
                        return;
                }
        }
}

static void on_resume(evutil_socket_t fd, short what, void *arg)
{
        struct http_loop *l = arg;

        (void)fd;
        (void)what;
        if (!l->ending)
                listen_all(l, true);
}

static void for_each(struct http_loop *l, bool (*which)(const struct http_conn *c))
{
        struct http_conn *c = LIST_FIRST(&l->all);

        while (c != NULL) {
                struct http_conn *next = LIST_NEXT(c, among);

                if (which(c))
                        http_conn_close(c);
                c = next;
        }
}

static bool at_home(const struct http_conn *c)
{
        return !c->away;
}

static void on_cut(evutil_socket_t fd, short what, void *arg)
{
        struct http_loop *l = arg;

        (void)fd;
        (void)what;
        l->cutting = true;
        for_each(l, at_home);
}

void http_loop_emptied(struct http_loop *l)
{
        if (l->ending)
                event_base_loopbreak(l->base);
}

static void end(struct http_loop *l)
{
        unsigned ms = atomic_load(&l->server->grace_ms);
        struct timeval grace = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

        l->ending = true;
        listen_all(l, false);
        for_each(l, http_conn_idle);
        evtimer_add(&l->cut, &grace);
        if (LIST_EMPTY(&l->all))
                http_loop_emptied(l);
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
        struct http_loop *l = arg;
        struct pool_job *job;
        uint64_t n;

        (void)what;
        if (read(fd, &n, sizeof(n)) < 0 && errno != EAGAIN)
                return;
        pthread_mutex_lock(&l->lock);
        job = l->back;
        l->back = NULL;
        l->back_last = &l->back;
        pthread_mutex_unlock(&l->lock);
        while (job != NULL) {
                struct pool_job *next = job->next;

                http_conn_back((struct http_conn *)job);
                job = next;
        }
        if (atomic_load(&l->server->stopping) && !l->ending)
                end(l);
}

void http_loop_wake(struct http_loop *l)
{
        uint64_t one = 1;

        while (write(l->wake_fd, &one, sizeof(one)) < 0 && errno == EINTR)
                ;
}

void http_loop_return(struct http_conn *c)
{
        struct http_loop *l = c->loop;
        bool asleep;

        pthread_mutex_lock(&l->lock);
        asleep = l->back == NULL;
        c->job.next = NULL;
        *l->back_last = &c->job;
        l->back_last = &c->job.next;
        pthread_mutex_unlock(&l->lock);
        if (asleep)
                http_loop_wake(l);
}

static void *run(void *arg)
{
        struct http_loop *l = arg;

        event_base_loop(l->base, EVLOOP_NO_EXIT_ON_EMPTY);
        return NULL;
}

static int make_base(struct http_loop *l)
{
        struct event_config *config = event_config_new();

        if (config == NULL)
                return err(ERR_NOMEM, "out of memory");
        /* Only its own thread touches it: others wake it through the descriptor. */
        event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
        l->base = event_base_new_with_config(config);
        event_config_free(config);
        l->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (l->base == NULL || l->wake_fd < 0)
                return err(ERR_NOMEM, "cannot make an event loop");
        return 0;
}

int http_loop_open(struct http_server *s, struct http_loop *l)
{
        int r;

        l->server = s;
        l->wake_fd = -1;
        LIST_INIT(&l->all);
        TAILQ_INIT(&l->waiting);
        pthread_mutex_init(&l->lock, NULL);
        l->back_last = &l->back;
        l->entrances = calloc(s->listeners_n, sizeof(*l->entrances));
        r = l->entrances != NULL ? make_base(l) : err(ERR_NOMEM, "out of memory");
        if (r != 0)
                return r;
        event_assign(&l->wake, l->base, l->wake_fd, EV_READ | EV_PERSIST, on_wake, l);
        evtimer_assign(&l->resume, l->base, on_resume, l);
        evtimer_assign(&l->cut, l->base, on_cut, l);
        event_add(&l->wake, NULL);
        for (size_t i = 0; i < s->listeners_n; i++) {
                l->entrances[i].loop = l;
                l->entrances[i].listener = &s->listeners[i];
                event_assign(&l->entrances[i].event, l->base, s->listeners[i].fd, EV_READ | EV_PERSIST, on_accept, &l->entrances[i]);
        }
        listen_all(l, true);
        r = thread_start(&l->thread, run, l);
        l->running = r == 0;
        return r;
}

void http_loop_close(struct http_loop *l)
{
        if (l->server == NULL)
                return;
        if (l->base != NULL)
                event_base_free(l->base);
        if (l->wake_fd >= 0)
                close(l->wake_fd);
        pthread_mutex_destroy(&l->lock);
        free(l->entrances);
}
