/* SPDX-License-Identifier: BSD-2-Clause */
/* How is the daemon asked for a token, and what did it answer? */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "lib/err.h"
#include "lib/file.h"
#include "tools/cli.h"
#include "tools/tokensock.h"

#define ANSWER_MAX (128u * 1024)
#define PROBLEM "urn:holdfast:problem:"
#define PATIENCE_S 60           /* a token may take a new credential, and that the issuer */

void token_clear(struct token *t)
{
        buf_clear(&t->jwt);
        t->expires_at = 0;
}

int url_escape(struct bytes in, struct buf *out)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < in.len; ++i) {
                const uint8_t c = in.ptr[i];
                bool plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c != 0 && strchr("-._~", c) != NULL);

                r = plain ? buf_append_u8(out, c) : buf_printf(out, "%%%02X", c);
        }
        return r;
}

static int write_request(const struct token_wish *w, struct buf *ret)
{
        int r;

        r = buf_append_str(ret, "GET /v1/token?agent=");
        if (r == 0)
                r = url_escape(BYTES_STR(w->agent), ret);
        if (r == 0)
                r = buf_append_str(ret, "&audience=");
        if (r == 0)
                r = url_escape(BYTES_STR(w->audience), ret);
        if (r == 0 && w->label.len > 0)
                r = buf_append_str(ret, "&key=");
        if (r == 0)
                r = url_escape(w->label, ret);
        return r == 0 ? buf_append_str(ret, " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAccept: application/json\r\n\r\n") : r;
}

static int connect_to(const char *path, int *ret)
{
        const struct timeval patience = { .tv_sec = PATIENCE_S };
        struct sockaddr_un a = { .sun_family = AF_UNIX };
        int fd, r = 0;

        if (strlen(path) >= sizeof a.sun_path)
                return err(ERR_RANGE, "the path of the socket %s is too long", path);
        strcpy(a.sun_path, path);
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return err_errno("cannot make a socket");
        if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) != 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) != 0)
                r = err_errno("cannot set the socket's deadline");
        else if (connect(fd, (struct sockaddr *)&a, sizeof a) != 0)
                r = errno == EACCES || errno == EPERM ? err(ERR_PERM, "this user may not use the token socket %s", path)
                                                      : err(ERR_DAEMON, "no daemon answers at the token socket %s", path);
        if (r != 0)
                close_fd(&fd);
        else
                *ret = fd;
        return r;
}

static int send_all(int fd, struct bytes b)
{
        while (b.len > 0) {
                ssize_t n = send(fd, b.ptr, b.len, MSG_NOSIGNAL);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return err(ERR_DAEMON, "the daemon takes no question on its token socket");
                b = BYTES(b.ptr + n, b.len - (size_t)n);
        }
        return 0;
}

static int receive_all(int fd, struct buf *ret)
{
        uint8_t part[4096];
        ssize_t n;
        int r = 0;

        while (r == 0 && (n = recv(fd, part, sizeof part, 0)) != 0) {
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return err(ERR_TIMEOUT, "the daemon has not answered in time on its token socket");
                r = ret->len + (size_t)n <= ANSWER_MAX ? buf_append(ret, part, (size_t)n) : err(ERR_FORMAT, "the daemon's answer is too long");
        }
        wipe(part, sizeof part);
        return r;
}

/* A line of the head without its end; false: there is none. */
static bool next_line(struct bytes *in, struct bytes *ret)
{
        const uint8_t *end = memmem(in->ptr, in->len, "\r\n", 2);

        if (end == NULL)
                return false;
        *ret = BYTES(in->ptr, (size_t)(end - in->ptr));
        *in = BYTES(end + 2, in->len - ret->len - 2);
        return true;
}

/* A header's value as a number, or *ret as it is. */
static bool length_of(struct bytes line, size_t *ret)
{
        static const char name[] = "Content-Length:";
        size_t v = 0;

        if (line.len < sizeof name || strncasecmp((const char *)line.ptr, name, sizeof name - 1) != 0)
                return true;
        for (size_t i = sizeof name - 1; i < line.len; ++i) {
                if (line.ptr[i] == ' ' && v == 0)
                        continue;
                if (line.ptr[i] < '0' || line.ptr[i] > '9' || v > ANSWER_MAX)
                        return false;
                v = v * 10 + (line.ptr[i] - '0');
        }
        *ret = v;
        return true;
}

