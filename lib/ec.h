/* SPDX-License-Identifier: BSD-2-Clause */
/* Points on our curves: the part of lib/pk.h that is elliptic. */
#ifndef HOLDFAST_LIB_EC_H
#define HOLDFAST_LIB_EC_H

#include "lib/pk.h"

/* 0 if x, y (curve->size octets each) is a point of the curve and not infinity, else ERR_FORMAT. */
int ec_check(const struct curve *c, struct bytes x, struct bytes y);
/* ECDSA, FIPS 186-5 6.4.2. sig: r || s. 0 or ERR_AUTH. */
int ec_verify(const struct pubkey *k, struct bytes digest, struct bytes sig);

#endif
