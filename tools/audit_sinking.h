/* SPDX-License-Identifier: BSD-2-Clause */
/* A kind of sink. Inside tools/audit_sink*.c only. */
#ifndef HOLDFAST_TOOLS_AUDIT_SINKING_H
#define HOLDFAST_TOOLS_AUDIT_SINKING_H

#include <sys/types.h>
#include "tools/audit_sink.h"

enum audit_framing { FRAME_LINE, FRAME_COUNT, FRAME_DATAGRAM };

struct audit_sink {
        const struct sink_kind *kind;
        char *where;                    /* path, HOST:PORT, command */
        enum audit_format format;
        int fd;                         /* -1: not open */
        enum audit_framing framing;     /* of what is open */
        off_t good;                     /* file: where the last whole line ends */
        pid_t pid;                      /* command: -1: none */
        struct buf frame;
};

/* All return 0, or ERR_IO with its sentence: away. */
struct sink_kind {
        const char *prefix;             /* "unix:"; NULL: by nothing else */
        int (*open)(struct audit_sink *s);
        int (*flush)(struct audit_sink *s);
        int (*close)(struct audit_sink *s);
        bool stream;                    /* written to by write(), else by send() */
};

int sink_file_open(struct audit_sink *s);
int sink_file_flush(struct audit_sink *s);
int sink_stdout_open(struct audit_sink *s);
int sink_unix_open(struct audit_sink *s);
int sink_tcp_open(struct audit_sink *s);
int sink_udp_open(struct audit_sink *s);
int sink_socket_flush(struct audit_sink *s);
int sink_command_open(struct audit_sink *s);
int sink_command_flush(struct audit_sink *s);
int sink_command_close(struct audit_sink *s);

/* The sentence of an errno. */
int sink_away(const char *what, const struct audit_sink *s);

#endif
