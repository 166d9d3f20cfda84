/* SPDX-License-Identifier: BSD-2-Clause */
/* Sockets that listen, and who it is that comes through them. */
#ifndef HOLDFAST_ISSUER_HTTP_LISTEN_H
#define HOLDFAST_ISSUER_HTTP_LISTEN_H

#include <sys/socket.h>
#include "issuer/http.h"

struct http_listener {
        enum http_via via;
        int fd;
        unsigned port;          /* 0 for a Unix socket */
        char path[108];         /* of the Unix socket, "" else */
        dev_t dev;
        ino_t ino;
};

/* ERR_EXIST: taken. ERR_INVAL: no address. */
int http_listener_open(const struct http_listen *where, struct http_listener *ret);
/* Removes the Unix socket too, unless another has taken its place. */
void http_listener_close(struct http_listener *l);
void http_peer_fill(enum http_via via, int fd, const struct sockaddr *from, struct http_peer *ret);

#endif
