/* SPDX-License-Identifier: BSD-2-Clause */
/* The paddings of RFC 8017 that the public operations need; those that
 * the private side needs as well are in lib/pk.h. k: octets of the modulus. */
#ifndef HOLDFAST_LIB_PAD_H
#define HOLDFAST_LIB_PAD_H

#include "lib/pk.h"

/* EME-OAEP, 7.1.1. ERR_RANGE if in is too long for k. */
int pad_oaep_encode(const struct pk_params *p, struct bytes in, size_t k, struct buf *ret);
/* EME-PKCS1-v1_5, 7.2.1. ERR_RANGE if in is too long for k. */
int pad_pkcs1_encode(struct bytes in, size_t k, struct buf *ret);
/* EMSA-PSS-VERIFY, 9.1.2, on all octets of the modulus. 0 or ERR_AUTH; ERR_RANGE if the digest or salt cannot be. */
int pad_pss_check(const struct pk_params *p, struct bytes digest, struct bytes em, size_t mod_bits);

#endif
