/* SPDX-License-Identifier: BSD-2-Clause */
/* Whom this issuer trusts to say where a key is: the files that [trust] names, read once; and what follows from them for the keys of one host. */
#ifndef HOLDFAST_ISSUER_TRUSTED_H
#define HOLDFAST_ISSUER_TRUSTED_H

#include "attest/ek.h"
#include "attest/firmware.h"
#include "attest/pins.h"
#include "attest/trust.h"
#include "issuer/conf.h"

#define TRUSTED_ROOTS_MAX 4096

/* Certificates of one directory. */
struct trusted_roots {
        struct buf *der;
        struct bytes *list;             /* the same, for struct trust */
        size_t n;
};

/* Everything is owned by the structure. */
struct trusted {
        struct trusted_roots hardware, simulator, ak;
        struct pins ek_pins, platform_aks;
        struct firmware_list denied;
};

/* ERR_FORMAT names the file. */
int trusted_load(const struct issuer_conf *c, struct trusted *ret);
void trusted_clear(struct trusted *t);

/* The keys of a host that wants to join. */
struct trusted_host {
        const char *name;
        struct bytes ek, ak, srk;       /* TPMT_PUBLIC */
        struct bytes ek_chain[TRUST_CHAIN_MAX], ak_chain[TRUST_CHAIN_MAX]; /* DER */
        size_t n_ek_chain, n_ak_chain;
        int64_t now;
};

/* What is known of them. */
struct trusted_verdict {
        enum hf_assurance assurance;    /* of the attestation key, once it has been shown to be in the same TPM */
        bool vouched;                   /* somebody has named this host's key beforehand */
        bool must_sign;                 /* the attestation key is what is known, so it must itself show that it is there */
        struct buf ek_name, ek_spki, ak_name, ak_spki, srk_name;
        struct ek_facts facts;          /* of an EK certificate that is trusted */
        char why[192];                  /* of a certificate that is not */
};
void trusted_verdict_clear(struct trusted_verdict *v);

/* ERR_FORMAT, ERR_NOTSUP, ERR_DENIED: one of the keys is not what it should be; *ret_word says of which kind that problem is. ERR_FOREIGN: it is pinned for
 * another host. That the keys are in one TPM is for who asks to find out. */
int trusted_judge(const struct trusted *t, const struct trusted_host *h, const char **ret_word, struct trusted_verdict *ret);

#endif
