/* SPDX-License-Identifier: BSD-2-Clause */
/* DER (X.690) as far as keys and signatures need it: one element after the other, one
 * encoding for one meaning. Reading moves `in` behind what was read. */
#ifndef HOLDFAST_LIB_DER_H
#define HOLDFAST_LIB_DER_H

#include "lib/buf.h"

enum {
        DER_INTEGER = 0x02,
        DER_BIT_STRING = 0x03,
        DER_OCTET_STRING = 0x04,
        DER_NULL = 0x05,
        DER_OID = 0x06,
        DER_SEQUENCE = 0x30,
};

#define DER_MAX 0xffff /* octets in one element */

/* The contents of an element with this tag. Lengths in their shortest form; ERR_FORMAT. */
int der_get(struct bytes *in, uint8_t tag, struct bytes *ret);
/* A number that is not negative, big-endian without leading zeros: nothing for 0. */
int der_get_uint(struct bytes *in, struct bytes *ret);
/* A BIT STRING of whole octets. */
int der_get_bits(struct bytes *in, struct bytes *ret);
/* ERR_FORMAT unless nothing is left. */
int der_get_end(struct bytes in);

int der_put(struct buf *out, uint8_t tag, struct bytes content);
int der_put_uint(struct buf *out, struct bytes big_endian);
int der_put_bits(struct buf *out, struct bytes content);

#endif
