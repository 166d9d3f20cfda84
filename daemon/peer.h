/* SPDX-License-Identifier: BSD-2-Clause */
/* Asks the kernel who is on the other end of a Unix socket. */
#ifndef HOLDFAST_DAEMON_PEER_H
#define HOLDFAST_DAEMON_PEER_H

#include "keys/peer.h"

/* SO_PEERCRED, then a pidfd, then /proc; that the pid still is the process that connected is made sure of by the start time before and
 * after and by the pidfd. ERR_DENIED if it is gone or changes meanwhile. Thread-safe; digests of executables are kept by device, inode,
 * size and times. */
int peer_of_socket(int fd, struct peer *ret);
/* What the process that has just connected runs, as cheaply as can be: whoever connects and then becomes another program before it says a
 * word is not taken for that one. Zeros where it cannot be seen. */
struct peer_glimpse {
        uint64_t exe_dev, exe_ino;
};
void peer_glimpse(pid_t pid, struct peer_glimpse *ret);
bool peer_is(const struct peer *p, const struct peer_glimpse *then);
/* The same for a process by its number: `policy check`. */
int peer_of_pid(pid_t pid, struct peer *ret);
/* ERR_DENIED unless the process is there, has not changed its executable (exec), its user or its cgroup: a process that does is a new peer and
 * has to connect anew. For struct caller's peer_check. */
int peer_check(const struct peer *p);

#endif
