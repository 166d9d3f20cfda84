/* SPDX-License-Identifier: BSD-2-Clause */
/* How do orders come in and answers go out? A thread for each of a few connections, so that none waits for another's. */
#include "daemon/operators.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include "daemon/order.h"
#include "daemon/peer.h"
#include "lib/err.h"
#include "lib/file.h"
#include "tpm/clock.h"

#define CONNECTIONS_MAX 32
#define MESSAGE_US 10000000        /* for a message to be there, or to be taken, from its first wait on */
#define STACK_SIZE (512u * 1024)
#define NAP_US 10000

struct connection {
        struct connection *next, **link;
        struct operators *all;
        int fd;
};

struct operators {
        struct operators_options o;
        int wake;
        pthread_t thread;
        pthread_attr_t attr;
        pthread_mutex_t lock;
        pthread_cond_t gone;
        struct connection *list;
        unsigned n;
};

static int wait_for(int fd, short events, uint64_t until_us)
{
        struct pollfd p = { .fd = fd, .events = events };
        int left, n;

        do {
                left = clock_left_ms(until_us);
                n = left > 0 ? poll(&p, 1, left) : 0;
        } while (n < 0 && errno == EINTR);
        return n > 0 ? 0 : err(ERR_TIMEOUT, "the other end says nothing");
}

/* ERR_NOENT: it has hung up. */
static int read_all(int fd, uint8_t *to, size_t len, uint64_t until_us)
{
        while (len > 0) {
                ssize_t n;
                int r = wait_for(fd, POLLIN, until_us);

                if (r != 0)
                        return r;
                n = recv(fd, to, len, MSG_DONTWAIT);
                if (n < 0 && (errno == EINTR || errno == EAGAIN))
                        continue;
                if (n <= 0)
                        return n == 0 ? ERR_NOENT : err_errno("cannot read an order");
                to += n;
                len -= (size_t)n;
        }
        return 0;
}

static int write_all(int fd, const uint8_t *from, size_t len, uint64_t until_us)
{
        while (len > 0) {
                ssize_t n = send(fd, from, len, MSG_NOSIGNAL | MSG_DONTWAIT);

                if (n < 0 && errno == EAGAIN) {
                        int r = wait_for(fd, POLLOUT, until_us);

                        if (r != 0)
                                return r;
                        continue;
                }
                if (n < 0 && errno != EINTR)
                        return err_errno("cannot answer an order");
                if (n > 0) {
                        from += n;
                        len -= (size_t)n;
                }
        }
        return 0;
}

