/* SPDX-License-Identifier: BSD-2-Clause */
/* The commands of ours that the TPM audits: which batch each is in, at which place, and whose record is to tell of it. */
#ifndef HOLDFAST_KEYS_TALLY_H
#define HOLDFAST_KEYS_TALLY_H

#include <pthread.h>
#include "audit/record.h"
#include "tpm/audit.h"

struct command_told {
        uint64_t batch, index;  /* as records and checkpoints count; index 0: whether the TPM did it is not known */
        uint32_t cc;
        uint8_t cp_hash[AUDIT_HASH_SIZE], rp_hash[AUDIT_HASH_SIZE];
};

struct tally_batch {
        uint64_t batch, count;
        bool sure;              /* nothing was lost: the TPM's digest must be this */
        uint8_t digest[AUDIT_HASH_SIZE];
};

struct tally {
        pthread_mutex_t lock;
        struct tally_batch now, closed; /* closed: by the last attestation */
        uint64_t resets_heard, lost;    /* resets of the TPM, and the commands of ours in the batches that they, or the end of a session, ended */
        struct tpm_clock reset_clock;   /* as it was after the last reset */
        struct claim *claims;           /* commands done, of threads that have not written their record yet */
        size_t n_claims, cap_claims;
        struct command_told *owed;      /* those that have no record and get one of their own */
        size_t n_owed, cap_owed;
        uint64_t forgotten;             /* there were too many of them */
};

void tally_init(struct tally *t, const struct tally_batch *from);
void tally_clear(struct tally *t);
/* A tpm_observer; ctx is the tally. */
void tally_hear(void *ctx, const struct tpm_audited *a);
void tally_now(struct tally *t, struct tally_batch *ret);
/* What an attestation without an audit closes. */
void tally_next(struct tally *t);

/* The command that this thread did last, if no record has told of it. */
bool tally_claim(struct tally *t, struct command_told *ret);
/* It could not be told. */
void tally_owe(struct tally *t, const struct command_told *c);
/* One that is to be told now; how many were forgotten since it was last asked. */
bool tally_owed(struct tally *t, struct command_told *ret);
uint64_t tally_forgotten(struct tally *t);
/* Whoever has not written a record after so long does not do it any more. */
void tally_expire(struct tally *t, uint64_t older_than_ms);

#endif
