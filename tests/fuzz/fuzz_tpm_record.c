/* SPDX-License-Identifier: BSD-2-Clause */
/* The record of what is loaded: what can be read is written again as it was. */
#include <stdlib.h>
#include "lib/err.h"
#include "tpm/cache.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        struct cache c;

        if (cache_parse(BYTES(data, size), &c) != 0) {
                if (c.n != 0 || !c.unsure)
                        abort();
                return 0;
        }
        if (cache_format(&c, &text) != 0 || !bytes_equal(BYTES_OF(&text), BYTES(data, size)))
                abort();
        return 0;
}
