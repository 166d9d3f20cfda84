/* SPDX-License-Identifier: BSD-2-Clause */
/* Linux's list of what was run and read (ima-ng and its kin, as in binary_runtime_measurements of a little-endian machine): the kernel's
 * word, which counts where the PCR that comes out is the one that a TPM quoted. */
#ifndef HOLDFAST_ATTEST_IMA_H
#define HOLDFAST_ATTEST_IMA_H

#include <stdbool.h>
#include "lib/alg.h"
#include "lib/buf.h"

#define IMA_ENTRIES_MAX 65536

struct ima_entry {
        size_t number;          /* 0: the first */
        bool violation;         /* what was measured may have been something else */
        struct bytes template;  /* "ima-ng" */
        struct bytes digest;    /* of the file, without the name of its hash */
        struct bytes path;
};

struct ima {
        uint8_t pcr[HASH_MAX];
        size_t entries;
};

/* Replays it for the bank of this hash; each entry is shown to see, which ends the replay by returning something else than 0. ERR_FORMAT. */
int ima_replay(struct bytes list, unsigned pcr, const struct hash *h, int (*see)(void *arg, const struct ima_entry *e), void *arg, struct ima *ret);

#endif
