/* SPDX-License-Identifier: BSD-2-Clause */
/* Where do daemon and clients meet, and where is the log, unless it is configured? */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "lib/buf.h"
#include "lib/conf.h"
#include "lib/err.h"

#define SYSTEM_SOCKET "/run/holdfast/pkcs11.sock"
#define SYSTEM_STORE "/var/lib/holdfast"
#define OPERATOR_NAME "operator.sock"

static int user_socket(struct buf *ret)
{
        const char *dir = secure_getenv("XDG_RUNTIME_DIR");

        if (dir == NULL || dir[0] != '/')
                return err(ERR_NOENT, "XDG_RUNTIME_DIR names no directory for the socket: set [daemon] socket");
        return buf_printf(ret, "%s/holdfast/pkcs11.sock", dir);
}

/* Appended with a NUL behind it that is not counted. */
static int ended(int r, struct buf *ret)
{
        if (r == 0 && buf_str(ret) == NULL)
                r = err(ERR_NOMEM, "out of memory");
        return r;
}

int conf_socket_daemon(const struct conf *c, struct buf *ret)
{
        if (c->socket != NULL && c->socket[0] != '/')
                return err(ERR_INVAL, "[daemon] socket is none: there is nothing to listen on");
        if (c->socket != NULL)
                return ended(buf_append_str(ret, c->socket), ret);
        if (strcmp(c->store, SYSTEM_STORE) == 0)
                return ended(buf_append_str(ret, SYSTEM_SOCKET), ret);
        return ended(user_socket(ret), ret);
}

int conf_socket_client(const struct conf *c, struct buf *ret)
{
        if (c->socket != NULL)
                return c->socket[0] == '/' ? ended(buf_append_str(ret, c->socket), ret) : err(ERR_NOENT, "no daemon is to be asked");
        if (c->store_chosen)
                return err(ERR_NOENT, "the store %s was chosen, and no socket", c->store);
        if (ended(user_socket(ret), ret) == 0 && access(buf_str(ret), F_OK) == 0)
                return 0;
        buf_reset(ret);
        if (access(SYSTEM_SOCKET, F_OK) != 0)
                return err(ERR_NOENT, "no daemon has a socket here");
        return ended(buf_append_str(ret, SYSTEM_SOCKET), ret);
}

int conf_beside(const char *configured, const char *socket, const char *name, struct buf *ret)
{
        const char *slash = strrchr(socket, '/');
        int r;

        if (configured != NULL)
                return ended(buf_append_str(ret, configured), ret);
        r = buf_append(ret, socket, slash != NULL ? (size_t)(slash - socket) + 1 : 0);
        return ended(r == 0 ? buf_append_str(ret, name) : r, ret);
}

int conf_operator_socket(const struct conf *c, const char *socket, struct buf *ret)
{
        return conf_beside(c->operator_socket, socket, OPERATOR_NAME, ret);
}

int conf_audit_dir(const struct conf *c, struct buf *ret)
{
        if (c->audit_dir != NULL)
                return ended(buf_append_str(ret, c->audit_dir), ret);
        return ended(buf_printf(ret, "%s/audit", c->store), ret);
}
