/* SPDX-License-Identifier: BSD-2-Clause */
/* How does a call reach the daemon, again and again, when p11-kit's client connects once? */
#include "pkcs11/relay.h"
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "lib/buf.h"
#include "pkcs11/functions.h"

#define CLIENT HF_P11KIT_MODULES "/p11-kit-client.so"
#define VARIABLE "P11_KIT_SERVER_ADDRESS="
#define FDS_NEAR 64

/* An environment that getenv() may still be reading in another thread: it stays. */
struct kept {
        struct kept *next;
        char *vars[];
};

/* Each C_GetFunctionList of the client makes another client, which lives as long as the process: one for each address, and for each
 * forked child, for its parent may have been in the middle of a call. Under the gate of C_Initialize, or the relay's lock. */
static CK_FUNCTION_LIST *last_client;
static char *last_address;
static struct kept *environments;

/* Percent-encoded, as p11-kit has it. */
static char *address_of(const char *socket)
{
        CLEANUP(buf_clear) struct buf b = { 0 };
        const char *s;
        int r;

        r = buf_append_str(&b, VARIABLE "unix:path=");
        for (; r == 0 && *socket != '\0'; socket++) {
                if ((*socket >= 'a' && *socket <= 'z') || (*socket >= 'A' && *socket <= 'Z') || strchr("0123456789/._-", *socket) != NULL)
                        r = buf_append_u8(&b, (uint8_t)*socket);
                else
                        r = buf_printf(&b, "%%%02x", (unsigned char)*socket);
        }
        s = r == 0 ? buf_str(&b) : NULL;
        return s != NULL ? strdup(s) : NULL;
}

static bool is_ours(const char *var)
{
        return strncmp(var, VARIABLE, strlen(VARIABLE)) == 0;
}

/* The environment with our variable in it. */
static struct kept *environment(char *var)
{
        struct kept *k;
        size_t n = 0, at = 0;

        while (environ != NULL && environ[n] != NULL)
                n++;
        k = calloc(1, sizeof(*k) + (n + 2) * sizeof(char *));
        if (k == NULL)
                return NULL;
        k->vars[at++] = var;
        for (size_t i = 0; i < n && environ[i] != NULL; i++)
                if (!is_ours(environ[i]))
                        k->vars[at++] = environ[i];
        return k;
}

/* The client takes its address from the environment. setenv() would race with other threads' getenv(); for them one array is as good as
 * the other. A thread that sets a variable meanwhile keeps what it has made of ours. */
static CK_RV ask_for_list(CK_RV (*get)(CK_FUNCTION_LIST **list), char *var, CK_FUNCTION_LIST **ret)
{
        struct kept *k = environment(var);
        char **before = environ;
        CK_RV rv;

        if (k == NULL) {
                free(var);
                return CKR_HOST_MEMORY;
        }
        k->next = environments;
        environments = k;
        environ = k->vars;
        rv = get(ret);
        if (environ == k->vars)
                environ = before;
        return rv;
}

static CK_RV new_client(char *address, CK_FUNCTION_LIST **ret)
{
        CK_RV (*get)(CK_FUNCTION_LIST **list) = NULL;
        void *so = dlopen(CLIENT, RTLD_NOW | RTLD_LOCAL);

        if (so != NULL)
                *(void **)&get = dlsym(so, "C_GetFunctionList");
        if (get != NULL)
                return ask_for_list(get, address, ret);
        free(address);
        return CKR_GENERAL_ERROR;
}

/* NULL: none. */
static CK_RV client_for(const char *socket, CK_FUNCTION_LIST **ret)
{
        char *address = address_of(socket);

        *ret = NULL;
        if (address == NULL)
                return CKR_HOST_MEMORY;
        if (last_client != NULL && strcmp(address, last_address) == 0) {
                free(address);
                *ret = last_client;
                return CKR_OK;
        }
        last_client = NULL;
        if (new_client(address, ret) == CKR_OK) {
                last_address = address; /* the one before it stands in an environment that stays */
                last_client = *ret;
        }
        return CKR_OK;
}

