/* SPDX-License-Identifier: BSD-2-Clause */
/* Inverses of public numbers modulo odd ones. */
#ifndef HOLDFAST_LIB_INVERSE_H
#define HOLDFAST_LIB_INVERSE_H

#include <stddef.h>
#include <stdint.h>

#define INVERSE_MAX 66          /* octets */

/* ret = x^-1 modulo m, all of len octets, big-endian. 0 < x < m, m odd and without a factor in common with x; its highest bits may be zeros.
 * The time depends on the numbers: for signatures, not for secrets. */
void inverse_public(const uint8_t *x, const uint8_t *m, size_t len, uint8_t *ret);

#endif
