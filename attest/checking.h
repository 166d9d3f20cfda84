/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the verifier share while they look at one evidence. Inside attest/ only. */
#ifndef HOLDFAST_ATTEST_CHECKING_H
#define HOLDFAST_ATTEST_CHECKING_H

#include "attest/evidence.h"
#include "attest/public.h"
#include "holdfast/evidence.h"
#include "lib/tpms.h"

struct checking {
        const struct hf_evidence_policy *policy;
        struct evidence e;
        uint8_t binding[EVIDENCE_BINDING];
        const struct public *ak;        /* decoded here or beforehand */
        struct public own_ak, key;
        struct tpms_attest certify, quote;      /* when their statement's check has passed */
        struct hf_evidence_result *ret;
};

#define FROM_HF(b) BYTES((b).ptr, (b).len)
#define TO_HF(b) ((struct hf_bytes){ (b).ptr, (b).len })

/* Note the outcome of a check. failed() returns ERR_DENIED. */
int passed(struct checking *c, enum hf_check which, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
int failed(struct checking *c, enum hf_check which, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Each returns 0, ERR_DENIED after failed(), or ERR_NOMEM. */
int check_trust(struct checking *c);
int check_certify(struct checking *c);
int check_quote(struct checking *c);
int check_clock(struct checking *c);
int check_firmware(struct checking *c);

#endif
