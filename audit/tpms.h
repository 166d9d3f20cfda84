/* SPDX-License-Identifier: BSD-2-Clause */
/* Big-endian values out of a TPM's structures, and the key ID of a checkpoint's line. Inside audit/ only. */
#ifndef HOLDFAST_AUDIT_TPMS_H
#define HOLDFAST_AUDIT_TPMS_H

#include "audit/checkpoint.h"

/* Once something was too short, bad is set and all further is zero or empty: who reads asks once. */
struct tpms {
        struct bytes left;
        bool bad;
};
#define TPMS(b) ((struct tpms){ .left = (b) })

struct bytes tpms_bytes(struct tpms *r, size_t len);
uint64_t tpms_number(struct tpms *r, size_t octets);
struct bytes tpms_2b(struct tpms *r);

int checkpoint_key_id(struct bytes name, const struct pubkey *ak, uint8_t ret[4]);

#endif
