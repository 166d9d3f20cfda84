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
        bool direct;                    /* the module itself: other processes write too, no checkpoints, no batches; nothing below counts */
        uint64_t rotate_size;
        unsigned checkpoint_records, checkpoint_seconds; /* whichever comes first; 0: not by that */
        struct tpm *tpm;                /* borrowed; the parent is set */
        struct tpm_ak ak;
        struct bytes ak_auth, owner_auth, counter_auth;
        uint32_t counter;               /* NV index, 0: none */
};
/* Recovers the log, sets the TPM's audit list (where it has one), writes the start record and a first checkpoint. ERR_FOREIGN and a
 * finding in the sentence if the NV counter says that the log is an old copy, or if another AK signed it: nothing is written then. */
int recorder_open(const struct recorder_options *o, struct recorder **ret);
/* Stop record, last checkpoint. The TPM is not observed any more. Accepts NULL. */
void recorder_close(struct recorder *r);

/* A caller's record(): `recorder` is one. Fills in seq, prev, time, clock and, unless it is a refusal, what the TPM says of the last
 * audited command that this thread did; durable when it returns 0. If it fails, the command is kept and told by a record of its own (AUDIT_GAP,
 * "withheld") before the next one that can be written. */
int recorder_append(void *recorder, struct audit_record *rec);
/* At least once a second, by one thread: makes a checkpoint when one is due, starts the next log when one is full. */
int recorder_tick(struct recorder *r);
/* Now. Two commands of the TPM: the attestation, then the counter, when the checkpoint that says so is durable. */
int recorder_checkpoint(struct recorder *r);
/* What the TPM can say of completeness; NONE with direct. */
enum audit_mode recorder_mode(const struct recorder *r);

#endif
