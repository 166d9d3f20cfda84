/* SPDX-License-Identifier: BSD-2-Clause */
/* Deterministic CBOR (RFC 8949, 4.2.1): what we write, and the only thing that we read. Shortest heads, definite
 * lengths, maps with unsigned integer keys in rising order, no tags, no floats. Heads are libcbor's; it is never
 * given a length to allocate by. */
#ifndef HOLDFAST_LIB_CBOR_H
#define HOLDFAST_LIB_CBOR_H

#include <stdbool.h>
#include "lib/buf.h"

/* Writing appends. ERR_NOMEM. */
int cbor_put_uint(struct buf *b, uint64_t v);
int cbor_put_bytes(struct buf *b, struct bytes v);
/* ERR_INVAL if it is not UTF-8. */
int cbor_put_text(struct buf *b, struct bytes v);
int cbor_put_bool(struct buf *b, bool v);
/* Also below zero, which cbor_check() does not take: for formats of others. */
int cbor_put_int(struct buf *b, int64_t v);
/* n items, or pairs, follow. */
int cbor_put_array(struct buf *b, size_t n);
int cbor_put_map(struct buf *b, size_t n);

/* A place in bytes that somebody else owns. */
struct cbor {
        struct bytes rest;
};

/* Once, before anything is read: exactly one item with nothing behind it, deterministic, nested max_depth deep at most.
 * ERR_FORMAT says where it is not. Allocates nothing. */
int cbor_check(struct bytes in, unsigned max_depth);

/* Reading: ERR_FORMAT if the next item is of another type. */
int cbor_get_uint(struct cbor *c, uint64_t *ret);
int cbor_get_bytes(struct cbor *c, struct bytes *ret); /* borrowed */
int cbor_get_text(struct cbor *c, struct bytes *ret);  /* borrowed, UTF-8, no NUL behind it */
int cbor_get_bool(struct cbor *c, bool *ret);
int cbor_get_array(struct cbor *c, size_t *ret_n);
int cbor_get_map(struct cbor *c, size_t *ret_n);
/* Formats of others, whose maps have text for keys, are read without cbor_check(): nothing here reads past the end. */
int cbor_get_int(struct cbor *c, int64_t *ret);
/* Over one whole item. */
int cbor_skip(struct cbor *c);

#endif
