/* SPDX-License-Identifier: BSD-2-Clause */
/* Evidence of this host and its agents' keys, made by its attestation key for whoever sent a challenge, and what a host shows to join an
 * issuer. Each statement of the TPM is in the log. Thread-safe. */
#ifndef HOLDFAST_KEYS_EVIDENCE_H
#define HOLDFAST_KEYS_EVIDENCE_H

#include "attest/evidence.h"
#include "keys/caller.h"
#include "keys/keyring.h"
#include "tpm/audit.h"
#include "tpm/ek.h"

struct attester;

/* Copied, but for keyring. */
struct attester_options {
        struct keyring *keyring;        /* on a TPM */
        struct tpm_ak ak;               /* restricted, for signing */
        struct bytes ak_auth;
        const char *event_log, *ima;    /* files; NULL: where the kernel has them */
};
/* No TPM command. */
int attester_new(const struct attester_options *o, struct attester **ret);
/* Accepts NULL. */
void attester_free(struct attester *a);

/* What shall be in it. Borrowed. */
struct evidence_wish {
        struct bytes challenge;         /* EVIDENCE_CHALLENGE_MIN to EVIDENCE_CHALLENGE_MAX octets */
        struct item *key;               /* with agent; NULL: of the host alone */
        const char *agent;
        struct bytes secret;            /* the agent's from pin_login(), empty where it has no PINs */
        uint32_t pcrs;                  /* bit n: PCR n; 0: of the key alone */
        const struct hash *pcr_hash;
        bool event_log, ima;            /* where the host has them */
        const struct bytes *certificates; /* the attestation key's, and those that it hangs on: DER */
        size_t n_certificates;
        const struct peer *process;     /* who uses the key; NULL: not said */
        struct bytes checkpoint;        /* of the log; empty: none */
        const char *to;                 /* for whom, in words for the log; NULL: not known */
};
/* Two TPM commands once all is loaded: TPM2_Quote and TPM2_Certify. PCR values are those that were read last, and the quote's own digest says whether
 * they still hold: where they do not, they and the logs are read again, and it is asked again.
 * ERR_DENIED: a rule forbids it. ERR_STALE: the PCRs change all the time. ERR_NOTSUP: no such bank, or the key has no public half. ERR_RANGE: a log is too long. */
int evidence_make(struct attester *a, const struct caller *c, const struct evidence_wish *w, struct buf *ret);

/* What a host is known by: its endorsement key with what its maker says of it, attestation key, and the parent of all its keys. */
#define EVIDENCE_EK_CERTIFICATES 8
struct evidence_identity {
        struct bytes ek_public, ak_public, srk_public; /* TPMT_PUBLIC */
        struct bytes certificates[EVIDENCE_EK_CERTIFICATES]; /* DER: the endorsement key's, and those that it hangs on */
        size_t n_certificates;
        struct tpm_ek ek;               /* what those borrow from */
        struct tpm_parent srk;
        struct buf ak, chain;
};
void evidence_identity_clear(struct evidence_identity *i);
/* Asks the TPM, which may take it half a minute where the endorsement key is an RSA key. */
int evidence_identity(struct attester *a, struct evidence_identity *ret);
/* TPM2_ActivateCredential: the secret that an issuer made for this endorsement key and for the attestation key, or the parent. id_object: TPM2B_ID_OBJECT,
 * secret: TPM2B_ENCRYPTED_SECRET. ERR_FOREIGN: it was made for other keys. */
enum evidence_object { EVIDENCE_AK, EVIDENCE_SRK };
int evidence_activate(struct attester *a, const struct caller *c, const struct evidence_identity *i, enum evidence_object of, struct bytes id_object,
                      struct bytes secret, const char *to, struct buf *ret);

#endif
