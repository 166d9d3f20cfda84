/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers to pointers: sessions and objects by handle, objects by their file's UID. */
#ifndef HOLDFAST_PKCS11_TABLE_H
#define HOLDFAST_PKCS11_TABLE_H

#include <stddef.h>
#include <stdint.h>

/* Zero-initialise. Values are the caller's and never NULL. */
struct table {
        struct table_place {
                uint64_t key;
                void *value;
        } *places;
        size_t cap, n;
};

/* Frees the table, not what is in it. */
void table_clear(struct table *t);
void *table_get(const struct table *t, uint64_t key);
/* Adds or replaces. ERR_NOMEM, and t is as it was. */
int table_put(struct table *t, uint64_t key, void *value);
/* Accepts a key that is not there. */
void table_remove(struct table *t, uint64_t key);
/* All values, in no order: begin with *pos 0; NULL at the end. t must not change meanwhile. */
void *table_next(const struct table *t, size_t *pos);

#endif
