/* SPDX-License-Identifier: BSD-2-Clause */
/* Where is the daemon that owns this store, and what does it answer? */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "keys/secret.h"
#include "lib/err.h"
#include "lib/file.h"
#include "tools/cli.h"
#include "tools/daemon.h"

#define MESSAGE_MAX 65536
#define REPLY_MAX (6u << 20)     /* evidence with its logs */
#define CONNECT_S 5
#define COMMANDS 8              /* of the TPM, that one order waits for at most */

struct daemon {
        int fd;
};

/* Does a daemon own that store, as far as this user can see? */
static bool may_be_owned(const char *store)
{
        CLEANUP(buf_clear) struct buf path = { 0 };
        struct stat st;

        if (buf_printf(&path, "%s/%s", store, SECRET_FILE) != 0 || buf_str(&path) == NULL)
                return true;
        return lstat(buf_str(&path), &st) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

/* ERR_NOENT: none is meant. *ret_expected: the store is a daemon's, or the configuration or a socket says that there is one. */
static int find_socket(const struct conf *c, struct buf *ret, bool *ret_expected)
{
        CLEANUP(buf_clear) struct buf socket = { 0 };
        bool owned = may_be_owned(c->store);
        int r;

        *ret_expected = owned;
        if (c->store_chosen && !owned)
                return err(ERR_NOENT, "no daemon owns the store %s", c->store);
        if (c->operator_socket != NULL) {
                *ret_expected = true;
                return conf_operator_socket(c, "", ret);
        }
        r = conf_socket_client(c, &socket);
        *ret_expected |= r == 0;
        if (r == ERR_NOENT && owned)
                r = conf_socket_daemon(c, &socket);
        if (r == ERR_INVAL || (r == ERR_NOENT && owned))
                return err(ERR_DAEMON, "a daemon owns the store %s, and the configuration says not where it listens", c->store);
        return r == 0 ? conf_operator_socket(c, buf_str(&socket), ret) : r;
}

static int connect_to(const char *path, int *ret)
{
        struct sockaddr_un a = { .sun_family = AF_UNIX };
        CLEANUP(close_fd) int fd = -1;

        if (strlen(path) >= sizeof a.sun_path)
                return err(ERR_RANGE, "the path of the socket %s is too long", path);
        strcpy(a.sun_path, path);
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return err_errno("cannot make a socket");
        if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &(struct timeval){ .tv_sec = CONNECT_S }, sizeof(struct timeval)) != 0)
                return err_errno("cannot set the socket's deadline");
        if (connect(fd, (struct sockaddr *)&a, sizeof a) != 0) {
                if (errno == EACCES || errno == EPERM)
                        return err(ERR_PERM, "this user is not among the operators of the daemon at %s", path);
                return err(ERR_NOENT, "no daemon answers at %s", path);
        }
        *ret = fd;
        fd = -1;
        return 0;
}

static bool same_directory(const char *a, const char *b)
{
        CLEANUP(free_ptr) char *real_a = realpath(a, NULL);
        CLEANUP(free_ptr) char *real_b = realpath(b, NULL);

        return strcmp(real_a != NULL ? real_a : a, real_b != NULL ? real_b : b) == 0;
}

/* Somebody who names a store means that one. */
static int check_store(struct daemon *d, const struct conf *c)
{
        json_t *reply = NULL;
        const char *store;
        int r;

        r = daemon_ask(d, daemon_request("status", NULL), &reply);
        store = json_string_value(json_object_get(reply, "store"));
        if (r == 0 && (store == NULL || !same_directory(store, c->store)))
                r = err(ERR_DAEMON, "the daemon that answers owns the store %s, and not %s", store != NULL ? store : "?", c->store);
        json_decref(reply);
        return r;
}

int daemon_open(const struct conf *c, struct daemon **ret)
{
        CLEANUP(buf_clear) struct buf path = { 0 };
        struct timeval patience = { .tv_sec = (time_t)(c->deadline_ms / 1000 + 1) * COMMANDS };
        bool expected = false;
        struct daemon *d;
        int fd = -1, r;

        r = find_socket(c, &path, &expected);
        if (r == 0)
                r = connect_to(buf_str(&path), &fd);
        if (r == ERR_NOENT && expected)
                return err(ERR_DAEMON, "the daemon does not answer at %s", buf_str(&path));
        if (r != 0)
                return r;
        d = calloc(1, sizeof *d);
        if (d == NULL || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) != 0) {
                r = d == NULL ? err(ERR_NOMEM, "out of memory") : err_errno("cannot set the socket's deadline");
                close_fd(&fd);
                free(d);
                return r;
        }
        d->fd = fd;
        r = c->store_chosen ? check_store(d, c) : 0;
        if (r != 0) {
                daemon_close(d);
                return r;
        }
        *ret = d;
        return 0;
}

