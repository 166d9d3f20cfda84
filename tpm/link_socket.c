/* SPDX-License-Identifier: BSD-2-Clause */
/* How is a software TPM reached through its socket?
 *
 * swtpm serves one connection at a time, so one is held only as long as an operation lasts, and whoever
 * holds it has the TPM for himself. */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "lib/err.h"
#include "tpm/clock.h"
#include "tpm/link.h"

struct socket_link {
        struct link base;
        int fd;                         /* -1: not connected */
        char host[256], port[16];       /* TCP */
        struct sockaddr_un local;       /* where host is empty */
};

/* Reaching it takes no longer than this: it is on this machine or on a desk. */
#define CONNECT_US 3000000u

static int unreachable(const struct socket_link *s)
{
        int e = errno;

        if (s->host[0] != '\0')
                return err(ERR_NODEV, "cannot reach the TPM at %s port %s: %s", s->host, s->port, strerror(e));
        return err(e == EACCES ? ERR_PERM : ERR_NODEV, "cannot reach the TPM at %s: %s", s->local.sun_path, strerror(e));
}

static int finish_connect(int fd, uint64_t deadline_us)
{
        struct pollfd p = { .fd = fd, .events = POLLOUT };
        socklen_t len = sizeof(int);
        int e = 0, n;

        do {
                n = poll(&p, 1, clock_left_ms(deadline_us));
        } while (n < 0 && errno == EINTR);
        if (n == 0)
                errno = ETIMEDOUT;
        if (n <= 0)
                return -1;
        if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &e, &len) != 0)
                return -1;
        errno = e;
        return e == 0 ? 0 : -1;
}

/* -1 with errno. EAGAIN from a local socket: its queue is full, others are waiting too. */
static int connect_to(int family, const struct sockaddr *a, socklen_t len, uint64_t deadline_us)
{
        int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), r;

        if (fd < 0)
                return -1;
        for (;;) {
                r = connect(fd, a, len);
                if (r == 0 || (errno != EAGAIN && errno != EINTR) || clock_left_ms(deadline_us) == 0)
                        break;
                clock_nap(500, deadline_us);
        }
        if (r != 0 && errno == EINPROGRESS)
                r = finish_connect(fd, deadline_us);
        if (r != 0) {
                int e = errno;

                close(fd);
                errno = e;
                return -1;
        }
        return fd;
}

static int connect_tcp(const struct socket_link *s, uint64_t deadline_us)
{
        const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
        struct addrinfo *list;
        int fd = -1, one = 1;

        if (getaddrinfo(s->host, s->port, &hints, &list) != 0) {
                errno = EHOSTUNREACH;
                return -1;
        }
        for (struct addrinfo *a = list; a != NULL && fd < 0; a = a->ai_next)
                fd = connect_to(a->ai_family, a->ai_addr, a->ai_addrlen, deadline_us);
        freeaddrinfo(list);
        if (fd >= 0)
                setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        return fd;
}

static int dial(struct socket_link *s, uint64_t deadline_us)
{
        uint64_t soon = clock_us() + CONNECT_US;

        /* A full queue may last as long as somebody else's operation; a host that does not answer is given up sooner. */
        if (s->host[0] != '\0')
                s->fd = connect_tcp(s, soon < deadline_us ? soon : deadline_us);
        else
                s->fd = connect_to(AF_UNIX, (const struct sockaddr *)&s->local, sizeof(s->local), deadline_us);
        return s->fd < 0 ? unreachable(s) : 0;
}

static int socket_exchange(struct link *l, struct bytes cmd, uint8_t *rsp, size_t room, size_t *ret_len, uint64_t deadline_us)
{
        struct socket_link *s = (struct socket_link *)l;
        int r;

        if (s->fd < 0) {
                r = dial(s, deadline_us);
                if (r != 0)
                        return r;
        }
        return link_fd_exchange(s->fd, cmd, rsp, room, ret_len, deadline_us);
}

static void socket_hangup(struct link *l)
{
        struct socket_link *s = (struct socket_link *)l;

        if (s->fd >= 0)
                close(s->fd);
        s->fd = -1;
}

static const struct link_ops socket_ops = { socket_exchange, socket_hangup, socket_hangup };

/* "key=value,key=value", each value copied into its place. */
static int parse(const char *conf, struct socket_link *s)
{
        const struct {
                const char *key;
                char *to;
                size_t room;
        } keys[] = {
                { "path=", s->local.sun_path, sizeof(s->local.sun_path) },
                { "host=", s->host, sizeof(s->host) },
                { "port=", s->port, sizeof(s->port) },
        };

        while (*conf != '\0') {
                size_t len = strcspn(conf, ","), i = 0, skip;

                while (i < ARRAY_LEN(keys) && strncmp(conf, keys[i].key, strlen(keys[i].key)) != 0)
                        i++;
                if (i == ARRAY_LEN(keys))
                        return ERR_INVAL;
                skip = strlen(keys[i].key);
                if (len == skip || len - skip >= keys[i].room)
                        return ERR_INVAL;
                memcpy(keys[i].to, conf + skip, len - skip);
                keys[i].to[len - skip] = '\0';
                conf += len + (conf[len] == ',');
        }
        return 0;
}

int link_socket_new(const char *conf, struct link **ret)
{
        struct socket_link *s = calloc(1, sizeof(*s));

        if (s == NULL)
                return err(ERR_NOMEM, "out of memory");
        s->base.ops = &socket_ops;
        s->base.restarts = true;
        s->fd = -1;
        s->local.sun_family = AF_UNIX;
        if (parse(conf, s) != 0 || (s->local.sun_path[0] != '\0' && s->host[0] != '\0')) {
                free(s);
                return err(ERR_INVAL, "cannot make sense of the TPM \"swtpm:%s\": swtpm:path=SOCKET or swtpm:host=HOST,port=N", conf);
        }
        if (s->local.sun_path[0] == '\0') {
                /* What other TSS programs take when nothing is said. */
                if (s->host[0] == '\0')
                        snprintf(s->host, sizeof(s->host), "localhost");
                if (s->port[0] == '\0')
                        snprintf(s->port, sizeof(s->port), "2321");
        }
        *ret = &s->base;
        return 0;
}
