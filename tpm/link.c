/* SPDX-License-Identifier: BSD-2-Clause */
/* Which way leads to the TPM that a string names, and how does one command travel over a descriptor? */
#include "tpm/link.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "lib/err.h"
#include "tpm/clock.h"
#include "tpm/wire.h"

#define SIZE_END 6              /* tag and size */

int link_new(const char *tcti, struct link **ret)
{
        static const struct {
                const char *name;
                int (*make)(const char *conf, struct link **ret);
        } kinds[] = {
                { "swtpm", link_socket_new },
                { "device", link_device_new },
        };

        for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
                size_t len = strlen(kinds[i].name);

                if (strncmp(tcti, kinds[i].name, len) != 0)
                        continue;
                if (tcti[len] == '\0')
                        return kinds[i].make("", ret);
                if (tcti[len] == ':')
                        return kinds[i].make(tcti + len + 1, ret);
        }
        return link_loader_new(tcti, ret);
}

void link_hangup(struct link *l)
{
        l->ops->hangup(l);
}

int link_renew(struct link *l)
{
        return l->ops->renew != NULL ? l->ops->renew(l) : ERR_NOTSUP;
}

void link_abandon(struct link *l)
{
        l->ops->abandon(l);
        free(l);
}

void link_free(struct link *l)
{
        if (l == NULL)
                return;
        l->ops->hangup(l);
        free(l);
}

static int wait_for(int fd, short events, uint64_t deadline_us)
{
        struct pollfd p = { .fd = fd, .events = events };
        int n;

        do {
                n = poll(&p, 1, clock_left_ms(deadline_us));
        } while (n < 0 && errno == EINTR);
        if (n < 0)
                return err_errno("waiting for the TPM");
        if (n == 0)
                return err(ERR_TIMEOUT, "the TPM did not answer in time");
        return 0;
}

/* A device is no socket: it takes a command in one write or not at all. */
static ssize_t put(int fd, const uint8_t *p, size_t len)
{
        ssize_t n = send(fd, p, len, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (n < 0 && errno == ENOTSOCK)
                n = write(fd, p, len);
        return n;
}

static int send_all(int fd, struct bytes cmd, uint64_t deadline_us)
{
        size_t done = 0;
        int r;

        while (done < cmd.len) {
                ssize_t n = put(fd, cmd.ptr + done, cmd.len - done);

                if (n > 0) {
                        done += (size_t)n;
                        continue;
                }
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK)
                        return err(ERR_IO, "sending a command to the TPM: %s", strerror(errno));
                r = wait_for(fd, POLLOUT, deadline_us);
                if (r != 0)
                        return r;
        }
        return 0;
}

/* The size that the response's own header gives, once that is there. */
static size_t announced(const uint8_t *rsp, size_t have)
{
        struct reader r = READER(BYTES(rsp, have));

        if (have < SIZE_END)
                return SIZE_END;
        read_u16(&r);
        return read_u32(&r);
}

int link_fd_exchange(int fd, struct bytes cmd, uint8_t *rsp, size_t room, size_t *ret_len, uint64_t deadline_us)
{
        size_t have = 0;
        int r;

        r = send_all(fd, cmd, deadline_us);
        if (r != 0)
                return r;
        do {
                ssize_t n;

                r = wait_for(fd, POLLIN, deadline_us);
                if (r != 0)
                        return r;
                n = read(fd, rsp + have, room - have);
                if (n < 0 && (errno == EINTR || errno == EAGAIN))
                        continue;
                if (n < 0)
                        return err(ERR_IO, "reading the TPM's answer: %s", strerror(errno));
                if (n == 0)
                        return err(ERR_IO, "the TPM closed the connection in the middle of a command");
                have += (size_t)n;
                /* One that cannot be is not waited for. */
        } while (have < announced(rsp, have) && announced(rsp, have) <= room);
        *ret_len = have;
        return 0;
}
