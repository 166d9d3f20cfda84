/* SPDX-License-Identifier: BSD-2-Clause */
/* CBOR maps with names for keys, as others' formats have them. Inside attest/ only. */
#ifndef HOLDFAST_ATTEST_TEXTMAP_H
#define HOLDFAST_ATTEST_TEXTMAP_H

#include "lib/cbor.h"

#define TEXTMAP_MAX 16

/* Calls member() for each of a map's members, in whatever order, to read its value: which is its place among the n names. *ret_seen: a bit for each that
 * was there. ERR_FORMAT: no map, a name that is not among them, one twice, or what member() returned. */
int textmap_read(struct cbor *c, const char *const *names, size_t n, int (*member)(struct cbor *c, size_t which, void *ctx), void *ctx, unsigned *ret_seen);

/* A byte string of 1 to max octets. */
int textmap_octets(struct cbor *c, size_t max, struct bytes *ret);
/* Exactly this text. */
int textmap_text(struct cbor *c, const char *want);

#endif
