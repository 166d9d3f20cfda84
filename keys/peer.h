/* SPDX-License-Identifier: BSD-2-Clause */
/* Who is on the other end: what the kernel says of a process. daemon/peer.c fills it in; rules read it; records keep it. */
#ifndef HOLDFAST_KEYS_PEER_H
#define HOLDFAST_KEYS_PEER_H

#include <stdbool.h>
#include <sys/types.h>
#include "lib/buf.h"

#define PEER_GROUPS_MAX 64

/* Owned by the structure. Bytes that the kernel gave: paths may hold anything but NUL. */
struct peer {
        pid_t pid;
        uint64_t start_time;            /* clock ticks after boot; with the pid it names one process for ever */
        int pidfd;                      /* -1: none */
        uid_t uid;
        gid_t gid;
        gid_t groups[PEER_GROUPS_MAX];
        size_t n_groups;
        bool groups_cut;                /* there are more */
        struct buf exe;                 /* path; " (deleted)" behind it where the file was replaced */
        struct buf exe_sha256;          /* 32 octets, of the file that runs, whatever is at its path now */
        uint64_t exe_dev, exe_ino;      /* of that file */
        struct buf cgroup;              /* "/system.slice/nginx.service" */
        struct buf unit;                /* "nginx.service", or empty */
        struct buf container;           /* 64 hex digits, or empty */
        bool has_loginuid;
        uid_t loginuid;
        bool tty;                       /* it has a controlling terminal */
        pid_t ppid;
        struct buf parent_exe;
};
void peer_clear(struct peer *p);

#endif
