/* SPDX-License-Identifier: BSD-2-Clause */
/* The public area of a key that is to be accepted, and its names. */
#ifndef HOLDFAST_ATTEST_PUBLIC_H
#define HOLDFAST_ATTEST_PUBLIC_H

#include "lib/tpmt.h"

struct public {
        TPM2B_PUBLIC area;
        struct buf octets;              /* the same as it was read, with its size */
        struct pubkey key;
        struct buf name;
        enum scheme scheme;             /* of an attestation key */
        const struct hash *hash;
};
void public_clear(struct public *p);

/* As tpmt_public_encode(), in less time. */
int public_encode(const TPM2B_PUBLIC *p, struct buf *ret);

/* TPMT_PUBLIC, without a size in front: ERR_FORMAT for anything but what a TPM writes, ERR_NOTSUP for a key that we have no name for. */
int public_decode(struct bytes tpmt, struct public *ret);

/* Is it an attestation key: restricted, of the TPM's own making, unable to leave it, of algorithms that are still good? ERR_DENIED says which
 * of it is not so. Fills in scheme and hash. */
int public_check_ak(struct public *p);
/* Is it a key that one may have a credential for? policy: the authPolicy that it must have, by which alone it is used then; empty: none. ERR_DENIED;
 * with *ret_policy set if it is the authPolicy that is not so. */
int public_check_key(const struct public *p, struct bytes policy, bool *ret_policy);

/* The qualified Name (TPM 2.0 Part 1, 16) of a key below another, or of a primary key below its hierarchy's handle. ERR_FORMAT if it is no Name. */
int qualified_name(struct bytes parent, struct bytes name, struct buf *ret);
int qualified_primary(uint32_t hierarchy, struct bytes name, struct buf *ret);
/* Has it the length that its algorithm gives it? */
bool is_name(struct bytes name);

#endif
