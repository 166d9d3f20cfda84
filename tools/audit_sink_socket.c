/* SPDX-License-Identifier: BSD-2-Clause */
/* Exported lines to a Unix socket, or to another host by TCP or UDP. */
#include <errno.h>
#include <linux/sockios.h>
#include <netdb.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "lib/file.h"
#include "tools/audit.h"
#include "tools/audit_sinking.h"

#define LOOK_MS 5
/* For the longest record in the wordiest format. */
#define DATAGRAM_ROOM (1 << 20)

/* ret_other: the socket is there, and of another type. */
static int connect_unix(struct audit_sink *s, int type, bool *ret_other)
{
        struct sockaddr_un a = { .sun_family = AF_UNIX };
        int r, room = DATAGRAM_ROOM;

        if (strlen(s->where) >= sizeof a.sun_path)
                return err(ERR_USAGE, "the path %s is too long for a socket", s->where);
        memcpy(a.sun_path, s->where, strlen(s->where));
        s->fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
        if (s->fd < 0)
                return sink_away("make a socket for", s);
        (void)setsockopt(s->fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
        if (connect(s->fd, (struct sockaddr *)&a, sizeof a) == 0)
                return 0;
        *ret_other = errno == EPROTOTYPE;
        r = sink_away("connect to", s);
        close_fd(&s->fd);
        return r;
}

int sink_unix_open(struct audit_sink *s)
{
        bool other = false;
        int r = connect_unix(s, SOCK_DGRAM, &other);

        s->framing = FRAME_DATAGRAM;
        if (r != 0 && other) {
                r = connect_unix(s, SOCK_STREAM, &other);
                s->framing = FRAME_LINE;
        }
        return r;
}

/* "HOST:PORT", "[ADDRESS]:PORT" */
static int resolve(const struct audit_sink *s, int type, struct addrinfo **ret)
{
        const struct addrinfo want = { .ai_family = AF_UNSPEC, .ai_socktype = type, .ai_flags = AI_ADDRCONFIG };
        const char *colon = strrchr(s->where, ':');
        CLEANUP(buf_clear) struct buf host = { 0 };
        struct bytes name;
        int r;

        if (colon == NULL || colon == s->where || colon[1] == 0)
                return err(ERR_USAGE, "%s is not HOST:PORT", s->where);
        name = BYTES(s->where, (size_t)(colon - s->where));
        if (name.len > 2 && name.ptr[0] == '[' && name.ptr[name.len - 1] == ']')
                name = BYTES(name.ptr + 1, name.len - 2);
        r = buf_set(&host, name);
        if (r == 0 && buf_str(&host) == NULL)
                r = ERR_NOMEM;
        if (r != 0)
                return r;
        r = getaddrinfo(buf_str(&host), colon + 1, &want, ret);
        return r == 0 ? 0 : err(r == EAI_SERVICE ? ERR_USAGE : ERR_IO, "cannot find %s: %s", s->where, gai_strerror(r));
}

static int connect_host(struct audit_sink *s, int type)
{
        struct addrinfo *all = NULL;
        int r;

        r = resolve(s, type, &all);
        if (r != 0)
                return r;
        r = err(ERR_IO, "%s has no address", s->where);
        for (const struct addrinfo *a = all; a != NULL && s->fd < 0; a = a->ai_next) {
                s->fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
                r = s->fd >= 0 && connect(s->fd, a->ai_addr, a->ai_addrlen) == 0 ? 0 : sink_away("connect to", s);
                if (r != 0)
                        close_fd(&s->fd);
        }
        freeaddrinfo(all);
        return r;
}

int sink_tcp_open(struct audit_sink *s)
{
        s->framing = s->format == AUDIT_SYSLOG ? FRAME_COUNT : FRAME_LINE;
        return connect_host(s, SOCK_STREAM);
}

int sink_udp_open(struct audit_sink *s)
{
        s->framing = FRAME_DATAGRAM;
        return connect_host(s, SOCK_DGRAM);
}

/* Until nothing is on its way: tcp(7), unix(7), SIOCOUTQ. A peer that has gone takes nothing any more. */
int sink_socket_flush(struct audit_sink *s)
{
        int left = 0;

        for (;;) {
                struct pollfd p = { .fd = s->fd };

                if (ioctl(s->fd, SIOCOUTQ, &left) != 0)
                        return sink_away("look at", s);
                if (left == 0)
                        return 0;
                if (poll(&p, 1, 0) > 0 && (p.revents & (POLLERR | POLLHUP | POLLNVAL)) != 0)
                        return err(ERR_IO, "%s went away", s->where);
                if (audit_stopped())
                        return err(ERR_IO, "stopped before %s had taken all", s->where);
                audit_sleep(LOOK_MS);
        }
}
