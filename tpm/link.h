/* SPDX-License-Identifier: BSD-2-Clause */
/* A way to a TPM: bytes there, bytes back, never later than the deadline.
 *
 * "device:PATH" (default /dev/tpmrm0, else /dev/tpm0), "swtpm:path=SOCKET" and "swtpm:host=H,port=N" are our
 * own; any other string goes to the TSS's loader with what follows. */
#ifndef HOLDFAST_TPM_LINK_H
#define HOLDFAST_TPM_LINK_H

#include <stdbool.h>
#include "lib/buf.h"

struct link {
        const struct link_ops *ops;
        /* A resource manager stands before the TPM: what we load is ours alone, out of others' sight, and gone
         * when the connection ends. Otherwise the TPM's few slots are everybody's. */
        bool managed;
        /* A program is behind it, which may be restarting just now: worth a moment's wait. */
        bool restarts;
};

struct link_ops {
        /* ERR_NODEV, ERR_PERM: nothing was sent. ERR_IO, ERR_TIMEOUT, ERR_FORMAT: the TPM may have done the work.
         * Connects where it is not connected. After an error only hangup() is allowed. */
        int (*exchange)(struct link *l, struct bytes cmd, uint8_t *rsp, size_t room, size_t *ret_len, uint64_t deadline_us);
        void (*hangup)(struct link *l);
        /* Closes our descriptors and nothing else, in a forked child. */
        void (*abandon)(struct link *l);
        /* A new connection in the place of this one, which stays if there is none to be had: the rights may be gone that it was opened with.
         * NULL: that costs as much as what it is meant to save. */
        int (*renew)(struct link *l);
};

/* ERR_INVAL: a string we cannot make sense of. Connects to nothing. */
int link_new(const char *tcti, struct link **ret);
/* Lets go of the TPM, so that other programs have their turn. The next exchange connects again. */
void link_hangup(struct link *l);
/* Lets go of what is loaded behind a resource manager, without a command. ERR_*: not so, and all is as it was. */
int link_renew(struct link *l);
void link_abandon(struct link *l);
void link_free(struct link *l);

/* The kinds, for link_new(). */
int link_socket_new(const char *conf, struct link **ret);
int link_device_new(const char *path, struct link **ret);
int link_loader_new(const char *tcti, struct link **ret);

/* Shared by the first two: sends all and reads one response from a non-blocking descriptor. */
int link_fd_exchange(int fd, struct bytes cmd, uint8_t *rsp, size_t room, size_t *ret_len, uint64_t deadline_us);

#endif
