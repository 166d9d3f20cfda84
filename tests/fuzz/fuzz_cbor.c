/* SPDX-License-Identifier: BSD-2-Clause */
/* CBOR: what passes the check is one item that can be walked over, and written again it is the same octets. */
#include <stdlib.h>
#include <string.h>
#include "lib/cbor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Reads one item by the type that its first octet tells, and writes it. */
static int copy_item(struct cbor *c, struct buf *b)
{
        struct bytes s;
        uint64_t v;
        size_t n, all;
        bool yes;
        int r;

        switch (c->rest.ptr[0] >> 5) {
        case 0:
                return cbor_get_uint(c, &v) != 0 ? -1 : cbor_put_uint(b, v);
        case 2:
                return cbor_get_bytes(c, &s) != 0 ? -1 : cbor_put_bytes(b, s);
        case 3:
                return cbor_get_text(c, &s) != 0 ? -1 : cbor_put_text(b, s);
        case 4:
                r = cbor_get_array(c, &n) != 0 ? -1 : cbor_put_array(b, n);
                all = r == 0 ? n : 0;
                break;
        case 5:
                r = cbor_get_map(c, &n) != 0 ? -1 : cbor_put_map(b, n);
                all = r == 0 ? 2 * n : 0;
                break;
        default:
                return cbor_get_bool(c, &yes) != 0 ? -1 : cbor_put_bool(b, yes);
        }
        for (size_t i = 0; r == 0 && i < all; i++)
                r = copy_item(c, b);
        return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        CLEANUP(buf_clear) struct buf b = { 0 };
        struct cbor c = { BYTES(data, size) };
        bool good = cbor_check(BYTES(data, size), 8) == 0;

        if (cbor_skip(&c) != 0) {
                if (good || c.rest.ptr != data || c.rest.len != size)
                        abort();
                return 0;
        }
        if (good && c.rest.len != 0)
                abort();
        if (!good)
                return 0;
        c.rest = BYTES(data, size);
        if (copy_item(&c, &b) != 0 || !bytes_equal(BYTES_OF(&b), BYTES(data, size)))
                abort();
        return 0;
}
