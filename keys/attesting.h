/* SPDX-License-Identifier: BSD-2-Clause */
/* What a struct attester is. For the files that are one: evidence.c, evidence_host.c, evidence_join.c. */
#ifndef HOLDFAST_KEYS_ATTESTING_H
#define HOLDFAST_KEYS_ATTESTING_H

#include <pthread.h>
#include "keys/evidence.h"
#include "tpm/certify.h"

#define ATTESTING_BANKS 4               /* SHA-1 and SHA-2 */

/* PCR values as they were read last. */
struct pcr_bank {
        const struct hash *hash;
        uint32_t known;                 /* bit n: of PCR n */
        uint8_t value[TPM_PCRS][HASH_MAX];
};

struct attester {
        struct keyring *keyring;
        struct tpm *tpm;                /* the keyring's */
        struct tpm_ak ak;
        struct buf ak_auth;
        const struct hash *ak_hash;     /* that it signs with */
        char *event_log, *ima;
        pthread_mutex_t lock;           /* holds what follows */
        struct pcr_bank bank[ATTESTING_BANKS];
};

/* What is said of the host, and the octets that it borrows. */
struct host_said {
        struct buf values, event_log, ima, attest, signature;
};
void host_said_clear(struct host_said *h);
/* PCR values and logs, without a TPM command where all values are known. */
int host_read(struct attester *a, const struct evidence_wish *w, struct host_said *ret, struct evidence *e);
/* Do they go together: PCRs and the IMA list, and PCRs and what was quoted? ERR_STALE: not any more, and what was known is forgotten. */
int host_settled(struct attester *a, const struct evidence_wish *w, const struct evidence *e);
int host_confirmed(struct attester *a, const struct evidence_wish *w, const struct evidence *e);

/* A TPMT_PUBLIC out of a TPM2B_PUBLIC. */
struct bytes attesting_area(const struct buf *pub);
/* A deed of the attestation key, for rules and log. */
struct deed attesting_deed(const char *operation, struct bytes digest, const char *to);

#endif
