/* SPDX-License-Identifier: BSD-2-Clause */
/* How do thousands of connections share one process, and what does each of them get? A silent one is a descriptor and a few octets; one
 * that speaks gets a thread, which libp11-kit's server then runs our function list in. */
#define P11_KIT_FUTURE_UNSTABLE_API
#include <p11-kit/remote.h>
#include "daemon/serve.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "daemon/peer.h"
#include "lib/err.h"
#include "lib/file.h"
#include "pkcs11/call.h"

#define STACK_SIZE (256u * 1024)        /* the serve tests do with a quarter of it */
#define NAP_US 10000
#define EVENTS 64

struct connection {
        struct connection *next, **link;
        struct server *server;
        int fd;
        uid_t uid;
        bool speaking;                  /* it has a thread */
};

struct server {
        struct serve_options o;
        CK_FUNCTION_LIST *functions;
        int epoll, wake;
        pthread_t thread;
        pthread_attr_t attr;
        pthread_mutex_t lock;
        pthread_cond_t gone;            /* a connection has ended */
        struct connection *all;
        struct serve_counts counts;
};

/* Under the lock. */
static unsigned of_uid(const struct server *s, uid_t uid)
{
        unsigned n = 0;

        for (const struct connection *c = s->all; c != NULL; c = c->next)
                n += c->uid == uid;
        return n;
}

static void connection_free(struct connection *c)
{
        struct server *s = c->server;

        pthread_mutex_lock(&s->lock);
        *c->link = c->next;
        if (c->next != NULL)
                c->next->link = c->link;
        if (c->speaking)
                s->counts.served--;
        else
                s->counts.silent--;
        pthread_cond_broadcast(&s->gone);
        pthread_mutex_unlock(&s->lock);
        close(c->fd);
        free(c);
}

static void serve_peer(struct connection *c, const struct peer *p)
{
        const struct server *s = c->server;
        const struct host host = {
                .keyring = s->o.keyring,
                .caller = { .judge = &policy_judge, .policy = s->o.policy, .record = s->o.record, .log = s->o.log, .peer = p, .peer_check = peer_check },
        };

        call_serve_begin(&host);
        p11_kit_remote_serve_module(s->functions, c->fd, c->fd);
        /* A client that was killed has sent no C_Finalize. */
        call_serve_end();
}

static void *connection_run(void *arg)
{
        CLEANUP(peer_clear) struct peer peer = { .pidfd = -1 };
        struct connection *c = arg;

        /* Who cannot be known is not served. */
        if (peer_of_socket(c->fd, &peer) == 0)
                serve_peer(c, &peer);
        connection_free(c);
        return NULL;
}

static bool admit(struct server *s, uid_t uid)
{
        return s->counts.silent + s->counts.served < s->o.max && of_uid(s, uid) < s->o.max_per_uid;
}

/* Under the lock. */
static struct connection *connection_new(struct server *s, int fd, uid_t uid)
{
        struct connection *c = calloc(1, sizeof(*c));

        if (c == NULL)
                return NULL;
        *c = (struct connection){ .next = s->all, .link = &s->all, .server = s, .fd = fd, .uid = uid };
        if (s->all != NULL)
                s->all->link = &c->next;
        s->all = c;
        s->counts.silent++;
        return c;
}

static void accept_one(struct server *s)
{
        struct epoll_event e = { .events = EPOLLIN };
        struct connection *c = NULL;
        struct ucred cred;
        socklen_t len = sizeof(cred);
        int fd;

        fd = accept4(s->o.listen_fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0) {
                /* Without descriptors or memory the queue stays as it is, and would wake us again at once. */
                if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
                        usleep(NAP_US);
                return;
        }
        pthread_mutex_lock(&s->lock);
        s->counts.accepted++;
        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0 && admit(s, cred.uid))
                c = connection_new(s, fd, cred.uid);
        else
                s->counts.refused++;
        pthread_mutex_unlock(&s->lock);
        if (c == NULL) {
                close(fd);
                return;
        }
        e.data.ptr = c;
        if (epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &e) != 0)
                connection_free(c);
}

/* Something has come, or the other end has gone: a thread for it, or nothing more. */
static void wake_up(struct connection *c)
{
        struct server *s = c->server;
        pthread_t t;
        char byte;

        epoll_ctl(s->epoll, EPOLL_CTL_DEL, c->fd, NULL);
        if (recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) != 1) {
                connection_free(c);
                return;
        }
        pthread_mutex_lock(&s->lock);
        c->speaking = true;
        s->counts.silent--;
        s->counts.served++;
        pthread_mutex_unlock(&s->lock);
        if (pthread_create(&t, &s->attr, connection_run, c) != 0)
                connection_free(c);
}

