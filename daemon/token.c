/* SPDX-License-Identifier: BSD-2-Clause */
/* Who asks for a token, and may have it? A thread for each of a few connections. */
#include "daemon/token.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include "daemon/listen.h"
#include "daemon/peer.h"
#include "daemon/token_answer.h"
#include "daemon/token_request.h"
#include "lib/err.h"
#include "lib/file.h"
#include "tpm/clock.h"

#define SOCKET_MODE 0666                /* the kernel says who has connected; rules decide */
#define CONNECTIONS_MAX 64
#define CONNECTIONS_PER_USER 16
#define REQUEST_US 10000000             /* for a request to be there from its first octet on, and for an answer to be taken */
#define SILENCE_US 30000000             /* between two of them */
#define STACK_SIZE (512u * 1024)
#define NAP_US 10000

struct connection {
        struct connection *next, **link;
        struct token_server *server;
        int fd;
        uid_t uid;
        struct peer_glimpse glimpse;    /* of who connected */
};

struct token_server {
        struct token_options o;
        struct listener listener;       /* of our own */
        int wake;
        pthread_t thread;
        pthread_attr_t attr;
        pthread_mutex_t lock;           /* holds what follows */
        pthread_cond_t gone;
        struct connection *list;
        unsigned n;
};

/* ERR_NOENT: the other end has hung up, or says nothing any more. */
static int wait_for(int fd, short events, uint64_t until_us)
{
        struct pollfd p = { .fd = fd, .events = events };
        int left, n;

        do {
                left = clock_left_ms(until_us);
                n = left > 0 ? poll(&p, 1, left) : 0;
        } while (n < 0 && errno == EINTR);
        return n > 0 ? 0 : ERR_NOENT;
}

/* Until a whole head is there; what has come behind it stays for the next. */
static int read_head(int fd, struct buf *in, size_t *ret_len)
{
        uint64_t until = clock_us() + (in->len > 0 ? REQUEST_US : SILENCE_US);

        while ((*ret_len = token_request_end(BYTES_OF(in))) == 0) {
                ssize_t n;

                if (in->len >= TOKEN_REQUEST_MAX)
                        return ERR_RANGE;
                if (buf_reserve(in, TOKEN_REQUEST_MAX) != 0 || wait_for(fd, POLLIN, until) != 0)
                        return ERR_NOENT;
                n = recv(fd, in->ptr + in->len, TOKEN_REQUEST_MAX - in->len, MSG_DONTWAIT);
                if (n < 0 && (errno == EAGAIN || errno == EINTR))
                        continue;
                if (n <= 0)
                        return ERR_NOENT;
                if (in->len == 0)
                        until = clock_us() + REQUEST_US;
                in->len += (size_t)n;
        }
        return 0;
}

static int write_all(int fd, struct bytes out)
{
        uint64_t until = clock_us() + REQUEST_US;

        while (out.len > 0) {
                ssize_t n = send(fd, out.ptr, out.len, MSG_NOSIGNAL | MSG_DONTWAIT);

                if (n < 0 && errno == EAGAIN && wait_for(fd, POLLOUT, until) == 0)
                        continue;
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return ERR_NOENT;
                out = BYTES(out.ptr + n, out.len - (size_t)n);
        }
        return 0;
}

static void take_off(struct buf *in, size_t len)
{
        for (size_t i = len; i < in->len; i++)
                in->ptr[i - len] = in->ptr[i];
        in->len -= len;
}

static void serve(struct connection *c, const struct peer *p)
{
        CLEANUP(buf_clear) struct buf in = { 0 }, out = { 0 };
        bool keep = true;

        while (keep) {
                size_t len = 0;
                int r = read_head(c->fd, &in, &len);

                if (r == ERR_NOENT)
                        return;
                buf_reset(&out);
                if (token_answer(c->server->o.core, c->server->o.renewer, p, BYTES(in.ptr, r == 0 ? len : in.len), &out, &keep) != 0 ||
                    write_all(c->fd, BYTES_OF(&out)) != 0)
                        return;
                wipe(out.ptr, out.len);
                take_off(&in, len);
        }
}

static void connection_free(struct connection *c)
{
        struct token_server *s = c->server;

        pthread_mutex_lock(&s->lock);
        *c->link = c->next;
        if (c->next != NULL)
                c->next->link = c->link;
        s->n--;
        pthread_cond_broadcast(&s->gone);
        pthread_mutex_unlock(&s->lock);
        close(c->fd);
        free(c);
}

static void *connection_run(void *arg)
{
        CLEANUP(peer_clear) struct peer peer = { .pidfd = -1 };
        struct connection *c = arg;

        /* Who cannot be known, or is not any more who connected, is not served. */
        if (peer_of_socket(c->fd, &peer) == 0 && peer_is(&peer, &c->glimpse))
                serve(c, &peer);
        connection_free(c);
        return NULL;
}

