/* SPDX-License-Identifier: BSD-2-Clause */
/* Lines that we read we can write, and read again as the same. */
#include <stdlib.h>
#include <string.h>
#include "lib/attrs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        CLEANUP(attrs_clear) struct attrs a = { 0 };
        CLEANUP(attrs_clear) struct attrs b = { 0 };
        CLEANUP(buf_clear) struct buf text = { 0 };

        if (attrs_parse(BYTES(data, size), &a) != 0)
                return 0;
        if (attrs_format(&a, &text) != 0 || attrs_parse(BYTES_OF(&text), &b) != 0 || a.n != b.n)
                abort();
        for (size_t i = 0; i < a.n; i++)
                if (strcmp(a.list[i].name, b.list[i].name) != 0 || !bytes_equal(BYTES_OF(&a.list[i].value), BYTES_OF(&b.list[i].value)))
                        abort();
        return 0;
}
