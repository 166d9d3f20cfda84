/* SPDX-License-Identifier: BSD-2-Clause */
/* Files of the store: an object that we read we can write, and read again as the same. */
#include <stdlib.h>
#include <string.h>
#include "keys/item.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct bytes line(const struct item_body *b, const char *name)
{
        const struct buf *v = attrs_get(&b->attrs, name);

        return v ? BYTES_OF(v) : BYTES("", 0);
}

static bool same(const struct item_body *a, const struct item_body *b)
{
        return bytes_equal(BYTES_OF(&a->id), BYTES_OF(&b->id)) && bytes_equal(BYTES_OF(&a->der), BYTES_OF(&b->der)) &&
               bytes_equal(BYTES_OF(&a->name), BYTES_OF(&b->name)) && bytes_equal(BYTES_OF(&a->key.priv), BYTES_OF(&b->key.priv)) &&
               bytes_equal(line(a, "label"), line(b, "label")) && a->kind == b->kind && a->pub.ckk == b->pub.ckk;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        CLEANUP(item_body_clear) struct item_body a = { 0 };
        CLEANUP(item_body_clear) struct item_body b = { 0 };
        CLEANUP(buf_clear) struct buf text = { 0 };
        struct item_spec spec = { 0 };
        enum item_type type;

        if (item_parse(BYTES(data, size), &spec.type, &a) != 0)
                return 0;
        spec.label = line(&a, "label");
        spec.id = BYTES_OF(&a.id);
        spec.attrs = &a.attrs;
        spec.key = &a.key;
        spec.der = BYTES_OF(&a.der);
        /* Nearly too large or too many lines already: the store's own lines may be what does not fit. */
        if (item_format(&spec, "0123456789abcdef", "2026-11-25T00:00:00Z", &text) != 0)
                return 0;
        if (item_parse(BYTES_OF(&text), &type, &b) != 0 || type != spec.type || !same(&a, &b))
                abort();
        return 0;
}