static int read_message(int fd, struct buf *ret)
{
        uint64_t until_us = clock_us() + MESSAGE_US;
        uint8_t head[4];
        size_t len;
        int r;

        r = read_all(fd, head, sizeof(head), until_us);
        if (r != 0)
                return r;
        len = (size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
        if (len == 0 || len > ORDER_MAX)
                return err(ERR_FORMAT, "an order has 1 to %d octets", ORDER_MAX);
        buf_reset(ret);
        r = buf_reserve(ret, len);
        if (r == 0)
                r = read_all(fd, ret->ptr, len, until_us);
        if (r == 0)
                ret->len = len;
        return r;
}

static int write_message(int fd, struct bytes reply)
{
        CLEANUP(buf_clear) struct buf b = { 0 };
        int r;

        r = buf_append_u32(&b, (uint32_t)reply.len);
        if (r == 0)
                r = buf_append(&b, reply.ptr, reply.len);
        return r == 0 ? write_all(fd, b.ptr, b.len, clock_us() + MESSAGE_US) : r;
}

static void connection_free(struct connection *c)
{
        struct operators *o = c->all;

        pthread_mutex_lock(&o->lock);
        *c->link = c->next;
        if (c->next != NULL)
                c->next->link = c->link;
        o->n--;
        close(c->fd);
        pthread_cond_broadcast(&o->gone);
        pthread_mutex_unlock(&o->lock);
        free(c);
}

static void *connection_run(void *arg)
{
        CLEANUP(peer_clear) struct peer peer = { .pidfd = -1 };
        CLEANUP(buf_clear) struct buf request = { 0 };
        struct connection *c = arg;
        int r;

        /* Who cannot be known cannot be told to the log. */
        r = peer_of_socket(c->fd, &peer);
        while (r == 0) {
                CLEANUP(buf_clear) struct buf reply = { 0 };

                r = read_message(c->fd, &request);
                if (r == 0)
                        r = order_answer(c->all->o.core, &peer, BYTES_OF(&request), &reply);
                if (r == 0)
                        r = write_message(c->fd, BYTES_OF(&reply));
        }
        connection_free(c);
        return NULL;
}

/* Under the lock. */
static struct connection *connection_new(struct operators *o, int fd)
{
        struct connection *c = o->n < CONNECTIONS_MAX ? calloc(1, sizeof(*c)) : NULL;

        if (c == NULL)
                return NULL;
        *c = (struct connection){ .next = o->list, .link = &o->list, .all = o, .fd = fd };
        if (o->list != NULL)
                o->list->link = &c->next;
        o->list = c;
        o->n++;
        return c;
}

static void accept_one(struct operators *o)
{
        struct connection *c;
        pthread_t t;
        int fd;

        fd = accept4(o->o.listen_fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0) {
                /* Without descriptors or memory the queue stays as it is, and would wake us again at once. */
                if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
                        usleep(NAP_US);
                return;
        }
        pthread_mutex_lock(&o->lock);
        c = connection_new(o, fd);
        pthread_mutex_unlock(&o->lock);
        if (c == NULL)
                close(fd);
        else if (pthread_create(&t, &o->attr, connection_run, c) != 0)
                connection_free(c);
}

static void *operators_run(void *arg)
{
        struct operators *o = arg;
        struct pollfd p[] = { { .fd = o->wake, .events = POLLIN }, { .fd = o->o.listen_fd, .events = POLLIN } };

        for (;;) {
                if (poll(p, ARRAY_LEN(p), -1) <= 0)
                        continue;
                if (p[0].revents != 0)
                        return NULL;
                accept_one(o);
        }
}

static void operators_free(struct operators *o)
{
        close_fd(&o->wake);
        pthread_attr_destroy(&o->attr);
        pthread_cond_destroy(&o->gone);
        pthread_mutex_destroy(&o->lock);
        free(o);
}

int operators_start(const struct operators_options *options, struct operators **ret)
{
        struct operators *o = calloc(1, sizeof(*o));
        int r = 0;

        if (o == NULL)
                return err(ERR_NOMEM, "out of memory");
        /* Orders bring PINs. */
        json_set_alloc_funcs(wiping_alloc, wiping_free);
        o->o = *options;
        pthread_mutex_init(&o->lock, NULL);
        pthread_cond_init(&o->gone, NULL);
        pthread_attr_init(&o->attr);
        pthread_attr_setdetachstate(&o->attr, PTHREAD_CREATE_DETACHED);
        pthread_attr_setstacksize(&o->attr, STACK_SIZE);
        o->wake = eventfd(0, EFD_CLOEXEC);
        if (o->wake < 0 || fcntl(o->o.listen_fd, F_SETFL, fcntl(o->o.listen_fd, F_GETFL) | O_NONBLOCK) != 0)
                r = err_errno("cannot watch the operators' socket");
        if (r == 0 && pthread_create(&o->thread, NULL, operators_run, o) != 0)
                r = err(ERR_NOMEM, "cannot start a thread");
        if (r != 0) {
                operators_free(o);
                return r;
        }
        *ret = o;
        return 0;
}

void operators_stop(struct operators *o)
{
        uint64_t one = 1;

        if (o == NULL)
                return;
        while (write(o->wake, &one, sizeof(one)) < 0 && errno == EINTR)
                ;
        pthread_join(o->thread, NULL);
        pthread_mutex_lock(&o->lock);
        /* No more orders; a command to the TPM and an answer that nobody takes end within their deadlines. */
        for (struct connection *c = o->list; c != NULL; c = c->next)
                shutdown(c->fd, SHUT_RD);
        while (o->list != NULL)
                pthread_cond_wait(&o->gone, &o->lock);
        pthread_mutex_unlock(&o->lock);
        operators_free(o);
}
