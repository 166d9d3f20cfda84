/* SPDX-License-Identifier: BSD-2-Clause */
/* How do thousands of connections share one process, and what does each of them get? One that has sent no whole header yet is a descriptor
 * and a few octets; one that speaks gets a thread, on which each of its requests runs. */
#include "daemon/serve.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#include "daemon/frame.h"
#include "daemon/peer.h"
#include "lib/err.h"
#include "lib/file.h"
#include "pkcs11/call.h"
#include "tpm/clock.h"

#define STACK_SIZE (256u * 1024)        /* the serve tests do with a quarter of it */
#define NAP_US 10000
#define EVENTS 64
#define USERS 256                       /* buckets */
#define LOOKS 4                         /* for those that have stopped, in the time after which they are cut off */

/* Who has connections. */
struct user {
        struct user *next;
        uid_t uid;
        unsigned connections;
};

struct connection {
        struct connection *next, **link;
        struct server *server;
        struct user *user;
        int fd;
        struct peer_glimpse glimpse;    /* of who connected */
        bool greeted;                   /* the version octets have gone both ways */
        bool speaking;                  /* it has a thread */
        uint64_t begun_us;              /* part of a header is there since then; 0: nothing is */
};

struct server {
        struct serve_options o;
        CK_FUNCTION_LIST *functions;
        int epoll, wake;
        pthread_t thread;
        pthread_attr_t attr;
        unsigned begun;                 /* silent connections that have begun a header, and when they were looked at: the thread's own */
        uint64_t looked_us;
        pthread_mutex_t lock;           /* holds what follows */
        pthread_cond_t gone;            /* a connection has ended */
        struct connection *all;
        struct user *users[USERS];
        struct serve_counts counts;
};

/* Under the lock. NULL without memory. */
static struct user *user_of(struct server *s, uid_t uid)
{
        struct user **bucket = &s->users[uid % USERS], *u;

        for (u = *bucket; u != NULL && u->uid != uid; u = u->next)
                ;
        if (u != NULL)
                return u;
        u = calloc(1, sizeof(*u));
        if (u == NULL)
                return NULL;
        *u = (struct user){ .next = *bucket, .uid = uid };
        *bucket = u;
        return u;
}

/* Under the lock: one connection fewer, and nothing is kept of who has none. */
static void user_leave(struct server *s, struct user *u)
{
        struct user **link = &s->users[u->uid % USERS];

        if (--u->connections > 0)
                return;
        while (*link != u)
                link = &(*link)->next;
        *link = u->next;
        free(u);
}

/* Under the lock. */
static void unlink_connection(struct connection *c)
{
        struct server *s = c->server;

        *c->link = c->next;
        if (c->next != NULL)
                c->next->link = c->link;
        if (c->speaking)
                s->counts.served--;
        else
                s->counts.silent--;
        user_leave(s, c->user);
        pthread_cond_broadcast(&s->gone);
}

static void connection_free(struct connection *c)
{
        struct server *s = c->server;

        pthread_mutex_lock(&s->lock);
        unlink_connection(c);
        pthread_mutex_unlock(&s->lock);
        close(c->fd);
        free(c);
}

/* What is not answered within the time is not waited for. */
static int set_limits(const struct server *s, int fd)
{
        const struct timeval t = { .tv_sec = s->o.stall_ms / 1000, .tv_usec = (suseconds_t)(s->o.stall_ms % 1000) * 1000 };

        if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t)) != 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t)) != 0)
                return err_errno("cannot limit how long a connection may stop");
        return 0;
}

static void serve_peer(struct connection *c, const struct peer *p)
{
        const struct server *s = c->server;
        const struct host host = {
                .keyring = s->o.keyring,
                .caller = { .judge = &policy_judge, .policy = s->o.policy, .record = s->o.record, .log = s->o.log, .peer = p, .peer_check = peer_check },
        };
        struct frames f;

        if (set_limits(s, c->fd) != 0 || frames_open(&f) != 0)
                return;
        call_serve_begin(&host);
        while (frames_serve(&f, c->fd, s->functions) == 0)
                ;
        /* A client that was killed has sent no C_Finalize. */
        call_serve_end();
        frames_close(&f);
}

static void *connection_run(void *arg)
{
        CLEANUP(peer_clear) struct peer peer = { .pidfd = -1 };
        struct connection *c = arg;

        /* Who cannot be known, or is not any more who connected, is not served. */
        if (peer_of_socket(c->fd, &peer) == 0 && peer_is(&peer, &c->glimpse))
                serve_peer(c, &peer);
        connection_free(c);
        return NULL;
}

/* Under the lock. NULL: there are too many. */
static struct connection *connection_new(struct server *s, int fd, uid_t uid)
{
        struct connection *c = NULL;
        struct user *u;

        u = s->counts.silent + s->counts.served < s->o.max ? user_of(s, uid) : NULL;
        if (u == NULL)
                return NULL;
        u->connections++;
        if (u->connections <= s->o.max_per_uid)
                c = calloc(1, sizeof(*c));
        if (c == NULL) {
                user_leave(s, u);
                return NULL;
        }
        *c = (struct connection){ .next = s->all, .link = &s->all, .server = s, .user = u, .fd = fd };
        if (s->all != NULL)
                s->all->link = &c->next;
        s->all = c;
        s->counts.silent++;
        return c;
}

