/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HOLDFAST_LIB_PEM_H
#define HOLDFAST_LIB_PEM_H

#include "lib/buf.h"

/* PEM (RFC 7468) with text before it. Reading takes the first block of that label; what stands before
 * it is ret_head, whatever stands behind it must be white space. ERR_NOENT if there is no such block. */
int pem_encode(const char *label, struct bytes head, struct bytes der, struct buf *ret);
int pem_decode(const char *label, struct bytes text, struct buf *ret_head, struct buf *ret_der);

#endif
