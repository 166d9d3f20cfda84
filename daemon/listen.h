/* SPDX-License-Identifier: BSD-2-Clause */
/* A Unix socket to listen on: the service manager's, or one of our own. */
#ifndef HOLDFAST_DAEMON_LISTEN_H
#define HOLDFAST_DAEMON_LISTEN_H

#include <sys/stat.h>
#include "lib/buf.h"

struct listener {
        int fd;                         /* -1: none */
        struct buf path;                /* of our own; empty where it was passed to us */
        dev_t dev;
        ino_t ino;
};
#define LISTENER_NONE { .fd = -1 }

/* Takes the place of whatever socket is there, so hold something that only one daemon can. mode; gid (gid_t)-1: our own.
 * The directory is made if it is missing. ERR_EXIST: something that is no socket is there. */
int listener_open(const char *path, mode_t mode, gid_t gid, struct listener *ret);
/* Removes its path, if the socket there is still this one; it is listened to all the same. */
void listener_forget(struct listener *l);
/* Both. */
void listener_close(struct listener *l);

#endif
