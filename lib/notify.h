/* SPDX-License-Identifier: BSD-2-Clause */
/* What a service manager gives and wants to hear: sockets, readiness, the watchdog (sd_listen_fds(3), sd_notify(3)). */
#ifndef HOLDFAST_LIB_NOTIFY_H
#define HOLDFAST_LIB_NOTIFY_H

#include <stdint.h>

/* The listening stream socket of the Unix kind that was passed under this name, now close-on-exec; -1: none. */
int notify_socket(const char *name);
/* Says it, as "READY=1"; nothing where nobody listens. */
void notify(const char *state);
/* How often, in milliseconds, the manager wants to hear from us at least; 0: it does not. */
uint64_t notify_watchdog_ms(void);
/* None of it is for our children. */
void notify_forget(void);

#endif