/* RFC 9112: the status and the body. */
static int split(struct bytes in, unsigned *ret_status, struct bytes *ret_body)
{
        struct bytes line;
        size_t len = SIZE_MAX;
        unsigned status = 0;

        if (!next_line(&in, &line) || line.len < 12 || memcmp(line.ptr, "HTTP/1.1 ", 9) != 0)
                return err(ERR_FORMAT, "the token socket does not speak HTTP");
        for (size_t i = 9; i < 12; ++i) {
                if (line.ptr[i] < '0' || line.ptr[i] > '9')
                        return err(ERR_FORMAT, "the token socket does not speak HTTP");
                status = status * 10 + (line.ptr[i] - '0');
        }
        do {
                if (!next_line(&in, &line) || !length_of(line, &len))
                        return err(ERR_FORMAT, "the daemon's answer has no end to its head");
        } while (line.len > 0);
        if (len != SIZE_MAX && len != in.len)
                return err(ERR_FORMAT, "the daemon's answer is not whole");
        *ret_status = status;
        *ret_body = in;
        return 0;
}

/* RFC 9457: its type says which, its detail is the sentence. docs/formats.md, "The token socket" */
static int problem(unsigned status, const json_t *o)
{
        static const struct {
                const char *word;
                int err;
        } rows[] = {
                { "denied", ERR_DENIED }, { "agent-unknown", ERR_NOCRED }, { "host-unknown", ERR_NOCRED }, { "busy", ERR_TIMEOUT }, { "shape", ERR_INVAL },
        };
        const char *type = json_string_value(json_object_get(o, "type")), *detail = json_string_value(json_object_get(o, "detail"));

        for (size_t i = 0; i < ARRAY_LEN(rows); ++i) {
                if (type != NULL && strncmp(type, PROBLEM, strlen(PROBLEM)) == 0 && strcmp(type + strlen(PROBLEM), rows[i].word) == 0)
                        return err(rows[i].err, "%s", detail != NULL ? detail : "the daemon gives no token");
        }
        return err(ERR_IO, "the daemon gives no token: %s (HTTP status %u)", detail != NULL ? detail : "it does not say why", status);
}

static int read_token(const json_t *o, struct token *ret)
{
        const json_t *end = json_object_get(o, "expires_at");
        const char *jwt = json_string_value(json_object_get(o, "token"));

        if (jwt == NULL || jwt[0] == 0 || !json_is_integer(end) || json_integer_value(end) <= 0)
                return err(ERR_FORMAT, "the daemon's answer has no token in it");
        /* RFC 7515 3.1: what it may be made of needs no care on its way into a file or a form. */
        if (strspn(jwt, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.") != strlen(jwt))
                return err(ERR_FORMAT, "the daemon's token is no JWT");
        ret->expires_at = json_integer_value(end);
        return buf_set(&ret->jwt, BYTES_STR(jwt));
}

int tokensock_parse(struct bytes answer, struct token *ret)
{
        struct bytes body = { 0 };
        json_error_t e;
        unsigned status = 0;
        json_t *o;
        int r;

        r = split(answer, &status, &body);
        if (r != 0)
                return r;
        o = json_loadb((const char *)body.ptr, body.len, JSON_REJECT_DUPLICATES, &e);
        if (status != 200)
                r = problem(status, o);
        else
                r = json_is_object(o) ? read_token(o, ret) : err(ERR_FORMAT, "the daemon's answer is no JSON object");
        json_decref(o);
        return r;
}

int tokensock_get(const char *socket, const struct token_wish *w, struct token *ret)
{
        CLEANUP(buf_clear) struct buf request = { 0 }, answer = { 0 };
        CLEANUP(close_fd) int fd = -1;
        int r;

        r = write_request(w, &request);
        if (r == 0)
                r = connect_to(socket, &fd);
        if (r == 0)
                r = send_all(fd, BYTES_OF(&request));
        if (r == 0)
                r = receive_all(fd, &answer);
        return r == 0 ? tokensock_parse(BYTES_OF(&answer), ret) : r;
}