static void *server_run(void *arg)
{
        struct epoll_event events[EVENTS];
        struct server *s = arg;
        int n;

        for (;;) {
                n = epoll_wait(s->epoll, events, EVENTS, -1);
                for (int i = 0; i < n; i++) {
                        if (events[i].data.ptr == &s->wake)
                                return NULL;
                        if (events[i].data.ptr == s)
                                accept_one(s);
                        else
                                wake_up(events[i].data.ptr);
                }
        }
}

static int watch(struct server *s)
{
        struct epoll_event listening = { .events = EPOLLIN, .data.ptr = s };
        struct epoll_event wake = { .events = EPOLLIN, .data.ptr = &s->wake };

        /* Who hangs up between the event and accept4() must not make it wait for the next one. */
        if (fcntl(s->o.listen_fd, F_SETFL, fcntl(s->o.listen_fd, F_GETFL) | O_NONBLOCK) != 0)
                return err_errno("cannot watch the socket");
        s->epoll = epoll_create1(EPOLL_CLOEXEC);
        s->wake = eventfd(0, EFD_CLOEXEC);
        if (s->epoll < 0 || s->wake < 0 || epoll_ctl(s->epoll, EPOLL_CTL_ADD, s->o.listen_fd, &listening) != 0 ||
            epoll_ctl(s->epoll, EPOLL_CTL_ADD, s->wake, &wake) != 0)
                return err_errno("cannot watch the socket");
        return 0;
}

static void server_free(struct server *s)
{
        close_fd(&s->epoll);
        close_fd(&s->wake);
        pthread_attr_destroy(&s->attr);
        pthread_cond_destroy(&s->gone);
        pthread_mutex_destroy(&s->lock);
        free(s);
}

int serve_start(const struct serve_options *o, struct server **ret)
{
        struct server *s = calloc(1, sizeof(*s));
        pthread_condattr_t monotonic;
        int r;

        if (s == NULL)
                return err(ERR_NOMEM, "out of memory");
        s->o = *o;
        s->epoll = s->wake = -1;
        C_GetFunctionList(&s->functions);
        pthread_mutex_init(&s->lock, NULL);
        pthread_condattr_init(&monotonic);
        pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
        pthread_cond_init(&s->gone, &monotonic);
        pthread_condattr_destroy(&monotonic);
        pthread_attr_init(&s->attr);
        pthread_attr_setdetachstate(&s->attr, PTHREAD_CREATE_DETACHED);
        pthread_attr_setstacksize(&s->attr, STACK_SIZE);

        r = watch(s);
        if (r == 0 && pthread_create(&s->thread, NULL, server_run, s) != 0)
                r = err(ERR_NOMEM, "cannot start a thread");
        if (r != 0) {
                server_free(s);
                return r;
        }
        *ret = s;
        return 0;
}

/* Under the lock: reading ends, so that what is being done is answered and nothing new begins; or both ends. */
static void shut_all(struct server *s, int how)
{
        for (struct connection *c = s->all; c != NULL; c = c->next)
                shutdown(c->fd, how);
}

/* Nobody but the stopped thread would free it meanwhile. */
static struct connection *first_silent(struct server *s)
{
        struct connection *c;

        pthread_mutex_lock(&s->lock);
        for (c = s->all; c != NULL && c->speaking; c = c->next)
                ;
        pthread_mutex_unlock(&s->lock);
        return c;
}

void serve_stop(struct server *s, unsigned grace_ms)
{
        struct timespec until;
        struct connection *c;
        uint64_t one = 1;

        if (s == NULL)
                return;
        while (write(s->wake, &one, sizeof(one)) < 0 && errno == EINTR)
                ;
        pthread_join(s->thread, NULL);

        while ((c = first_silent(s)) != NULL)
                connection_free(c);
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += grace_ms / 1000;
        until.tv_nsec += (long)(grace_ms % 1000) * 1000000;
        if (until.tv_nsec >= 1000000000) {
                until.tv_sec++;
                until.tv_nsec -= 1000000000;
        }
        pthread_mutex_lock(&s->lock);
        shut_all(s, SHUT_RD);
        while (s->all != NULL && pthread_cond_timedwait(&s->gone, &s->lock, &until) == 0)
                ;
        shut_all(s, SHUT_RDWR);
        /* A command to the TPM ends within its deadline, so this ends too. */
        while (s->all != NULL)
                pthread_cond_wait(&s->gone, &s->lock);
        pthread_mutex_unlock(&s->lock);
        server_free(s);
}

void serve_counts(struct server *s, struct serve_counts *ret)
{
        pthread_mutex_lock(&s->lock);
        *ret = s->counts;
        pthread_mutex_unlock(&s->lock);
}
