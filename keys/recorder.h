/* SPDX-License-Identifier: BSD-2-Clause */
/* The log and the TPM's word for it, together: counts the commands that the TPM audits, appends records, makes checkpoints.
 * The signer calls it for every use; the daemon for everything else that happens. */
#ifndef HOLDFAST_KEYS_RECORDER_H
#define HOLDFAST_KEYS_RECORDER_H

#include "audit/checkpoint.h"
#include "tpm/audit.h"

struct recorder;

/* Copied, but for tpm. */
struct recorder_options {
        const char *dir;                /* of the log */
        const char *origin;             /* "holdfast/HOST": checkpoints say ORIGIN/NUMBER */
        const char *program;            /* "holdfastd 0.1", for the start record */
        uint64_t rotate_size;
        unsigned checkpoint_records, checkpoint_seconds; /* whichever comes first; 0: not by that */
        struct tpm *tpm;                /* borrowed; the parent is set */
        struct tpm_ak ak;
        struct bytes ak_auth, owner_auth, counter_auth;
        uint32_t counter;               /* NV index, 0: none */
        /* The line of a checkpoint that stands beside the TPM's, by name, over text: vkey_line(). NULL: none. */
        int (*cosign)(void *ctx, struct bytes name, struct bytes text, struct buf *ret_line);
        void *cosign_ctx;               /* borrowed */
};
/* Recovers the log, sets the TPM's audit list (where it has one; else commands are audited in our session), writes the start record and a first checkpoint. ERR_FOREIGN and a
 * finding in the sentence if the NV counter says that the log is an old copy, or if another AK signed it: nothing is written then. */
int recorder_open(const struct recorder_options *o, struct recorder **ret);
/* Stop record, last checkpoint. The TPM is not observed any more. ERR_* if that could not be written; it is closed all the same. Accepts NULL. */
int recorder_close(struct recorder *r);

/* A caller's record(): `recorder` is one. Fills in seq, prev, time, clock and, unless it is a refusal, what the TPM says of the last
 * audited command that this thread did; durable when it returns 0. If it fails, the command is kept and told by a record of its own (AUDIT_GAP,
 * "withheld") before the next one that can be written. */
int recorder_append(void *recorder, struct audit_record *rec);
/* At least once a second, by one thread: makes a checkpoint when one is due, starts the next log when one is full. */
int recorder_tick(struct recorder *r);
/* Now. Two commands of the TPM: the attestation, then the counter, when the checkpoint that says so is durable. */
int recorder_checkpoint(struct recorder *r);
/* What the TPM can say of completeness. */
enum audit_mode recorder_mode(const struct recorder *r);
/* For status: never waits for the TPM. */
struct recorder_state {
        uint64_t number, size;          /* of the log, and how many records are in it */
        uint64_t since;                 /* records that the newest checkpoint does not vouch for */
        uint64_t checkpoint_age_ms;
        const char *origin;             /* without the number; the recorder's */
};
void recorder_state(struct recorder *r, struct recorder_state *ret);

#endif
