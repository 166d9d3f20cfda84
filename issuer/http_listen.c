/* SPDX-License-Identifier: BSD-2-Clause */
/* Where do clients come in, and what does the kernel say of them? */
#include "issuer/http_listen.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "lib/err.h"
#include "lib/file.h"

#define BACKLOG 4096
#define WHERE_MAX 128

/* Nobody connects before the mode is as it should be, and a dead process's socket is in nobody's way. */
static int bind_unix(const char *path, mode_t mode, struct http_listener *l)
{
        struct sockaddr_un there = { .sun_family = AF_UNIX }, temp = there;
        CLEANUP(close_fd) int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        struct stat st;
        int r;

        if (probe < 0)
                return err_errno("cannot make a socket");
        if ((size_t)snprintf(there.sun_path, sizeof(there.sun_path), "%s", path) >= sizeof(there.sun_path) ||
            (size_t)snprintf(temp.sun_path, sizeof(temp.sun_path), "%s.new", path) >= sizeof(temp.sun_path))
                return err(ERR_RANGE, "the path of a socket has at most %zu characters: %s", sizeof(temp.sun_path) - 5, path);
        if (lstat(path, &st) == 0 && !S_ISSOCK(st.st_mode))
                return err(ERR_EXIST, "%s is there and is no socket", path);
        if (connect(probe, (const struct sockaddr *)&there, sizeof(there)) == 0 || errno == EAGAIN)
                return err(ERR_EXIST, "another process listens at %s", path);
        unlink(temp.sun_path);
        if (bind(l->fd, (const struct sockaddr *)&temp, sizeof(temp)) != 0)
                return err_errno("cannot make the socket %s", path);
        if (chmod(temp.sun_path, mode) != 0 || stat(temp.sun_path, &st) != 0 || listen(l->fd, BACKLOG) != 0 || rename(temp.sun_path, path) != 0) {
                r = err_errno("cannot make the socket %s", path);
                unlink(temp.sun_path);
                return r;
        }
        memcpy(l->path, there.sun_path, sizeof(l->path));
        l->dev = st.st_dev;
        l->ino = st.st_ino;
        return 0;
}

static bool is_port(const char *text)
{
        size_t digits = strspn(text, "0123456789");

        return digits > 0 && digits <= 5 && text[digits] == '\0' && strtoul(text, NULL, 10) <= UINT16_MAX;
}

/* "HOST:PORT" without a look at any name server; an empty HOST is every address. */
static int resolve(const char *where, struct addrinfo **ret)
{
        struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV };
        char host[WHERE_MAX], *name = host, *colon;

        if ((size_t)snprintf(host, sizeof(host), "%s", where) >= sizeof(host) || (colon = strrchr(host, ':')) == NULL)
                return err(ERR_INVAL, "an address to listen at is ADDRESS:PORT, not %s", where);
        *colon = '\0';
        if (*host == '[' && colon[-1] == ']') {
                colon[-1] = '\0';
                name++;
        } else if (strchr(host, ':') != NULL) {
                return err(ERR_INVAL, "an IPv6 address to listen at stands in brackets: [%s]:%s", host, colon + 1);
        }
        if (!is_port(colon + 1) || getaddrinfo(*name != '\0' ? name : NULL, colon + 1, &hints, ret) != 0)
                return err(ERR_INVAL, "an address to listen at is a numeric ADDRESS:PORT, not %s", where);
        return 0;
}

static int bind_one(const struct addrinfo *a, const char *where, bool both, struct http_listener *l)
{
        struct sockaddr_storage there;
        socklen_t len = sizeof(there);
        int on = 1, six_only = !both;

        l->fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (l->fd < 0)
                return err_errno("cannot make a socket");
        setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
        /* Taken over by what it accepts. */
        setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        if (a->ai_family == AF_INET6)
                setsockopt(l->fd, IPPROTO_IPV6, IPV6_V6ONLY, &six_only, sizeof(six_only));
        if (bind(l->fd, a->ai_addr, a->ai_addrlen) != 0 || listen(l->fd, BACKLOG) != 0)
                return errno == EADDRINUSE ? err(ERR_EXIST, "another process listens at %s", where) : err_errno("cannot listen at %s", where);
        if (getsockname(l->fd, (struct sockaddr *)&there, &len) != 0)
                return err_errno("cannot listen at %s", where);
        l->port = ntohs(a->ai_family == AF_INET6 ? ((struct sockaddr_in6 *)&there)->sin6_port : ((struct sockaddr_in *)&there)->sin_port);
        return 0;
}

/* An IPv6 socket takes IPv4 too, where every address is meant; where there is no IPv6, IPv4 has to do. */
static int bind_tcp(const char *where, struct http_listener *l)
{
        bool both = *where == ':';
        struct addrinfo *all = NULL;
        int r = resolve(where, &all);

        if (r != 0)
                return r;
        for (int family = both ? AF_INET6 : all->ai_family;; family = AF_INET) {
                const struct addrinfo *a = all;

                while (a != NULL && a->ai_family != family)
                        a = a->ai_next;
                r = a != NULL ? bind_one(a, where, both, l) : err(ERR_INVAL, "cannot listen at %s", where);
                if (r == 0 || r == ERR_EXIST || !both || family == AF_INET)
                        break;
                close_fd(&l->fd);
                l->fd = -1;
        }
        freeaddrinfo(all);
        return r;
}

int http_listener_open(const struct http_listen *where, struct http_listener *ret)
{
        struct http_listener l = { .via = where->via, .fd = -1 };
        int r;

        if (where->via == HTTP_UNIX) {
                l.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
                r = l.fd >= 0 ? bind_unix(where->where, where->mode, &l) : err_errno("cannot make a socket");
        } else {
                r = bind_tcp(where->where, &l);
        }
        if (r == 0)
                *ret = l;
        else
                close_fd(&l.fd);
        return r;
}

void http_listener_close(struct http_listener *l)
{
        struct stat st;

        if (l->path[0] != '\0' && lstat(l->path, &st) == 0 && st.st_dev == l->dev && st.st_ino == l->ino)
                unlink(l->path);
        close_fd(&l->fd);
        l->fd = -1;
}

void http_peer_fill(enum http_via via, int fd, const struct sockaddr *from, struct http_peer *ret)
{
        struct ucred who;
        socklen_t len = sizeof(who);

        *ret = (struct http_peer){ .via = via, .uid = (uid_t)-1, .pid = -1, .tls = "" };
        if (from->sa_family == AF_INET) {
                inet_ntop(AF_INET, &((const struct sockaddr_in *)from)->sin_addr, ret->address, sizeof(ret->address));
        } else if (from->sa_family == AF_INET6) {
                const struct in6_addr *six = &((const struct sockaddr_in6 *)from)->sin6_addr;

                if (IN6_IS_ADDR_V4MAPPED(six))
                        inet_ntop(AF_INET, six->s6_addr + 12, ret->address, sizeof(ret->address));
                else
                        inet_ntop(AF_INET6, six, ret->address, sizeof(ret->address));
        } else if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) == 0) {
                ret->uid = who.uid;
                ret->pid = who.pid;
                snprintf(ret->address, sizeof(ret->address), "unix:%u", (unsigned)who.uid);
        } else {
                snprintf(ret->address, sizeof(ret->address), "unix");
        }
}
