/* SPDX-License-Identifier: BSD-2-Clause */
/* PKCS#11 URIs: what we take we can write, and that is read as the same. */
#include <stdlib.h>
#include "provider/provider.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        CLEANUP(uri_clear) struct uri u = { 0 }, again = { 0 };
        CLEANUP(buf_clear) struct buf text = { 0 }, same = { 0 };

        if (uri_parse(BYTES(data, size), &u) != 0)
                return 0;
        if (uri_format(&u, &text) != 0)
                abort();
        /* Encoding makes it longer, perhaps longer than we read. */
        if (text.len > 8192)
                return 0;
        if (uri_parse(BYTES_OF(&text), &again) != 0 || uri_format(&again, &same) != 0 || !bytes_equal(BYTES_OF(&text), BYTES_OF(&same)))
                abort();
        return 0;
}
