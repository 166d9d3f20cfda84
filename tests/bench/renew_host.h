/* SPDX-License-Identifier: BSD-2-Clause */
/* Hosts for the load on an issuer: their attestation keys are in software, so that what is measured is the issuer and no TPM. */
#ifndef HOLDFAST_TESTS_BENCH_RENEW_HOST_H
#define HOLDFAST_TESTS_BENCH_RENEW_HOST_H

#include <openssl/evp.h>
#include "issuer/db.h"

#define RENEW_PCRS 0x95u                /* 0, 2, 4 and 7 */

struct renew_host {
        char name[DB_HOST_MAX + 1];
        EVP_PKEY *ak;
        struct buf ak_public, ak_name;
        struct {
                char name[DB_AGENT_MAX + 1];
                struct buf public, certified;   /* TPMT_PUBLIC; TPMS_CERTIFY_INFO */
        } *agents;
        size_t n_agents;
        struct buf signer, quoted;              /* qualified Name of the AK; TPMS_QUOTE_INFO */
        uint8_t values[4 * 32];                 /* of the PCRs */
};

/* The nth, with so many agents. Ends the program if it cannot. */
void renew_host_make(struct renew_host *h, unsigned n, size_t agents);
void renew_host_clear(struct renew_host *h);
/* As a join leaves it in the issuer's database. */
void renew_host_join(const struct renew_host *h, struct db *db);
/* Evidence of the key of an agent, and of the host. */
void renew_host_evidence(const struct renew_host *h, size_t agent, struct bytes challenge, struct buf *ret);

/* A new P-256 key. */
EVP_PKEY *renew_key(void);

#endif
