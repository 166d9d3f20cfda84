/* SPDX-License-Identifier: BSD-2-Clause */
/* Names of files: one that we take is exactly the one that we would have written. */
#include <stdlib.h>
#include <string.h>
#include "keys/item_name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        CLEANUP(item_name_clear) struct item_name n = { 0 };
        CLEANUP(buf_clear) struct buf again = { 0 };
        char name[256] = "";

        if (size >= sizeof(name))
                return 0;
        if (size > 0)
                memcpy(name, data, size);
        if (item_name_parse(name, &n) != 0)
                return 0;
        /* What a digest stands for is not known. */
        if (n.label.hashed || n.id.hashed)
                return 0;
        if (item_name_format(n.type, BYTES_OF(&n.label.value), BYTES_OF(&n.id.value), n.uid, n.generation, &again) != 0 ||
            !bytes_equal(BYTES_OF(&again), BYTES_STR(name)))
                abort();
        return 0;
}
