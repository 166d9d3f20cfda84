/* SPDX-License-Identifier: BSD-2-Clause */
/* What a struct recorder is. For the files that are one: recorder.c, recorder_open.c, vow.c. */
#ifndef HOLDFAST_KEYS_RECORDING_H
#define HOLDFAST_KEYS_RECORDING_H

#include <stdatomic.h>
#include <time.h>
#include "keys/recorder.h"
#include "keys/tally.h"

struct recorder {
        struct audit_log *log;
        char *origin;
        unsigned checkpoint_records, checkpoint_seconds;
        struct tpm *tpm;
        struct tpm_ak ak;
        struct pubkey ak_key;
        struct buf ak_auth, counter_auth;
        uint32_t counter;
        uint64_t counter_value;         /* as the newest checkpoint says */
        bool counter_behind;            /* it may not have been raised to that */
        enum audit_mode mode;
        int (*cosign)(void *ctx, struct bytes name, struct bytes text, struct buf *ret_line);
        void *cosign_ctx;

        struct tally tally;
        pthread_rwlock_t turn;          /* of logs: appending shares it, starting the next one has it alone */
        pthread_mutex_t checkpointing;  /* holds what follows */
        struct audit_head head;         /* of the newest checkpoint, its batch, and the note until it is stored */
        uint64_t batch;
        struct buf unstored;
        uint64_t resets_told, lost_told;

        pthread_mutex_t clock_lock;     /* holds what follows: the TPM's clock, and the host's when that was read */
        struct tpm_clock clock;
        uint64_t clock_at, clock_last;

        _Atomic uint64_t since, since_ms; /* records after the last checkpoint, and when that was */
};

uint64_t recording_ms(clockid_t id);
/* The TPM's clock, carried on by the host's, and not backwards where the two differ in speed. */
void recording_clock_set(struct recorder *r, const struct tpm_clock *c);
void recording_clock_get(struct recorder *r, struct audit_record *rec);
/* With the clocks and nothing else filled in. */
int recording_append(struct recorder *r, struct audit_record *rec);
/* What the TPM did and no record tells of. */
int recording_tell_owed(struct recorder *r);

/* vow.c; with `checkpointing`. A crash or a failure between a checkpoint and its counter leaves the counter one behind. */
int vow_settle_counter(struct recorder *r);
/* A checkpoint, stored and counted, over all that is in the log. The record about it is another matter: ret_reason is what is wrong, or empty. */
#define VOW_REASON_MAX 160
int vow_make(struct recorder *r, char ret_reason[VOW_REASON_MAX]);

#endif
