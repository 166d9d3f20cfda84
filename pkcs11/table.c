/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers to pointers: a hash table with linear probing. Removal closes the gap, so that no
 * tombstones pile up in a process that opens and closes sessions for months. */
#include "pkcs11/table.h"
#include <stdlib.h>
#include "lib/err.h"

static size_t place_of(const struct table *t, uint64_t key)
{
        /* Handles count up and UIDs are random: a multiplication spreads both (Knuth, 6.4). */
        return (size_t)((key * 0x9e3779b97f4a7c15u) >> 32) & (t->cap - 1);
}

static size_t find(const struct table *t, uint64_t key)
{
        size_t i = place_of(t, key);

        while (t->places[i].value != NULL && t->places[i].key != key)
                i = (i + 1) & (t->cap - 1);
        return i;
}

static int grow(struct table *t)
{
        struct table bigger = { .cap = t->cap == 0 ? 16 : t->cap * 2, .n = t->n };

        bigger.places = calloc(bigger.cap, sizeof(*bigger.places));
        if (bigger.places == NULL)
                return err(ERR_NOMEM, "out of memory for %zu handles", bigger.cap);
        for (size_t i = 0; i < t->cap; i++)
                if (t->places[i].value != NULL)
                        bigger.places[find(&bigger, t->places[i].key)] = t->places[i];
        free(t->places);
        *t = bigger;
        return 0;
}

void table_clear(struct table *t)
{
        free(t->places);
        *t = (struct table){ 0 };
}

void *table_get(const struct table *t, uint64_t key)
{
        return t->cap == 0 ? NULL : t->places[find(t, key)].value;
}

int table_put(struct table *t, uint64_t key, void *value)
{
        size_t i;

        /* At most half full: probes stay short, and there is always an empty place to stop at. */
        if (2 * (t->n + 1) > t->cap && grow(t) != 0)
                return ERR_NOMEM;
        i = find(t, key);
        if (t->places[i].value == NULL)
                t->n++;
        t->places[i] = (struct table_place){ key, value };
        return 0;
}

void table_remove(struct table *t, uint64_t key)
{
        size_t gap, i;

        if (t->cap == 0)
                return;
        gap = find(t, key);
        if (t->places[gap].value == NULL)
                return;
        t->n--;

        /* Whoever stands behind the gap and was pushed past it moves into it. */
        for (i = (gap + 1) & (t->cap - 1); t->places[i].value != NULL; i = (i + 1) & (t->cap - 1)) {
                size_t home = place_of(t, t->places[i].key);

                if (((i - home) & (t->cap - 1)) >= ((i - gap) & (t->cap - 1))) {
                        t->places[gap] = t->places[i];
                        gap = i;
                }
        }
        t->places[gap] = (struct table_place){ 0 };
}

void *table_next(const struct table *t, size_t *pos)
{
        while (*pos < t->cap) {
                void *v = t->places[(*pos)++].value;

                if (v != NULL)
                        return v;
        }
        return NULL;
}