void daemon_close(struct daemon *d)
{
        if (d == NULL)
                return;
        close_fd(&d->fd);
        free(d);
}

static int send_all(int fd, struct bytes b)
{
        while (b.len > 0) {
                ssize_t n = send(fd, b.ptr, b.len, MSG_NOSIGNAL);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return err(ERR_DAEMON, "the daemon takes no order");
                b = BYTES(b.ptr + n, b.len - (size_t)n);
        }
        return 0;
}

static int receive(int fd, uint8_t *to, size_t len)
{
        while (len > 0) {
                ssize_t n = recv(fd, to, len, 0);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
                        return err(ERR_TIMEOUT, "the daemon has not answered in time; it may still do what was asked");
                if (n <= 0)
                        return err(ERR_DAEMON, "the daemon has gone away without an answer");
                to += n;
                len -= (size_t)n;
        }
        return 0;
}

static int append(const char *text, size_t len, void *buf)
{
        return buf_append(buf, text, len);
}

static int send_request(struct daemon *d, const json_t *request)
{
        CLEANUP(buf_clear) struct buf text = { 0 }, message = { 0 };
        int r;

        if (request == NULL || json_dump_callback(request, append, &text, JSON_COMPACT) != 0)
                return err(ERR_INVAL, "the order cannot be written: a name that is no UTF-8?");
        if (text.len > MESSAGE_MAX)
                return err(ERR_RANGE, "the order has more than %d octets", MESSAGE_MAX);
        r = buf_append_u32(&message, (uint32_t)text.len);
        if (r == 0)
                r = buf_append(&message, text.ptr, text.len);
        return r == 0 ? send_all(d->fd, BYTES_OF(&message)) : r;
}

static int read_reply(struct daemon *d, json_t **ret)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        json_error_t e;
        uint8_t head[4];
        size_t len;
        int r;

        r = receive(d->fd, head, sizeof head);
        if (r != 0)
                return r;
        len = (size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
        if (len > REPLY_MAX)
                return err(ERR_FORMAT, "the daemon's answer is too long");
        r = buf_reserve(&text, len);
        if (r == 0)
                r = receive(d->fd, text.ptr, len);
        if (r != 0)
                return r;
        *ret = json_loadb((const char *)text.ptr, len, JSON_REJECT_DUPLICATES, &e);
        return json_is_object(*ret) ? 0 : err(ERR_FORMAT, "the daemon's answer is no JSON object");
}

/* The code of that name; the daemon has no others than err.h. */
static int code_of(const char *name)
{
        for (int r = ERR_NOMEM; name != NULL && r >= ERR_STALE; --r) {
                if (strcmp(err_name(r), name) == 0)
                        return r;
        }
        return ERR_IO;
}

int daemon_ask(struct daemon *d, json_t *request, json_t **ret_reply)
{
        json_t *reply = NULL;
        const char *text;
        int r;

        r = send_request(d, request);
        json_decref(request);
        if (r == 0)
                r = read_reply(d, &reply);
        if (r == 0 && !json_is_true(json_object_get(reply, "ok"))) {
                text = json_string_value(json_object_get(reply, "text"));
                r = err(code_of(json_string_value(json_object_get(reply, "error"))), "%s", text != NULL ? text : "the daemon refused");
        }
        if (r == 0)
                *ret_reply = reply;
        else
                json_decref(reply);
        return r;
}

int daemon_do(struct daemon *d, json_t *request)
{
        json_t *reply = NULL;
        int r;

        r = daemon_ask(d, request, &reply);
        json_decref(reply);
        return r;
}

json_t *daemon_request(const char *order, ...)
{
        json_t *o = json_pack("{s:s}", "order", order);
        const char *name, *value;
        va_list ap;

        va_start(ap, order);
        while ((name = va_arg(ap, const char *)) != NULL) {
                value = va_arg(ap, const char *);
                if (value != NULL && json_object_set_new(o, name, json_string(value)) != 0) {
                        json_decref(o);
                        o = NULL;
                }
        }
        va_end(ap);
        return o;
}

void daemon_add_bytes(json_t *request, const char *name, struct bytes b)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        json_t *value = NULL;

        if (b.len == 0)
                return;
        if (base64_encode(b, &text) == 0)
                value = json_stringn((const char *)text.ptr, text.len);
        /* Left out it would be another order; as it is the daemon refuses it. */
        json_object_set_new(request, name, value != NULL ? value : json_null());
}
