/* SPDX-License-Identifier: BSD-2-Clause */
/* Where exported lines go: a file, a socket, a command, standard output. What is away comes back, and is opened again. */
#ifndef HOLDFAST_TOOLS_AUDIT_SINK_H
#define HOLDFAST_TOOLS_AUDIT_SINK_H

#include "audit/export.h"

struct audit_sink;

/* "FILE", "unix:PATH", "tcp:HOST:PORT", "udp:HOST:PORT", "command:CMD"; NULL is standard output. Nothing is opened yet. ERR_USAGE. */
int audit_sink_new(const char *to, enum audit_format format, struct audit_sink **ret);
void audit_sink_free(struct audit_sink *s);

/* One line in the sink's framing. ERR_IO: it is away; what was put since the last flush has to be put again. ERR_RANGE: it takes no line so long,
 * ever. */
int audit_sink_put(struct audit_sink *s, struct bytes line);
/* All that was put is with the other side, as far as the system knows: in the file and synced, read by the command or on the Unix socket, acknowledged by
 * the other host's TCP. */
int audit_sink_flush(struct audit_sink *s);
/* No more comes: a command ends, and well. */
int audit_sink_finish(struct audit_sink *s);
/* It is opened again with the next line. */
void audit_sink_drop(struct audit_sink *s);

#endif
