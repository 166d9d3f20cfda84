/* SPDX-License-Identifier: BSD-2-Clause */
/* Which kinds of sink are there, and how is a line framed and written to one? */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "lib/file.h"
#include "tools/audit.h"
#include "tools/audit_sinking.h"

static const struct sink_kind kinds[] = {
        { "unix:", sink_unix_open, sink_socket_flush, NULL, false },
        { "tcp:", sink_tcp_open, sink_socket_flush, NULL, false },
        { "udp:", sink_udp_open, sink_socket_flush, NULL, false },
        { "command:", sink_command_open, sink_command_flush, sink_command_close, true },
        { "", sink_file_open, sink_file_flush, NULL, true },
        { NULL, sink_stdout_open, sink_file_flush, NULL, true },
};

int sink_away(const char *what, const struct audit_sink *s)
{
        const char *why = strerror(errno);

        return err(ERR_IO, "cannot %s %s: %s", what, s->where, why);
}

/* The kind of "standard output" is known by its having no prefix at all. */
static const struct sink_kind *kind_of(const char *to)
{
        for (size_t i = 0; i < ARRAY_LEN(kinds); ++i) {
                if (to == NULL ? kinds[i].prefix == NULL : kinds[i].prefix != NULL && strncmp(to, kinds[i].prefix, strlen(kinds[i].prefix)) == 0)
                        return &kinds[i];
        }
        return NULL;
}

int audit_sink_new(const char *to, enum audit_format format, struct audit_sink **ret)
{
        const struct sink_kind *kind = kind_of(to);
        struct audit_sink *s;

        if (to != NULL && to[strlen(kind->prefix)] == 0)
                return err(ERR_USAGE, "--to %s names nothing behind the colon", to);
        s = calloc(1, sizeof *s);
        if (s == NULL)
                return err(ERR_NOMEM, "out of memory");
        *s = (struct audit_sink){ .kind = kind, .format = format, .fd = -1, .pid = -1 };
        s->where = strdup(to != NULL ? to + strlen(kind->prefix) : "standard output");
        if (s->where == NULL) {
                free(s);
                return err(ERR_NOMEM, "out of memory");
        }
        *ret = s;
        return 0;
}

void audit_sink_drop(struct audit_sink *s)
{
        close_fd(&s->fd);
        if (s->kind->close != NULL)
                (void)s->kind->close(s);
}

void audit_sink_free(struct audit_sink *s)
{
        if (s == NULL)
                return;
        audit_sink_drop(s);
        buf_clear(&s->frame);
        free(s->where);
        free(s);
}

/* RFC 6587, 3.4.1 octet counting for syslog over TCP; else a line, or a datagram by itself. */
static int make_frame(struct audit_sink *s, struct bytes line)
{
        int r = 0;

        buf_reset(&s->frame);
        if (s->framing == FRAME_COUNT)
                r = buf_printf(&s->frame, "%zu ", line.len);
        if (r == 0)
                r = buf_append(&s->frame, line.ptr, line.len);
        return r == 0 && s->framing == FRAME_LINE ? buf_append_u8(&s->frame, '\n') : r;
}

/* A line is in the file whole or not at all. */
static void take_back(struct audit_sink *s)
{
        struct stat st;

        if (s->kind->open == sink_file_open && fstat(s->fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > s->good && ftruncate(s->fd, s->good) != 0)
                close_fd(&s->fd);
}

static int write_frame(struct audit_sink *s)
{
        size_t done = 0;

        while (done < s->frame.len) {
                ssize_t n = s->kind->stream ? write(s->fd, s->frame.ptr + done, s->frame.len - done)
                                            : send(s->fd, s->frame.ptr + done, s->frame.len - done, MSG_NOSIGNAL);

                if (n < 0 && errno == EMSGSIZE)
                        return err(ERR_RANGE, "%s takes no datagram of %zu octets", s->where, s->frame.len);
                if (n < 0 && errno == EINTR && !audit_stopped())
                        continue;
                if (n < 0) {
                        int r = sink_away("write to", s);

                        take_back(s);
                        return r;
                }
                done += (size_t)n;
        }
        s->good += (off_t)done;
        return 0;
}

int audit_sink_put(struct audit_sink *s, struct bytes line)
{
        int r = 0;

        if (s->fd < 0)
                r = s->kind->open(s);
        if (r == 0)
                r = make_frame(s, line);
        return r == 0 ? write_frame(s) : r;
}

int audit_sink_flush(struct audit_sink *s)
{
        return s->fd < 0 ? 0 : s->kind->flush(s);
}

int audit_sink_finish(struct audit_sink *s)
{
        int r = audit_sink_flush(s);

        close_fd(&s->fd);
        return r == 0 && s->kind->close != NULL ? s->kind->close(s) : r;
}
