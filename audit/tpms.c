/* SPDX-License-Identifier: BSD-2-Clause */
/* What are the next octets of a TPM's structure? Never past the end. */
#include "audit/tpms.h"

struct bytes tpms_bytes(struct tpms *r, size_t len)
{
        struct bytes b = { 0 };

        if (r->bad || len > r->left.len) {
                r->bad = true;
                return b;
        }
        b = BYTES(r->left.ptr, len);
        r->left.ptr += len;
        r->left.len -= len;
        return b;
}

uint64_t tpms_number(struct tpms *r, size_t octets)
{
        struct bytes b = tpms_bytes(r, octets);
        uint64_t v = 0;

        for (size_t i = 0; i < b.len; i++)
                v = v << 8 | b.ptr[i];
        return v;
}

struct bytes tpms_2b(struct tpms *r)
{
        return tpms_bytes(r, (size_t)tpms_number(r, 2));
}