static void accept_one(struct server *s)
{
        struct epoll_event e = { .events = EPOLLIN | EPOLLRDHUP | EPOLLET };
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
        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0)
                c = connection_new(s, fd, cred.uid);
        if (c == NULL)
                s->counts.refused++;
        pthread_mutex_unlock(&s->lock);
        if (c == NULL) {
                close(fd);
                return;
        }
        peer_glimpse(cred.pid, &c->glimpse);
        e.data.ptr = c;
        if (epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &e) != 0)
                connection_free(c);
}

/* How much of a header is there, the version octets having gone both ways; -1: that is no client of ours, or it has gone. */
static int look(struct connection *c, uint8_t header[FRAME_HEADER], bool gone)
{
        uint8_t version;
        ssize_t n = 1;

        if (!c->greeted)
                n = recv(c->fd, &version, 1, MSG_DONTWAIT);
        if (!c->greeted && n == 1) {
                if (version != FRAME_VERSION || send(c->fd, &version, 1, MSG_DONTWAIT | MSG_NOSIGNAL) != 1)
                        return -1;
                c->greeted = true;
        }
        if (c->greeted)
                n = recv(c->fd, header, FRAME_HEADER, MSG_PEEK | MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN && !gone)
                return 0;
        return n > 0 && (n == FRAME_HEADER || !gone) ? (int)n : -1;
}

static void give_thread(struct connection *c)
{
        struct server *s = c->server;
        pthread_t t;

        epoll_ctl(s->epoll, EPOLL_CTL_DEL, c->fd, NULL);
        pthread_mutex_lock(&s->lock);
        c->speaking = true;
        s->counts.silent--;
        s->counts.served++;
        pthread_mutex_unlock(&s->lock);
        if (pthread_create(&t, &s->attr, connection_run, c) != 0)
                connection_free(c);
}

/* Something has come, or the other end has gone: a thread for a whole header, patience for a part of one, else nothing more. */
static void wake_up(struct connection *c, bool gone)
{
        struct server *s = c->server;
        uint8_t header[FRAME_HEADER];
        int n = look(c, header, gone);
        size_t len;

        if (n == FRAME_HEADER && frame_length(header, &len) != 0)
                n = -1;
        if (n > 0 && n < FRAME_HEADER && c->begun_us == 0) {
                c->begun_us = clock_us();
                s->begun++;
        } else if ((n < 0 || n == FRAME_HEADER) && c->begun_us != 0) {
                s->begun--;
        }
        if (n < 0)
                connection_free(c);
        else if (n == FRAME_HEADER)
                give_thread(c);
}

/* Ends the silent connections that have begun a header before then. Nobody but the server's thread, or who has stopped it, would free one
 * meanwhile. */
static void end_silent(struct server *s, uint64_t begun_before_us, bool all)
{
        struct connection *c, *next, *dead = NULL;

        pthread_mutex_lock(&s->lock);
        for (c = s->all; c != NULL; c = next) {
                next = c->next;
                if (c->speaking || !(all || (c->begun_us != 0 && c->begun_us < begun_before_us)))
                        continue;
                unlink_connection(c);
                s->begun -= c->begun_us != 0;
                c->next = dead;
                dead = c;
        }
        pthread_mutex_unlock(&s->lock);
        while ((c = dead) != NULL) {
                dead = c->next;
                close(c->fd);
                free(c);
        }
}

/* Those that have stopped in the middle of a header. */
static void end_stopped(struct server *s)
{
        uint64_t now = clock_us(), limit = (uint64_t)s->o.stall_ms * 1000;

        if (s->begun == 0 || now - s->looked_us < limit / LOOKS)
                return;
        s->looked_us = now;
        end_silent(s, now > limit ? now - limit : 0, false);
}

static void *server_run(void *arg)
{
        struct epoll_event events[EVENTS];
        struct server *s = arg;
        int n;

        for (;;) {
                n = epoll_wait(s->epoll, events, EVENTS, s->begun > 0 ? (int)(s->o.stall_ms / LOOKS) + 1 : -1);
                for (int i = 0; i < n; i++) {
                        if (events[i].data.ptr == &s->wake)
                                return NULL;
                        if (events[i].data.ptr == s)
                                accept_one(s);
                        else
                                wake_up(events[i].data.ptr, (events[i].events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0);
                }
                end_stopped(s);
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
        if (s->o.stall_ms == 0)
                s->o.stall_ms = SERVE_STALL_MS;
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

void serve_stop(struct server *s, unsigned grace_ms)
{
        struct timespec until;
        uint64_t one = 1;

        if (s == NULL)
                return;
        while (write(s->wake, &one, sizeof(one)) < 0 && errno == EINTR)
                ;
        pthread_join(s->thread, NULL);

        end_silent(s, 0, true);
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
