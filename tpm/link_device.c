/* SPDX-License-Identifier: BSD-2-Clause */
/* How is a TPM reached through the kernel's character device?
 *
 * /dev/tpmrm0 is the kernel's resource manager: what is loaded belongs to the open file, which is kept.
 * /dev/tpm0 is the TPM itself, which only one program can have open, so it is closed after each operation. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "lib/err.h"
#include "tpm/clock.h"
#include "tpm/link.h"

struct device_link {
        struct link base;
        int fd;
        char path[PATH_MAX];
};

static int unreachable(const struct device_link *d)
{
        switch (errno) {
        case EACCES:
        case EPERM:
                return err(ERR_PERM, "may not open %s: add this user to the group that owns it (mostly tss)", d->path);
        case EBUSY:
                return err(ERR_NODEV, "%s is in use by another program", d->path);
        default:
                return err(ERR_NODEV, "cannot open the TPM %s: %s", d->path, strerror(errno));
        }
}

static int device_open(struct device_link *d, uint64_t deadline_us)
{
        /* O_NONBLOCK makes the kernel queue the command, so that poll() can wait for the answer. */
        for (;;) {
                d->fd = open(d->path, O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
                if (d->fd >= 0)
                        return 0;
                if ((errno != EBUSY && errno != EINTR) || clock_left_ms(deadline_us) == 0)
                        return unreachable(d);
                clock_nap(2000, deadline_us);
        }
}

static int device_exchange(struct link *l, struct bytes cmd, uint8_t *rsp, size_t room, size_t *ret_len, uint64_t deadline_us)
{
        struct device_link *d = (struct device_link *)l;
        int r;

        if (d->fd < 0) {
                r = device_open(d, deadline_us);
                if (r != 0)
                        return r;
        }
        return link_fd_exchange(d->fd, cmd, rsp, room, ret_len, deadline_us);
}

static void device_hangup(struct link *l)
{
        struct device_link *d = (struct device_link *)l;

        if (d->fd >= 0)
                close(d->fd);
        d->fd = -1;
}

static int device_renew(struct link *l)
{
        struct device_link *d = (struct device_link *)l;
        int fd = open(d->path, O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

        if (fd < 0)
                return unreachable(d);
        device_hangup(l);
        d->fd = fd;
        return 0;
}

static const struct link_ops device_ops = { device_exchange, device_hangup, device_hangup, device_renew };

static bool resource_manager(const char *path)
{
        const char *slash = strrchr(path, '/');

        return strncmp(slash != NULL ? slash + 1 : path, "tpmrm", 5) == 0;
}

int link_device_new(const char *path, struct link **ret)
{
        struct device_link *d;

        if (path[0] == '\0')
                path = access("/dev/tpmrm0", F_OK) == 0 || access("/dev/tpm0", F_OK) != 0 ? "/dev/tpmrm0" : "/dev/tpm0";
        if (strlen(path) >= sizeof(d->path))
                return err(ERR_INVAL, "the TPM's path is too long");
        d = calloc(1, sizeof(*d));
        if (d == NULL)
                return err(ERR_NOMEM, "out of memory");
        d->base.ops = &device_ops;
        d->base.managed = resource_manager(path);
        d->fd = -1;
        snprintf(d->path, sizeof(d->path), "%s", path);
        *ret = &d->base;
        return 0;
}
