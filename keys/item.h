/* SPDX-License-Identifier: BSD-2-Clause */
/* One object and its file: the store's own view of struct item. */
#ifndef HOLDFAST_KEYS_ITEM_H
#define HOLDFAST_KEYS_ITEM_H

#include <sys/types.h>
#include "keys/item_name.h"
#include "keys/store.h"

#define ITEM_FILE_MAX (256 * 1024)      /* octets of text */

struct item_file {
        unsigned refs;                  /* of the item; atomic */
        struct store *store;            /* counted */
        ino_t ino;                      /* 0: not known */
        uint32_t generation;
        struct item_name_part label, id;/* only whether there is a digest, and it: the values are the item's */
        char *name;                     /* in its agent's directory */
        char agent[];
};

/* The item that a file is, not loaded. ERR_FORMAT (without a sentence) if the name is none of an object's. */
int item_new(struct store *s, const char *agent, const char *name, ino_t ino, struct item **ret);

/* The text of the file of a new or changed object. created: NULL is now. */
int item_format(const struct item_spec *spec, const char *uid, const char *created, struct buf *ret);

#endif
