/* SPDX-License-Identifier: BSD-2-Clause */
/* Who talks to the ssh-agent, and how much at a time? */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "lib/err.h"
#include "lib/file.h"
#include "tools/sshagent.h"

#define CLIENTS 32
#define HEAD 4
#define PART 4096

struct client {
        int fd;                         /* -1: free */
        struct buf in, out;
        size_t sent;                    /* of out */
};

struct server {
        const struct sshagent_source *source;
        struct client clients[CLIENTS];
};

static void drop(struct client *c)
{
        close_fd(&c->fd);
        c->fd = -1;
        buf_clear(&c->in);
        buf_clear(&c->out);
        c->sent = 0;
}

/* Root may do what it likes anyway, so it need not be let in. */
static bool is_ours(int fd)
{
        struct ucred peer;
        socklen_t len = sizeof peer;

        return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 && peer.uid == geteuid();
}

static struct client *free_place(struct server *s)
{
        for (size_t i = 0; i < CLIENTS; ++i) {
                if (s->clients[i].fd < 0)
                        return &s->clients[i];
        }
        return NULL;
}

static void let_in(struct server *s, int listen_fd)
{
        struct client *c = free_place(s);
        int fd;

        fd = c != NULL ? accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK) : -1;
        if (fd >= 0 && is_ours(fd))
                c->fd = fd;
        else
                close_fd(&fd);
}

/* False: the client is to go. */
static bool flush(struct client *c)
{
        while (c->sent < c->out.len) {
                ssize_t n = send(c->fd, c->out.ptr + c->sent, c->out.len - c->sent, MSG_NOSIGNAL);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return errno == EAGAIN || errno == EWOULDBLOCK;
                c->sent += (size_t)n;
        }
        buf_clear(&c->out);
        c->sent = 0;
        return true;
}

/* The first whole message, if there is one and the last answer is gone. */
static bool answer_next(const struct sshagent_source *s, struct client *c, bool *ret_done)
{
        size_t len;

        *ret_done = false;
        if (c->in.len < HEAD || c->out.len > 0)
                return true;
        len = (size_t)c->in.ptr[0] << 24 | (size_t)c->in.ptr[1] << 16 | (size_t)c->in.ptr[2] << 8 | c->in.ptr[3];
        if (len > SSHAGENT_MESSAGE_MAX)
                return false;
        if (c->in.len < HEAD + len)
                return true;
        if (sshagent_answer(s, BYTES(c->in.ptr + HEAD, len), &c->out) != 0)
                return false;
        c->in.len -= HEAD + len;
        memmove(c->in.ptr, c->in.ptr + HEAD + len, c->in.len);
        *ret_done = true;
        return flush(c);
}

static bool answer_all(const struct sshagent_source *s, struct client *c)
{
        bool more = true, good = true;

        while (good && more)
                good = answer_next(s, c, &more);
        return good;
}

static bool receive(const struct sshagent_source *s, struct client *c)
{
        uint8_t part[PART];
        ssize_t n = recv(c->fd, part, sizeof part, 0);
        bool good;

        if (n < 0)
                return errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK;
        good = n > 0 && buf_append(&c->in, part, (size_t)n) == 0 && answer_all(s, c);
        wipe(part, sizeof part);
        return good;
}

/* Nothing is read from one that has not taken its answer. */
static bool tend(const struct sshagent_source *s, struct client *c, short events)
{
        if (c->out.len > 0)
                return flush(c) && answer_all(s, c);
        return (events & (POLLIN | POLLHUP | POLLERR)) == 0 || receive(s, c);
}

int sshagent_serve(const struct sshagent_source *source, int listen_fd, int until_fd)
{
        struct server s = { .source = source };
        struct pollfd p[CLIENTS + 2];
        int r = 0;

        for (size_t i = 0; i < CLIENTS; ++i)
                s.clients[i].fd = -1;
        for (;;) {
                p[0] = (struct pollfd){ .fd = until_fd, .events = POLLIN };
                /* One that finds no place waits in the kernel. */
                p[1] = (struct pollfd){ .fd = free_place(&s) != NULL ? listen_fd : -1, .events = POLLIN };
                for (size_t i = 0; i < CLIENTS; ++i)
                        p[2 + i] = (struct pollfd){ .fd = s.clients[i].fd, .events = s.clients[i].out.len > 0 ? POLLOUT : POLLIN };
                if (poll(p, CLIENTS + 2, -1) < 0 && errno != EINTR) {
                        r = err_errno("cannot wait for clients");
                        break;
                }
                if (p[0].revents != 0)
                        break;
                for (size_t i = 0; i < CLIENTS; ++i) {
                        if (s.clients[i].fd >= 0 && p[2 + i].revents != 0 && !tend(source, &s.clients[i], p[2 + i].revents))
                                drop(&s.clients[i]);
                }
                if (p[1].revents != 0)
                        let_in(&s, listen_fd);
        }
        for (size_t i = 0; i < CLIENTS; ++i)
                drop(&s.clients[i]);
        return r;
}
