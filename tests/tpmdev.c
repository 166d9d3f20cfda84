/* SPDX-License-Identifier: BSD-2-Clause */
/* How does a test get a TPM device without a driver? From a pseudo-terminal in raw mode. */
#include "tests/tpmdev.h"

#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <termios.h>
#include <unistd.h>

static void closed(struct tpmdev *d)
{
        if (d->manager && (swtpm_flush(d->sw, 0x80000000) != 0 || swtpm_flush(d->sw, 0x02000000) != 0))
                abort();
        atomic_fetch_add(&d->closed, 1);
}

/* Closed and opened again at once, it shows nothing of that on the other end: the kernel tells who watches the file. */
static bool was_closed(struct tpmdev *d)
{
        union {
                struct inotify_event e;
                uint8_t room[4096];
        } events;
        bool closed = false;
        ssize_t n;

        while ((n = read(d->watch, &events, sizeof(events))) > 0)
                closed = true;
        return closed;
}

static void *serve(void *arg)
{
        struct tpmdev *d = arg;
        struct pollfd p[] = { { .fd = d->master, .events = POLLIN }, { .fd = d->stop[0], .events = POLLIN } };
        int open = 0;

        while (poll(p, 2, -1) > 0 && p[1].revents == 0) {
                uint8_t cmd[4096], rsp[4096];
                size_t len = sizeof(rsp);
                ssize_t n;

                if (was_closed(d) && open)
                        closed(d);
                if ((p[0].revents & POLLIN) == 0) {
                        /* POLLHUP: nobody has it open. */
                        open = 0;
                        usleep(500);
                        continue;
                }
                open = 1;
                n = read(d->master, cmd, sizeof(cmd));
                if (n <= 0)
                        continue;
                if (swtpm_command(d->sw, cmd, (size_t)n, rsp, &len) != 0)
                        abort();
                if (d->seen != NULL)
                        d->seen(d->seen_ctx, cmd, (size_t)n, rsp, len);
                if (write(d->master, rsp, len) != (ssize_t)len)
                        abort();
        }
        return NULL;
}

int tpmdev_start(struct tpmdev *d, const struct swtpm *sw, const char *name)
{
        char path[80];
        struct termios raw;
        int slave;

        memset(d, 0, sizeof(*d));
        d->sw = sw;
        d->manager = strcmp(name, "tpmrm0") == 0;
        d->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
        if (d->master < 0 || grantpt(d->master) != 0 || unlockpt(d->master) != 0 || pipe2(d->stop, O_CLOEXEC) != 0) {
                perror("pseudo-terminal");
                return -1;
        }
        snprintf(path, sizeof(path), "%s/%s", sw->dir, name);
        snprintf(d->tcti, sizeof(d->tcti), "device:%s", path);
        slave = open(ptsname(d->master), O_RDWR | O_NOCTTY | O_CLOEXEC);
        if (slave < 0 || tcgetattr(slave, &raw) != 0 || symlink(ptsname(d->master), path) != 0) {
                perror(path);
                return -1;
        }
        cfmakeraw(&raw);
        tcsetattr(slave, TCSANOW, &raw);
        close(slave);
        d->watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        if (d->watch < 0 || inotify_add_watch(d->watch, ptsname(d->master), IN_CLOSE) < 0) {
                perror("inotify");
                return -1;
        }
        return 0;
}

void tpmdev_answer(struct tpmdev *d)
{
        tcflush(d->master, TCIOFLUSH);
        if (pthread_create(&d->thread, NULL, serve, d) != 0)
                abort();
}

void tpmdev_stop(struct tpmdev *d)
{
        char path[96];

        if (write(d->stop[1], "", 1) != 1)
                abort();
        pthread_join(d->thread, NULL);
        close(d->master);
        close(d->watch);
        close(d->stop[0]);
        close(d->stop[1]);
        snprintf(path, sizeof(path), "%s/%s", d->sw->dir, d->manager ? "tpmrm0" : "tpm0");
        unlink(path);
}
