/* SPDX-License-Identifier: BSD-2-Clause */
/* The name of an object's file: LABEL.ID.UID.GENERATION.TYPE.pem (docs/formats.md). */
#ifndef HOLDFAST_KEYS_ITEM_NAME_H
#define HOLDFAST_KEYS_ITEM_NAME_H

#include "keys/store.h"

#define ITEM_NAME_DIGEST 8      /* octets of SHA-256 that stand for a label or ID too long for a name */

/* A label or ID as far as the name has it. */
struct item_name_part {
        bool hashed;
        uint8_t digest[ITEM_NAME_DIGEST]; /* if hashed */
        struct buf value;                 /* else */
};

struct item_name {
        enum item_type type;
        char uid[17];
        uint32_t generation;    /* from 1; each change of the object adds one, and the highest counts */
        struct item_name_part label, id;
};

/* For CLEANUP(). */
void item_name_clear(struct item_name *n);
int item_name_format(enum item_type type, struct bytes label, struct bytes id, const char *uid, uint32_t generation, struct buf *ret);
/* A name alone, as it is written there: plain characters as they are, others as %XX. Appends; fit for a directory. */
int item_name_label(struct bytes label, struct buf *out);
/* ERR_FORMAT (without a sentence: strangers' files are passed over) unless it is exactly what item_name_format() writes. */
int item_name_parse(const char *name, struct item_name *ret);
/* Is this the value that the name was made of? A digest can only say no for certain. */
bool item_name_part_fits(const struct item_name_part *p, struct bytes value);

#endif
