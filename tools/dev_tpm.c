/* SPDX-License-Identifier: BSD-2-Clause */
/* Starts and stops the software TPM of `holdfast dev`. */
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "lib/file.h"
#include "tools/dev.h"

#define START_MS 10000
#define STOP_MS 2000

/* struct dev_dir is that short that what is in it fits. */
#define PATH_LEN sizeof(((struct sockaddr_un *)0)->sun_path)

/* The control socket is bound by us and handed to swtpm listening: whoever connects is served as soon as swtpm
 * can, and gets an end of file if it dies first. Nobody has to guess when it is ready. */
static int control_listen(const char path[PATH_LEN], int *ret_fd)
{
        struct sockaddr_un a = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        strcpy(a.sun_path, path);
        if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) != 0 || listen(fd, 16) != 0) {
                int r = err_errno("cannot make the socket %s", path);

                close_fd(&fd);
                return r;
        }
        *ret_fd = fd;
        return 0;
}

/* In the child. */
static void become_swtpm(const struct dev_dir *d, int control, int log, pid_t parent)
{
        char state[96], server[128], ctrl[64];
        const char *const argv[] = {
                "swtpm", "socket", "--tpm2", "--tpmstate", state, "--server", server, "--ctrl", ctrl, "--flags", "not-need-init,startup-clear", NULL,
        };

        snprintf(state, sizeof state, "dir=%s/tpm-state", d->path);
        snprintf(server, sizeof server, "type=unixio,path=%s/tpm", d->path);
        snprintf(ctrl, sizeof ctrl, "type=unixio,fd=%d", control);
        if (fcntl(control, F_SETFD, 0) != 0)
                _exit(1);
        dev_become(log, parent, argv);
}

/* Sends CMD_GET_CAPABILITY; any answer will do. */
static int control_answers(const char path[PATH_LEN])
{
        static const uint8_t request[] = { 0, 0, 0, 1 };
        CLEANUP(close_fd) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        struct sockaddr_un a = { .sun_family = AF_UNIX };
        struct pollfd p = { .fd = fd, .events = POLLIN };
        uint8_t answer[16];

        strcpy(a.sun_path, path);
        if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a) != 0 ||
            send(fd, request, sizeof request, MSG_NOSIGNAL) != (ssize_t)sizeof request)
                return ERR_SWTPM;
        return poll(&p, 1, START_MS) == 1 && recv(fd, answer, sizeof answer, 0) > 0 ? 0 : ERR_SWTPM;
}

/* The first line that swtpm wrote says why it did not start. */
static int why_not(int log)
{
        char line[160] = "";
        ssize_t n = pread(log, line, sizeof line - 1, 0);

        line[n > 0 ? n : 0] = 0;
        line[strcspn(line, "\n")] = 0;
        return err(ERR_SWTPM, "the software TPM swtpm does not start: %s", line[0] != 0 ? line : "it says nothing");
}

int dev_tpm_start(const struct dev_dir *d, struct dev_tpm *ret)
{
        CLEANUP(close_fd) int control = -1;
        CLEANUP(close_fd) int log = -1;
        char path[PATH_LEN];
        int r;

        ret->pid = -1;
        snprintf(path, sizeof path, "%s/tpm-state", d->path);
        if (mkdir(path, 0700) != 0)
                return err_errno("cannot make %s", path);
        snprintf(path, sizeof path, "%s/tpm.log", d->path);
        log = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (log < 0)
                return err_errno("cannot make %s", path);
        snprintf(path, sizeof path, "%s/tpm.ctrl", d->path);
        r = control_listen(path, &control);
        if (r != 0)
                return r;

        ret->pid = fork();
        if (ret->pid == 0)
                become_swtpm(d, control, log, getppid());
        if (ret->pid < 0)
                return err_errno("cannot start swtpm");
        close_fd(&control);
        control = -1;
        snprintf(ret->tcti, sizeof ret->tcti, "swtpm:path=%s/tpm", d->path);
        return control_answers(path) == 0 ? 0 : why_not(log);
}

void dev_tpm_stop(struct dev_tpm *t)
{
        dev_stop(&t->pid, STOP_MS);
}
