/* SPDX-License-Identifier: BSD-2-Clause */
/* How is an issuer reached without a network of one's own? */
#include "enroll/link.h"
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "enroll/wire.h"
#include "lib/err.h"
#include "lib/file.h"

#define HELPER "holdfast-http"
#define START_MS 15000          /* for holdfast-http to be there */
#define ANSWER_MS 45000         /* holdfast-http itself gives up earlier, and says why */
#define END_MS 2000             /* for it to end when it is no longer needed */

struct link {
        int fd;
        pid_t pid;              /* 0: somebody else's */
        bool broken;
        struct buf room;
};

/* As HOLDFAST_HTTP says; a build tree's where this program runs in one; else the installed one. */
static int helper_path(struct buf *ret)
{
        static const char *const places[] = { "/daemon", "/tools" };
        const char *given = secure_getenv("HOLDFAST_HTTP");
        char here[PATH_MAX], *slash = NULL;
        int r = 0;

        if (given != NULL && given[0] == '/')
                r = buf_append_str(ret, given);
        else if (realpath("/proc/self/exe", here) != NULL)
                slash = strrchr(here, '/');
        for (size_t i = 0; r == 0 && slash != NULL && i < ARRAY_LEN(places); i++) {
                size_t n = strlen(places[i]);

                *slash = '\0';
                if ((size_t)(slash - here) > n && strcmp(slash - n, places[i]) == 0)
                        r = buf_printf(ret, "%s/../enroll/" HELPER, here);
        }
        if (r == 0 && ret->len == 0)
                r = buf_append_str(ret, HF_PKGLIBEXECDIR "/" HELPER);
        return r == 0 && buf_str(ret) == NULL ? err(ERR_NOMEM, "out of memory") : r;
}

/* The helper's standard input and output are the socket, its standard error is ours. */
static int spawn(const char *program, int fd, pid_t *ret_pid)
{
        char name[] = HELPER, path[] = "PATH=/usr/bin:/bin";
        char *argv[] = { name, NULL }, *envp[] = { path, NULL };
        posix_spawn_file_actions_t actions;
        posix_spawnattr_t attr;
        sigset_t none, all;

        sigemptyset(&none);
        sigfillset(&all);
        posix_spawn_file_actions_init(&actions);
        posix_spawnattr_init(&attr);
        posix_spawn_file_actions_adddup2(&actions, fd, STDIN_FILENO);
        posix_spawn_file_actions_adddup2(&actions, fd, STDOUT_FILENO);
        /* A TPM that was opened by somebody's library may be among the others. */
        posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
        posix_spawnattr_setsigmask(&attr, &none);
        posix_spawnattr_setsigdefault(&attr, &all);
        /* A terminal's Ctrl-C is for the program, which then ends this one. */
        posix_spawnattr_setpgroup(&attr, 0);
        posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
        errno = posix_spawn(ret_pid, program, &actions, &attr, argv, envp);
        posix_spawn_file_actions_destroy(&actions);
        posix_spawnattr_destroy(&attr);
        return errno == 0 ? 0 : err_errno("cannot start %s", program);
}

static int start(const char *program, struct link *l)
{
        CLEANUP(buf_clear) struct buf path = { 0 };
        int pair[2], r = 0;

        if (program == NULL) {
                r = helper_path(&path);
                program = buf_str(&path);
        }
        if (r != 0)
                return r;
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
                return err_errno("cannot make a pair of sockets");
        r = spawn(program, pair[1], &l->pid);
        close(pair[1]);
        l->fd = pair[0];
        return r;
}

static int reach(const char *path, struct link *l)
{
        struct sockaddr_un a = { .sun_family = AF_UNIX };

        if (strlen(path) >= sizeof(a.sun_path))
                return err(ERR_INVAL, "%s is too long for a socket", path);
        memcpy(a.sun_path, path, strlen(path) + 1);
        l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (l->fd < 0 || connect(l->fd, (const struct sockaddr *)&a, sizeof(a)) != 0)
                return err_errno("cannot reach holdfast-http on %s", path);
        return 0;
}

/* What was failed is told as if it had happened here. */
static int exchange(struct link *l, const struct wire_frame *f, enum wire_type want, uint64_t ms, struct wire_frame *ret)
{
        uint64_t until = wire_now_ms() + ms;
        int r;

        if (l->broken)
                return err(ERR_IO, "the connection to holdfast-http is lost");
        r = wire_send(l->fd, f, until);
        if (r == 0)
                r = wire_receive(l->fd, until, &l->room, ret);
        if (r == 0 && ret->type == WIRE_FAILED)
                return err(ret->error, "%.*s", (int)ret->text.len, (const char *)ret->text.ptr);
        if (r == 0 && ret->type != want)
                r = err(ERR_FORMAT, "holdfast-http answers something else");
        if (r == 0)
                return 0;
        l->broken = true;
        return r == ERR_NOENT ? err(ERR_IO, "holdfast-http has ended") : r;
}

int link_open(const struct link_target *t, struct link **ret)
{
        struct link *l = calloc(1, sizeof(*l));
        struct wire_frame ready;
        int r;

        if (l == NULL)
                return err(ERR_NOMEM, "out of memory");
        l->fd = -1;
        r = t->socket != NULL ? reach(t->socket, l) : start(t->program, l);
        if (r == 0)
                r = exchange(l, &(struct wire_frame){ .type = WIRE_TARGET, .url = BYTES_STR(t->url), .ca = t->ca }, WIRE_READY, START_MS, &ready);
        if (r == 0)
                *ret = l;
        else
                link_close(l);
        return r;
}

/* It ends by itself when its socket is at its end, unless it hangs. */
static void end(pid_t pid)
{
        const struct timespec nap = { .tv_nsec = 1000000 };

        for (unsigned i = 0; i < END_MS; i++) {
                if (waitpid(pid, NULL, WNOHANG) != 0)
                        return;
                nanosleep(&nap, NULL);
        }
        kill(pid, SIGKILL);
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
                ;
}

void link_close(struct link *l)
{
        if (l == NULL)
                return;
        close_fd(&l->fd);
        if (l->pid > 0)
                end(l->pid);
        buf_clear(&l->room);
        free(l);
}

bool link_broken(const struct link *l)
{
        return l->broken;
}

void link_cut(struct link *l)
{
        shutdown(l->fd, SHUT_RDWR);
}

static int ask(struct link *l, const struct wire_frame *f, unsigned *ret_status, struct buf *ret_body)
{
        struct wire_frame reply;
        int r = exchange(l, f, WIRE_REPLY, ANSWER_MS, &reply);

        if (r == 0)
                r = buf_set(ret_body, reply.body);
        if (r == 0)
                *ret_status = reply.status;
        /* What was asked and answered may hold a token. */
        wipe(l->room.ptr, l->room.len);
        return r;
}

int link_get(struct link *l, const char *path, unsigned *ret_status, struct buf *ret_body)
{
        return ask(l, &(struct wire_frame){ .type = WIRE_REQUEST, .path = BYTES_STR(path) }, ret_status, ret_body);
}

int link_post(struct link *l, const char *path, struct bytes json, unsigned *ret_status, struct buf *ret_body)
{
        return ask(l, &(struct wire_frame){ .type = WIRE_REQUEST, .post = true, .path = BYTES_STR(path), .body = json }, ret_status, ret_body);
}
