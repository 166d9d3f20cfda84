/* SPDX-License-Identifier: BSD-2-Clause */
/* What a host's daemon has in the TPM: an attestation key and two counters, kept in the store's file "daemon". */
#ifndef HOLDFAST_DAEMON_IDENTITY_H
#define HOLDFAST_DAEMON_IDENTITY_H

#include "keys/keyring.h"
#include "tpm/audit.h"

#define IDENTITY_FILE "daemon"  /* attrs */
#define IDENTITY_AK_FILE "ak.pem" /* the attestation key's public half, for verifiers: PEM, SubjectPublicKeyInfo */

struct identity {
        struct tpm_ak ak;
        uint32_t counter;               /* NV index of the log's counter */
        uint32_t store_counter;         /* of the store's */
        unsigned strangers;             /* counters in the TPM that are like ours and another daemon's; counted where ours were made */
        bool begun;                     /* the store's counter was made just now: nothing can have hung on it yet */
};
void identity_clear(struct identity *i);

/* Authorisation values; they and the TPM give the same identity again, should the file not have been written. */
struct identity_auth {
        struct bytes ak, counter, owner;
};
/* As the file says, or made and then written. ERR_FOREIGN: this TPM has not that attestation key. */
int identity_open(struct keyring *k, const struct identity_auth *auth, struct identity *ret);
/* After r, takes one that has begun just now back, as far as it would look like an older one the next time. Returns r. */
int identity_take_back(struct keyring *k, const struct identity_auth *auth, const struct identity *i, int r);

#endif
