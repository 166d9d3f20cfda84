/* SPDX-License-Identifier: BSD-2-Clause */
/* The list of an issuer's keys: what is taken is written the same, and whatever time it is, each use has a key that signs if it has any at all. */
#include <stdlib.h>
#include "issuer/keylist.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(const struct keylist *l, uint64_t now)
{
        for (size_t i = 0; i < l->n; i++) {
                const struct keylist_entry *e = keylist_current(l, l->v[i].use, now);

                if (e == NULL || e->use != l->v[i].use || keylist_ends(l, e, 60) < keylist_until(l, e))
                        abort();
        }
        if (keylist_changed(l, 60, now) > now || keylist_next(l, 60, now) <= now)
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        CLEANUP(keylist_clear) struct keylist l = { 0 };
        CLEANUP(buf_clear) struct buf text = { 0 };

        if (keylist_parse(BYTES(data, size), &l) != 0)
                return 0;
        if (keylist_format(&l, &text) != 0 || !bytes_equal(BYTES_OF(&text), BYTES(data, size)))
                abort();
        ask(&l, 6);
        ask(&l, 1795600000);
        return 0;
}