/* Under the lock. NULL: there are too many. */
static struct connection *connection_new(struct token_server *s, int fd, uid_t uid)
{
        unsigned of_user = 0;
        struct connection *c;

        for (c = s->list; c != NULL; c = c->next)
                of_user += c->uid == uid;
        c = s->n < CONNECTIONS_MAX && of_user < CONNECTIONS_PER_USER ? calloc(1, sizeof(*c)) : NULL;
        if (c == NULL)
                return NULL;
        *c = (struct connection){ .next = s->list, .link = &s->list, .server = s, .fd = fd, .uid = uid };
        if (s->list != NULL)
                s->list->link = &c->next;
        s->list = c;
        s->n++;
        return c;
}

static void accept_one(struct token_server *s, int listening)
{
        struct connection *c = NULL;
        struct ucred cred;
        socklen_t len = sizeof(cred);
        pthread_t t;
        int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC);

        if (fd < 0) {
                /* Without descriptors or memory the queue stays as it is, and would wake us again at once. */
                if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
                        usleep(NAP_US);
                return;
        }
        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0) {
                pthread_mutex_lock(&s->lock);
                c = connection_new(s, fd, cred.uid);
                pthread_mutex_unlock(&s->lock);
        }
        if (c == NULL) {
                close(fd);
                return;
        }
        peer_glimpse(cred.pid, &c->glimpse);
        if (pthread_create(&t, &s->attr, connection_run, c) != 0)
                connection_free(c);
}

static int listening_fd(const struct token_server *s)
{
        return s->o.listen_fd >= 0 ? s->o.listen_fd : s->listener.fd;
}

static void *server_run(void *arg)
{
        struct token_server *s = arg;
        struct pollfd p[] = { { .fd = s->wake, .events = POLLIN }, { .fd = listening_fd(s), .events = POLLIN } };

        for (;;) {
                if (poll(p, ARRAY_LEN(p), -1) <= 0)
                        continue;
                if (p[0].revents != 0)
                        return NULL;
                accept_one(s, p[1].fd);
        }
}

static void server_free(struct token_server *s)
{
        listener_close(&s->listener);
        close_fd(&s->wake);
        pthread_attr_destroy(&s->attr);
        pthread_cond_destroy(&s->gone);
        pthread_mutex_destroy(&s->lock);
        free(s);
}

static int open_socket(struct token_server *s)
{
        CLEANUP(buf_clear) struct buf socket = { 0 }, path = { 0 };
        const struct conf *c = &s->o.core->conf;
        int fd, r = 0;

        if (s->o.listen_fd < 0) {
                r = conf_socket_daemon(c, &socket);
                if (r == 0)
                        r = conf_beside(c->token_socket, buf_str(&socket), CONF_TOKEN_SOCKET, &path);
                if (r == 0)
                        r = listener_open(buf_str(&path), SOCKET_MODE, (gid_t)-1, &s->listener);
        }
        fd = listening_fd(s);
        s->wake = eventfd(0, EFD_CLOEXEC);
        if (r == 0 && (s->wake < 0 || fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) != 0))
                r = err_errno("cannot watch the socket for tokens");
        return r;
}

int token_start(const struct token_options *o, struct token_server **ret)
{
        struct token_server *s = calloc(1, sizeof(*s));
        int r;

        if (s == NULL)
                return err(ERR_NOMEM, "out of memory");
        *s = (struct token_server){ .o = *o, .listener = LISTENER_NONE, .wake = -1 };
        pthread_mutex_init(&s->lock, NULL);
        pthread_cond_init(&s->gone, NULL);
        pthread_attr_init(&s->attr);
        pthread_attr_setdetachstate(&s->attr, PTHREAD_CREATE_DETACHED);
        pthread_attr_setstacksize(&s->attr, STACK_SIZE);
        r = open_socket(s);
        if (r == 0 && pthread_create(&s->thread, NULL, server_run, s) != 0)
                r = err(ERR_NOMEM, "cannot start a thread");
        if (r == 0)
                *ret = s;
        else
                server_free(s);
        return r;
}

void token_stop(struct token_server *s)
{
        uint64_t one = 1;

        if (s == NULL)
                return;
        listener_forget(&s->listener);
        while (write(s->wake, &one, sizeof(one)) < 0 && errno == EINTR)
                ;
        pthread_join(s->thread, NULL);
        pthread_mutex_lock(&s->lock);
        for (struct connection *c = s->list; c != NULL; c = c->next)
                shutdown(c->fd, SHUT_RD);
        while (s->list != NULL)
                pthread_cond_wait(&s->gone, &s->lock);
        pthread_mutex_unlock(&s->lock);
        server_free(s);
}
