/* SPDX-License-Identifier: BSD-2-Clause */
/* A genuine log, made without a TPM: software in its place has an attestation key and a key of an agent, and counts as command audit does
 * (TPM 2.0 Part 1, 31). What goes wrong here ends the test. */
#ifndef HOLDFAST_TESTS_VOUCHED_H
#define HOLDFAST_TESTS_VOUCHED_H

#include <openssl/evp.h>
#include "audit/check.h"

#define VOUCHED_LIST "00000140 00000148 00000154 00000158 00000159 0000015d"

/* Set what is to be otherwise before the next call. */
struct vouched_tpm {
        EVP_PKEY *ak, *key;
        struct pubkey ak_pub;
        struct buf key_public;          /* TPMT_PUBLIC */
        uint8_t digest[32];
        bool has_digest;
        uint64_t counter, clock_ms, nv;
        uint32_t resets, restarts;
        bool safe;
        const char *list;               /* what it audits */
        bool drops_zeros;               /* in front of r and s */
};

struct vouched_log {
        struct vouched_tpm tpm;
        char dir[128];
        struct audit_log *log;
        uint64_t batch, count;          /* as a recorder counts */
        uint64_t time_ms;
        enum audit_mode mode;
        EVP_PKEY *witness;              /* the test's own: signs checkpoints beside the AK; NULL: none does */
};

void vouched_start(struct vouched_log *v, const char *dir, uint64_t rotate_size);
void vouched_stop(struct vouched_log *v);
/* Closes and opens the log, as after the process's end. */
void vouched_reopen(struct vouched_log *v, uint64_t rotate_size);

/* A record without a command. */
void vouched_record(struct vouched_log *v, enum audit_event e, const char *detail);
/* START and LIST. */
void vouched_begin(struct vouched_log *v);
/* The command alone: behind the log's back. ret may be NULL; what it fills in borrows from room. */
struct vouched_room {
        uint8_t digest[32], cp[32], rp[32];
        struct buf signature;
};
void vouched_command(struct vouched_log *v, struct vouched_room *room, struct audit_record *ret);
/* With its record. */
void vouched_sign(struct vouched_log *v);
/* Over all records, and stored. */
void vouched_checkpoint(struct vouched_log *v);
/* The same, not stored, over any head. */
void vouched_note(struct vouched_log *v, const struct audit_head *h, struct buf *ret);
/* A checkpoint, then the next log. */
void vouched_rotate(struct vouched_log *v);

/* TPM2B */
void vouched_put_2b(struct buf *b, struct bytes v);

#endif