CK_RV relay_new(const char *socket, struct relay **ret)
{
        struct relay *r = calloc(1, sizeof(*r));
        CK_RV rv;

        if (r == NULL)
                return CKR_HOST_MEMORY;
        r->fd = -1;
        pthread_mutex_init(&r->lock, NULL);
        r->socket = strdup(socket);
        rv = r->socket != NULL ? CKR_OK : CKR_HOST_MEMORY;
        /* The client would cut a name that is too long, and ask whoever has that one. */
        if (rv == CKR_OK && strlen(socket) < sizeof(((struct sockaddr_un *)NULL)->sun_path))
                rv = client_for(socket, &r->client);
        if (rv != CKR_OK) {
                relay_free(r);
                return rv;
        }
        *ret = r;
        return CKR_OK;
}

/* A daemon that has gone must not kill the program by a signal: the client writes without a thought of it. */
static void no_signal(struct relay *r)
{
        sigset_t pipe, pending;

        sigemptyset(&pipe);
        sigaddset(&pipe, SIGPIPE);
        pthread_sigmask(SIG_BLOCK, &pipe, &r->mask);
        r->pipe_pending = sigismember(&r->mask, SIGPIPE) == 1 && sigpending(&pending) == 0 && sigismember(&pending, SIGPIPE) == 1;
}

static void signals_again(struct relay *r)
{
        const struct timespec now = { 0 };
        sigset_t pipe;

        if (!r->pipe_pending) {
                sigemptyset(&pipe);
                sigaddset(&pipe, SIGPIPE);
                while (sigtimedwait(&pipe, NULL, &now) < 0 && errno == EINTR)
                        ;
        }
        pthread_sigmask(SIG_SETMASK, &r->mask, NULL);
}

/* Programs close descriptors that they do not know, and open others in their place. */
static bool same_socket(const struct relay *r)
{
        struct stat st;

        return r->fd >= 0 && fstat(r->fd, &st) == 0 && st.st_dev == r->dev && st.st_ino == r->ino;
}

/* Between calls the daemon says nothing: whatever there is to read is its end. */
bool relay_alive(const struct relay *r)
{
        struct pollfd p = { .fd = r->fd, .events = POLLIN };

        return same_socket(r) && poll(&p, 1, 0) == 0;
}

/* The client says goodbye, which nobody is to wait for an answer to. */
static void disconnect(struct relay *r)
{
        if (r->fd < 0)
                return;
        if (!relay_alive(r) && same_socket(r))
                shutdown(r->fd, SHUT_RDWR);
        r->client->C_Finalize(NULL);
        r->fd = -1;
}

/* Between two calls somebody has closed the descriptor, perhaps opened another in its place. The client must not have a word with that
 * one: it is left as it is, for another client. */
static CK_RV leave_robbed(struct relay *r)
{
        if (r->fd < 0 || same_socket(r))
                return CKR_OK;
        r->fd = -1;
        last_client = NULL;
        return client_for(r->socket, &r->client);
}

/* Descriptors as they were before the client got one more. */
struct before {
        int lowest;                     /* that was free */
        ino_t ino[FDS_NEAR];            /* of those from there on; 0: free */
};

static ino_t inode(int fd)
{
        struct stat st;

        return fstat(fd, &st) == 0 ? st.st_ino : 0;
}

static CK_RV look_before(struct before *b)
{
        b->lowest = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (b->lowest < 0)
                return CKR_HOST_MEMORY;
        close(b->lowest);
        for (int i = 0; i < FDS_NEAR; i++)
                b->ino[i] = inode(b->lowest + i);
        return CKR_OK;
}

/* Connected to a socket in the file system, whose name need not be the one that we know: there are links and mounts. */
static bool is_unix(int fd, struct sockaddr_un *ret)
{
        socklen_t len = sizeof(*ret);

        *ret = (struct sockaddr_un){ 0 };
        return getpeername(fd, (struct sockaddr *)ret, &len) == 0 && ret->sun_family == AF_UNIX && ret->sun_path[0] != '\0';
}

/* Only a name that is the very same is proof. */
static bool is_named(const struct relay *r, int fd)
{
        struct sockaddr_un a;

        return is_unix(fd, &a) && strncmp(a.sun_path, r->socket, sizeof(a.sun_path)) == 0;
}

