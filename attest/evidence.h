/* SPDX-License-Identifier: BSD-2-Clause */
/* Evidence as octets: deterministic CBOR, docs/formats.md has the CDDL. Written by whoever has the TPM, read by the verifier.
 *
 *      1  fill in all but attest and signature of key and host
 *      2  evidence_binding() of that and the challenge: the qualifyingData of TPM2_Certify and TPM2_Quote
 *      3  fill in what they returned, and evidence_encode()
 *
 * So the AK signs for everything in the evidence, not only for what the TPM says, and never anything that a stranger chose. */
#ifndef HOLDFAST_ATTEST_EVIDENCE_H
#define HOLDFAST_ATTEST_EVIDENCE_H

#include <stdbool.h>
#include "lib/buf.h"

#define EVIDENCE_MAX (4u << 20)         /* octets in all */
#define EVIDENCE_PUBLIC_MAX 1024        /* TPMT_PUBLIC */
#define EVIDENCE_ATTEST_MAX 2048        /* TPMS_ATTEST, TPMT_SIGNATURE */
#define EVIDENCE_CERTIFICATE_MAX 8192
#define EVIDENCE_CERTIFICATES 5
#define EVIDENCE_PCRS 24
#define EVIDENCE_EVENT_LOG_MAX (1u << 20)
#define EVIDENCE_IMA_MAX (2u << 20)
#define EVIDENCE_NOTE_MAX 8192
#define EVIDENCE_AGENT_MAX 64
#define EVIDENCE_OWNER_MAX 256
#define EVIDENCE_PATH_MAX 2048
#define EVIDENCE_WORD_MAX 256
#define EVIDENCE_BINDING 32
#define EVIDENCE_CHALLENGE_MIN 16
#define EVIDENCE_CHALLENGE_MAX 64

/* What the AK signed. */
struct evidence_statement {
        struct bytes attest, signature; /* TPMS_ATTEST, TPMT_SIGNATURE */
};

/* Bytes are borrowed; empty: absent. */
struct evidence {
        struct bytes ak_public;         /* TPMT_PUBLIC */
        struct bytes certificates[EVIDENCE_CERTIFICATES]; /* DER: the AK's, then those that it hangs on */
        size_t n_certificates;
        struct {
                bool present;
                struct bytes public;    /* TPMT_PUBLIC */
                struct evidence_statement certify;
                struct bytes agent, owner;
        } key;
        struct {
                bool present;
                struct evidence_statement quote;
                uint64_t pcr_hash;      /* TPM_ALG_ID of the bank */
                uint64_t pcrs;          /* bit n: PCR n */
                struct bytes values;    /* one after the other, PCR 0 first */
                struct bytes event_log, ima; /* as the kernel gives them */
        } host;
        struct {
                bool present;
                uint64_t pid, start_time, uid, gid;
                struct bytes exe, exe_sha256, cgroup, unit, container;
        } process;
        struct bytes checkpoint;        /* C2SP signed note */
};

/* ERR_INVAL, ERR_RANGE: more or less than the format has room for. Replaces what ret held. */
int evidence_encode(const struct evidence *e, struct buf *ret);
/* ERR_FORMAT: anything but what encode() would have written. ret borrows from in. */
int evidence_decode(struct bytes in, struct evidence *ret);
/* What the AK signs as extraData: SHA-256 over a label, the challenge, and the evidence but for its two statements. */
int evidence_binding(const struct evidence *e, struct bytes challenge, uint8_t ret[EVIDENCE_BINDING]);

#endif
