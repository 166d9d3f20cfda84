/* SPDX-License-Identifier: BSD-2-Clause */
/* What a TPM attests and signs, as octets: TPMS_ATTEST and TPMT_SIGNATURE (TPM 2.0 Part 2, 10.12.8 and 11.3.4). Nothing is judged
 * here but the signature: whoever accepts an attestation writes the one that he would have accepted, and compares. */
#ifndef HOLDFAST_LIB_TPMS_H
#define HOLDFAST_LIB_TPMS_H

#include <stdbool.h>
#include "lib/pk.h"

/* Big-endian values out of a structure. Once something was too short, bad is set and all further is zero or empty: who reads asks once. */
struct tpms {
        struct bytes left;
        bool bad;
};
#define TPMS(b) ((struct tpms){ .left = (b) })

struct bytes tpms_bytes(struct tpms *r, size_t len);
uint64_t tpms_number(struct tpms *r, size_t octets);
/* The same in the order that event logs have. */
uint64_t tpms_little(struct tpms *r, size_t octets);
struct bytes tpms_2b(struct tpms *r);

/* Appending; a number has at most 8 octets. ERR_NOMEM. */
int tpms_put_number(struct buf *b, uint64_t v, unsigned octets);
int tpms_put_2b(struct buf *b, struct bytes v);

/* The beginning, which all attestations have. */
struct tpms_attest {
        uint32_t magic;                 /* TPM2_GENERATED_VALUE, if a TPM made it */
        uint16_t type;                  /* TPM2_ST_ATTEST_* */
        struct bytes signer;            /* the qualified Name of the key that signed; borrowed */
        struct bytes extra;             /* qualifyingData of the command; borrowed */
        uint64_t clock_ms;
        uint32_t resets, restarts;
        bool safe;
        uint64_t firmware;
};
/* What is attested is then left in r. */
void tpms_get_attest(struct tpms *r, struct tpms_attest *ret);
int tpms_put_attest(struct buf *b, const struct tpms_attest *a);

/* Is sig, a TPMT_SIGNATURE with nothing behind it, over data, by that key with this scheme and hash and no other? 0, ERR_AUTH, ERR_NOMEM. */
int tpms_verify(struct bytes sig, const struct pubkey *k, enum scheme scheme, const struct hash *h, struct bytes data);

#endif