/* Which descriptor has the client got? Other threads may have opened some too. -1: it cannot be told. */
static int find_connection(const struct relay *r, const struct before *b)
{
        struct sockaddr_un a;
        int found = -1, n = 0;

        for (int i = 0; i < FDS_NEAR; i++) {
                int fd = b->lowest + i;

                if (inode(fd) == b->ino[i] || !is_unix(fd, &a))
                        continue;
                if (n++ == 0 || is_named(r, fd))
                        found = fd;
        }
        return n <= 1 || is_named(r, found) ? found : -1;
}

static CK_RV connect_anew(struct relay *r)
{
        struct before before;
        struct stat st;
        CK_INFO info;
        CK_RV rv;

        rv = leave_robbed(r);
        if (rv != CKR_OK)
                return rv;
        disconnect(r);
        if (r->client == NULL)
                return CKR_DEVICE_ERROR;
        rv = look_before(&before);
        if (rv != CKR_OK)
                return rv;
        rv = r->client->C_Initialize(NULL);
        r->fd = find_connection(r, &before);
        if (rv != CKR_OK) {
                /* What it could not talk over it leaves open, and forgets. */
                if (is_named(r, r->fd))
                        close(r->fd);
                r->fd = -1;
                return CKR_DEVICE_ERROR;
        }
        /* It is content with nobody there, and would be for ever. */
        if (r->client->C_GetInfo(&info) != CKR_OK || r->fd < 0 || fstat(r->fd, &st) != 0) {
                r->client->C_Finalize(NULL);
                r->fd = -1;
                return CKR_DEVICE_ERROR;
        }
        /* What the program executes is not the program. */
        fcntl(r->fd, F_SETFD, FD_CLOEXEC);
        r->dev = st.st_dev;
        r->ino = st.st_ino;
        r->connection++;
        return CKR_OK;
}

void relay_free(struct relay *r)
{
        if (r == NULL)
                return;
        no_signal(r);
        if (leave_robbed(r) == CKR_OK)
                disconnect(r);
        signals_again(r);
        relay_sessions_drop(r, NULL);
        table_clear(&r->sessions);
        table_clear(&r->tokens);
        pthread_mutex_destroy(&r->lock);
        free(r->socket);
        free(r);
}

void relay_abandon(struct relay *r)
{
        if (same_socket(r))
                close(r->fd);
        r->fd = -1;
        last_client = NULL;
}

bool relay_lock(struct relayed *c)
{
        *c = (struct relayed){ .f = &direct_functions };
        if (call_is_direct())
                return true;
        c->rv = call_begin(&c->call);
        if (c->rv != CKR_OK)
                return false;
        c->relay = c->call.app->relay;
        if (c->relay == NULL) {
                call_end(&c->call, CKR_OK);
                return true;
        }
        pthread_mutex_lock(&c->relay->lock);
        no_signal(c->relay);
        return true;
}

bool relay_begin(struct relayed *c)
{
        if (!relay_lock(c))
                return false;
        if (c->relay == NULL)
                return true;
        if (!relay_alive(c->relay))
                c->rv = connect_anew(c->relay);
        c->f = c->relay->client;
        if (c->rv == CKR_OK)
                return true;
        relay_leave(c, c->rv);
        return false;
}

bool relay_enter(struct relayed *c, CK_SESSION_HANDLE h, enum relay_part part)
{
        if (!relay_begin(c))
                return false;
        c->h = h;
        if (c->relay == NULL)
                return true;
        c->rv = relay_session_get(c->relay, h, part, &c->session);
        if (c->rv != CKR_OK) {
                c->rv = relay_leave(c, c->rv);
                return false;
        }
        c->h = c->session->remote;
        return true;
}

CK_RV relay_leave(struct relayed *c, CK_RV rv)
{
        struct relay *r = c->relay;

        if (r == NULL)
                return rv;
        if (rv != CKR_OK && r->fd >= 0 && !relay_alive(r)) {
                disconnect(r);
                rv = CKR_DEVICE_ERROR;
        }
        signals_again(r);
        pthread_mutex_unlock(&r->lock);
        return call_end(&c->call, rv);
}
