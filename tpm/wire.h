/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads big-endian values out of bytes from outside, never past their end. */
#ifndef HOLDFAST_TPM_WIRE_H
#define HOLDFAST_TPM_WIRE_H

#include "lib/buf.h"

/* Once something was too short, bad is set and everything further reads as zero or empty:
 * a caller reads all it wants and asks once. */
struct reader {
        struct bytes left;
        bool bad;
};

#define READER(b) ((struct reader){ .left = (b) })

uint8_t read_u8(struct reader *r);
uint16_t read_u16(struct reader *r);
uint32_t read_u32(struct reader *r);
struct bytes read_bytes(struct reader *r, size_t len);
/* u16 size, then so many octets: any TPM2B. */
struct bytes read_2b(struct reader *r);
/* Nothing was missing and nothing is left. */
bool read_done(const struct reader *r);

#endif
