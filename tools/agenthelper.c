/* SPDX-License-Identifier: BSD-2-Clause */
/* Who serves the ssh-agent of a command that acts for an agent, and clears up behind it?
 *
 * Not the command's parent, so that its exit status, its signals and its terminal are its own; and not its child, so that it has none to wait for
 * which it did not start. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include "lib/cryptoki.h"
#include "lib/err.h"
#include "lib/file.h"
#include "tools/agenthelper.h"
#include "tools/p11keys.h"
#include "tools/sshagent.h"

#define FIRST_FREE_FD 10        /* those below are replaced or closed */
#define CERT_FILE_MAX 65536

struct helper {
        const struct credfiles *files;
        struct p11agent *agent;         /* NULL: not open */
        struct p11keys keys;
};

static void let_go(struct helper *h)
{
        p11keys_clear(&h->keys);
        p11agent_close(h->agent);
        h->agent = NULL;
}

/* Anew each time, for keys come and go. A session from before the daemon started again is good for nothing: then once more. */
static int read_keys(struct helper *h)
{
        int r = ERR_NODEV;

        for (int tries = 0; r != 0 && tries < 2; ++tries) {
                r = h->agent != NULL ? 0 : p11agent_open(h->files->agent, &h->agent);
                if (r == 0)
                        r = p11agent_keys(h->agent, &h->keys);
                if (r != 0)
                        let_go(h);
        }
        return r;
}

/* The second word of "TYPE BASE64 COMMENT". */
static int read_certificate(const struct credfiles *f, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf path = { 0 }, text = { 0 };
        const char *word;
        int r;

        r = credfiles_path(f, CRED_SSH_CERT, &path);
        if (r == 0)
                r = file_read(AT_FDCWD, buf_str(&path), CERT_FILE_MAX, &text);
        if (r != 0)
                return r;
        word = buf_str(&text) != NULL ? strchr(buf_str(&text), ' ') : NULL;
        return word != NULL ? base64_decode(word + 1, strcspn(word + 1, " \r\n"), ret) : err(ERR_FORMAT, "%s is no certificate", buf_str(&path));
}

/* The certificate first: who has it needs nothing else. */
static int add(const struct helper *h, size_t i, struct sshagent_list *ret)
{
        CLEANUP(buf_clear) struct buf certificate = { 0 }, comment = { 0 };
        const struct p11key *k = &h->keys.list[i];
        int r;

        r = buf_printf(&comment, "%s/%.*s", h->files->agent, (int)k->label.len, (const char *)k->label.ptr);
        if (r == 0 && bytes_equal(BYTES_OF(&k->label), BYTES_OF(&h->files->label)) && read_certificate(h->files, &certificate) == 0)
                r = sshagent_list_add(ret, &k->pub, BYTES_OF(&certificate), BYTES_OF(&comment), i);
        /* One that is for another key than this is left out. */
        if (r == 0 || r == ERR_FORMAT)
                r = sshagent_list_add(ret, &k->pub, BYTES(NULL, 0), BYTES_OF(&comment), i);
        return r == ERR_NOTSUP || r == ERR_RANGE ? 0 : r;
}

static int list(void *ctx, struct sshagent_list *ret)
{
        struct helper *h = ctx;
        int r;

        r = read_keys(h);
        for (size_t i = 0; r == 0 && i < h->keys.n; ++i)
                r = add(h, i, ret);
        return r;
}

/* With the keys as they were listed for this very request. */
static int sign(void *ctx, size_t key, const struct hash *hash, struct bytes data, struct buf *ret)
{
        struct helper *h = ctx;

        return key < h->keys.n ? p11agent_sign(h->agent, &h->keys.list[key], hash, data, ret) : err(ERR_STALE, "the key is gone");
}

static int listen_on(const char *path, int *ret)
{
        struct sockaddr_un a = { .sun_family = AF_UNIX };
        int fd, r = 0;

        if (strlen(path) >= sizeof a.sun_path)
                return err(ERR_RANGE, "the path of the socket %s is too long", path);
        strcpy(a.sun_path, path);
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) != 0 || chmod(path, 0600) != 0 || listen(fd, 16) != 0)
                r = err_errno("cannot make the socket %s", path);
        if (r != 0)
                close_fd(&fd);
        else
                *ret = fd;
        return r;
}

/* No descriptor of the command's, above all no pipe that somebody reads to its end, no terminal, no directory that cannot be unmounted. What
 * ends the command is no end for us: it may still want its keys for its last words. */
static bool detach(int *listener, int *command)
{
        int kept[2] = { fcntl(*listener, F_DUPFD_CLOEXEC, FIRST_FREE_FD), fcntl(*command, F_DUPFD_CLOEXEC, FIRST_FREE_FD) };
        int null = open("/dev/null", O_RDWR | O_CLOEXEC), top = kept[0] > kept[1] ? kept[0] : kept[1];
        static const int ignored[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGUSR1, SIGUSR2 };

        if (kept[0] < 0 || kept[1] < 0 || null < 0 || chdir("/") != 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0)
                return false;
        for (int fd = 3; fd < top; ++fd) {
                if (fd != kept[0] && fd != kept[1])
                        close(fd);
        }
        closefrom(top + 1);
        for (size_t i = 0; i < ARRAY_LEN(ignored); ++i)
                signal(ignored[i], SIG_IGN);
        *listener = kept[0];
        *command = kept[1];
        return true;
}

static void help(const struct credfiles *f, const struct dev_dir *d, int listener, int command)
{
        struct helper h = { .files = f };
        const struct sshagent_source source = { list, sign, &h };

        if (detach(&listener, &command)) {
                sshagent_serve(&source, listener, command);
                let_go(&h);
        }
        dev_dir_remove(d);
}

/* The child of a child, which nobody waits for. */
static int start(const struct credfiles *f, const struct dev_dir *d, int listener, int command)
{
        pid_t child, pid;
        int status;

        fflush(NULL);
        child = fork();
        if (child < 0)
                return err_errno("cannot start a process");
        if (child == 0) {
                setsid();
                pid = fork();
                if (pid == 0)
                        help(f, d, listener, command);
                _exit(pid < 0 ? EXIT_FAILURE : 0);
        }
        while (waitpid(child, &status, 0) < 0) {
                if (errno != EINTR)
                        return err_errno("cannot wait for a process");
        }
        return status == 0 ? 0 : err(ERR_NOMEM, "cannot start a process");
}

int agenthelper_start(const struct credfiles *f, const struct dev_dir *d, const char *socket)
{
        CLEANUP(close_fd) int listener = -1, command = -1;
        int r;

        /* Of this very process, whatever it becomes: readable when it has ended. */
        command = (int)syscall(SYS_pidfd_open, getpid(), 0);
        if (command < 0)
                return err_errno("cannot watch this process");
        r = listen_on(socket, &listener);
        return r == 0 ? start(f, d, listener, command) : r;
}
