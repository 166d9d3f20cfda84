/* SPDX-License-Identifier: BSD-2-Clause */
/* Takes turns with the other processes that use one TPM without a resource manager, and shares with them the
 * table of what is loaded in it: one small file, "tpm.lock", locked for the length of an operation. */
#ifndef HOLDFAST_TPM_SHARE_H
#define HOLDFAST_TPM_SHARE_H

#include "tpm/cache.h"

struct share {
        int dirfd;              /* ours; -1: there is nobody to share with */
        int fd;                 /* -1: not open */
        struct buf last;        /* what stands in the file, as far as we know */
};

/* Copies the descriptor. */
int share_open(int dirfd, struct share *ret);
/* The lock, and the table if others have changed it since our last turn: *ret_changed. ERR_TIMEOUT;
 * ERR_READONLY, ERR_PERM: the file cannot be had, so nothing may stay loaded. */
int share_begin(struct share *s, uint64_t until_us, struct cache *c, bool *ret_changed);
/* Writes the table if it is dirty. Not made durable: a power cut empties the TPM too. */
int share_write(struct share *s, struct cache *c);
void share_end(struct share *s);
void share_close(struct share *s);
/* In a forked child: closes its descriptors and touches nothing else. */
void share_abandon(struct share *s);

#endif
