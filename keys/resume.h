/* SPDX-License-Identifier: BSD-2-Clause */
/* Where the log's writer stopped: its newest checkpoint, and the batch that was open behind it. For the recorder. */
#ifndef HOLDFAST_KEYS_RESUME_H
#define HOLDFAST_KEYS_RESUME_H

#include "audit/checkpoint.h"
#include "keys/tally.h"

struct resume {
        bool has_checkpoint;
        struct checkpoint newest;
        bool counted;                   /* the TPM's digest began with this log, or with a checkpoint in it */
        struct tally_batch open;
        bool has_clock;
        uint64_t resets;                /* of the TPM, when something was last written */
};
/* ERR_FOREIGN if the newest checkpoint is not by this AK. */
int resume_read(const char *dir, const struct pubkey *ak, struct resume *ret);
void resume_clear(struct resume *r);

#endif
